package oauth

import (
	"context"
	"sync"
	"time"
)

const (
	flushPause  = 5 * time.Second
	upkeepPause = time.Minute
	// lastFlush is how long a server that ends may take to write the last uses.
	lastFlush = 5 * time.Second
)

// Run does the background work until the context ends: it hears of revocations
// made by other servers, writes the last uses of tokens, and rotates the signing
// key when it is due. Without it everything is right, but each token is looked
// up again after a second. Each server may run it.
func (s *Service) Run(ctx context.Context) {
	var work sync.WaitGroup
	work.Go(func() {
		s.repeat(ctx, pollPause, s.poll, "revocations were not read; each token is looked up every second until they are")
	})
	work.Go(func() {
		s.repeat(ctx, flushPause, s.flush, "the last uses of tokens were not written; they are tried again")
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastFlush)
		defer cancel()
		if err := s.flush(last); err != nil {
			s.log.ErrorContext(last, "the last uses of tokens were not written", "error", err)
		}
	})
	work.Go(func() { s.repeat(ctx, upkeepPause, s.upkeep, "signing keys and revocations were not tended") })
	work.Wait()
}

// repeat does the work until the context ends. Of failures in a row the first is told.
func (s *Service) repeat(ctx context.Context, pause time.Duration, work func(context.Context) error, failure string) {
	tick := time.NewTicker(pause)
	defer tick.Stop()
	failing := false
	for {
		err := work(ctx)
		if err != nil && !failing && ctx.Err() == nil {
			s.log.ErrorContext(ctx, failure, "error", err)
		}
		failing = err != nil
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// upkeep does what need not be done often.
func (s *Service) upkeep(ctx context.Context) error {
	s.used.forget(time.Now())
	if err := s.store.ForgetRevocations(ctx, time.Now().Add(-remembered)); err != nil {
		return err
	}
	return s.tendKeys(ctx)
}
