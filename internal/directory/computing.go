package directory

import (
	"context"
	"errors"
	"runtime"
	"time"

	"github.com/purescim/purescim/internal/fairshare"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/scim"
)

const (
	// manyOperations is how many operations of a PATCH are more than others should wait
	// for: then its computing takes a share of the processors.
	manyOperations = 50

	// How many of an organisation wait for a processor, and how long.
	computingWaiting = 256
	longestWait      = 10 * time.Second
)

// newComputing divides the processors among organisations; each may use half of them. Long
// computations take turns there, so that short requests need not wait for a processor.
func newComputing() *fairshare.Gate[org.ID] {
	slots := max(2, runtime.GOMAXPROCS(0))
	return fairshare.New[org.ID](fairshare.Options{Slots: slots, Share: slots / 2, Queue: computingWaiting, MaxWait: longestWait})
}

// inTurn computes what may take long; work waits for nothing.
func inTurn[T any](ctx context.Context, d *Directory, o org.ID, work func() (T, error)) (result T, err error) {
	if err := d.computing.Enter(ctx, o); err != nil {
		return result, Refused(err, "the processors", longestWait)
	}
	defer d.computing.Leave(o)
	return work()
}

// Refused tells a client that it asks for more than the share of its organisation; err is
// that of fairshare, and waited how long one may wait.
func Refused(err error, share string, waited time.Duration) error {
	switch {
	case errors.Is(err, fairshare.ErrFull):
		return scim.TooManyRequests("the organisation has too many requests that wait for its share of %s; wait for answers before sending more", share).Because(err)
	case errors.Is(err, fairshare.ErrWaited):
		return scim.Unavailable("the organisation's share of %s was in use for %s; nothing was changed, try again in some seconds", share, waited).Because(err)
	default:
		return err
	}
}
