package provisioning

import "context"

// MaxAttempted is how many entries an Attempt holds.
const MaxAttempted = 1000

// Attempt is a write whose caller wants to see its entries. A dry run is carried out, checked
// and rolled back, and has the entries that the write would have had. An attempt is for one
// write.
type Attempt struct {
	DryRun bool
	// Entries are those of the write, in the order in which they were made, and at most
	// MaxAttempted of Total.
	Entries []Entry
	Total   int
}

type attemptKey struct{}

// WithAttempt is the context of a write that is an attempt.
func WithAttempt(ctx context.Context, a *Attempt) context.Context {
	return context.WithValue(ctx, attemptKey{}, a)
}

// AttemptOf is the attempt that the context is for, or nil.
func AttemptOf(ctx context.Context) *Attempt {
	a, _ := ctx.Value(attemptKey{}).(*Attempt)
	return a
}

// IsDryRun reports whether nothing may stay of the writes of the context.
func IsDryRun(ctx context.Context) bool {
	a := AttemptOf(ctx)
	return a != nil && a.DryRun
}
