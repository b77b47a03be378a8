package admin

import "context"

// Others are the other processes on the same store, through which operators may have set something a moment ago that the
// register does not show yet. Who is about to refuse somebody for what it shows asks them first.
type Others interface {
	// Revision is that of what the register shows now. It is read before it is judged by what the register shows: then whatever
	// is set meanwhile counts as newer.
	Revision() int64
	// Newer takes up what others have set, and says whether something else than this revision may be shown now. It bounds how
	// often it asks anybody, however often it is called, and how long it waits for an answer.
	Newer(ctx context.Context, revision int64) bool
}
