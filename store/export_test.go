package store

// MaxViews is how many views are open at once.
const MaxViews = maxViews
