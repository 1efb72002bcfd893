package oauth

import (
	"context"
	"sync"
	"time"

	"github.com/purescim/purescim/internal/periodic"
)

const (
	flushPause  = 5 * time.Second
	upkeepPause = time.Minute
	// pollTime and upkeepTime end what hangs.
	pollTime   = 5 * time.Second
	upkeepTime = 30 * time.Second
	// lastFlush is how long a server may take to write the last uses, also when it ends.
	lastFlush = 5 * time.Second
)

// Run does the background work until the context ends: it hears of revocations
// made by other servers, writes the last uses of tokens, and rotates the signing
// key when it is due. Without it everything is right, but each token is looked
// up again after a second. Each server may run it.
func (s *Service) Run(ctx context.Context) {
	var work sync.WaitGroup
	work.Go(func() {
		periodic.Every(ctx, pollPause, s.log, "revocations were not read; each token is looked up every second until they are", periodic.Within(pollTime, s.poll))
	})
	work.Go(func() {
		periodic.Every(ctx, flushPause, s.log, "the last uses of tokens were not written; they are tried again", periodic.Within(lastFlush, s.flushUses))
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastFlush)
		defer cancel()
		if err := s.flush(last); err != nil {
			s.log.ErrorContext(last, "the last uses of tokens were not written", "error", err)
		}
	})
	work.Go(func() {
		periodic.Every(ctx, upkeepPause, s.log, "signing keys and revocations were not tended", periodic.Within(upkeepTime, s.upkeep))
	})
	work.Wait()
}

// upkeep does what need not be done often.
func (s *Service) upkeep(ctx context.Context) error {
	s.used.forget(s.store.Now())
	if err := s.store.ForgetRevocations(ctx, s.store.Now().Add(-remembered)); err != nil {
		return err
	}
	return s.tendKeys(ctx)
}
