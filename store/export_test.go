package store

// MaxViews is how many views are open at once.
const MaxViews = maxViews

// MaxBatch is how many messages share a commit at most.
const MaxBatch = maxBatch
