package transfer

import (
	"cmp"
	"context"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"
)

const (
	// atOnce is how many steps are on their way at a time: as many as are worth to be sent
	// together, since look-ups and writes of one organisation travel in batches.
	atOnce = 64
	// memoryAtOnce is how many bytes the lines of these steps may take. One that takes more
	// goes alone.
	memoryAtOnce = 64 << 20
	// block is after how many steps all that is on its way is waited for, so that they are done
	// for good: what is done again by who goes on is less than that.
	block = 1000
	// grace is how long steps that are on their way have to end when no more are to begin.
	grace = 2 * time.Second
)

// steps does the steps of an import, many at a time, past those that are done.
type steps struct {
	*running
	asked   context.Context // when it ends no step begins any more
	ctx     context.Context // of the steps, which outlives asked by the grace
	n       int             // steps that were begun, or done before
	memory  *semaphore.Weighted
	workers *errgroup.Group
	working context.Context // ends with the first that fails
}

func (r *running) newSteps(ctx context.Context) (s *steps, cancel context.CancelFunc) {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	context.AfterFunc(ctx, func() { time.AfterFunc(grace, cancel) })
	s = &steps{running: r, asked: ctx, ctx: longer, memory: semaphore.NewWeighted(memoryAtOnce)}
	s.next()
	return s, cancel
}

// next begins a block.
func (s *steps) next() {
	s.workers, s.working = errgroup.WithContext(s.ctx)
	s.workers.SetLimit(atOnce)
}

// do begins a step of a line that takes so much memory, unless it was done before.
func (s *steps) do(size int64, step func(ctx context.Context) error) error {
	if s.asked.Err() != nil || s.working.Err() != nil {
		if err := s.end(); err != nil {
			return err
		}
		return s.asked.Err()
	}
	if s.n++; s.n <= s.Begun.Steps {
		return nil
	}
	working := s.working
	size = min(size, memoryAtOnce)
	if err := s.memory.Acquire(working, size); err != nil { // a step has failed, or all have to end
		return cmp.Or(s.workers.Wait(), err)
	}
	s.workers.Go(func() error {
		defer s.memory.Release(size)
		return step(working)
	})
	if s.n%block == 0 {
		return s.end()
	}
	return nil
}

// isAgain reports whether the next step may have been done, and its server have died before it
// could be kept that it was.
func (s *steps) isAgain() bool {
	return s.Earlier != nil && s.Begun.Steps <= s.n && s.n < s.Begun.Steps+block
}

// end waits for all that was begun, which is done for good then.
func (s *steps) end() error {
	err := s.workers.Wait()
	if err == nil {
		err = s.addAll(s.ctx)
	}
	if err == nil && s.Keep != nil && s.n > s.Begun.Steps {
		err = s.Keep(s.ctx, Progress{s.n, s.summary}.clone())
	}
	s.next()
	return err
}
