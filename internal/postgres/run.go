package postgres

import (
	"context"
	"sync"
	"time"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/periodic"
	"github.com/purescim/purescim/internal/postgres/upkeep"
	"github.com/purescim/purescim/internal/postgres/users"
	"github.com/purescim/purescim/internal/schema"
)

const (
	analysePause = time.Minute
	analyseLimit = time.Minute // ends what hangs
	emptyPause   = time.Minute
	emptyLimit   = 5 * time.Minute // ends what hangs
	forgetPause  = time.Hour
	forgetTime   = 10 * time.Minute // ends what hangs
	foldPause    = 2 * time.Second
	foldLimit    = time.Minute // ends what hangs
)

// Run does the background work until the context ends: it folds the counts of
// all organisations every two seconds, knows whose changes are to be told, deletes what is
// left of organisations that were deleted, asks for the time, looks after the standbys, and has PostgreSQL analyse
// tables that have grown.
// Each server may run it.
func (s *Store) Run(ctx context.Context) {
	var work sync.WaitGroup
	defer work.Wait()
	work.Go(func() { s.events.Keep(ctx) })
	work.Go(func() { s.KeepTime(ctx) })
	work.Go(func() { s.standbys.Run(ctx) })
	work.Go(func() {
		periodic.Every(ctx, analysePause, s.Log, "tables that have grown were not analysed", periodic.Within(analyseLimit, s.analyseGrown))
	})
	work.Go(func() {
		periodic.Every(ctx, emptyPause, s.Log, "what deleted organisations owned is not deleted yet", periodic.Within(emptyLimit, s.registry.EmptyAll))
	})
	work.Go(func() {
		periodic.Every(ctx, forgetPause, s.Log, "users who were deleted long ago were not forgotten", periodic.Within(forgetTime, s.forgetDeletedUsers))
	})
	periodic.Every(ctx, foldPause, s.Log, "counts were not folded; totals stay exact but cost more", periodic.Within(foldLimit, s.foldAll))
}

// foldAll folds the pending changes of all organisations' counts.
func (s *Store) foldAll(ctx context.Context) error { return s.folding.All(ctx) }

// FoldCounts folds the pending changes of one organisation's counts. It changes no total,
// only what reading one costs.
func (s *Store) FoldCounts(ctx context.Context, o org.ID) error { return s.folding.One(ctx, o) }

// forgetDeletedUsers forgets those whom no organisation keeps any longer.
func (s *Store) forgetDeletedUsers(ctx context.Context) error {
	orgs, err := s.Registry().ListOrgs(ctx)
	if err != nil {
		return err
	}
	return users.ForgetDeleted(ctx, s.Pool, orgs)
}

// analyseGrown gathers the statistics of tables that have grown tenfold.
func (s *Store) analyseGrown(ctx context.Context) error { return upkeep.AnalyseGrown(ctx, s.Pool) }

// Figures reads the figures of now.
func (s *Store) Figures(ctx context.Context) (upkeep.Figures, error) {
	return upkeep.ReadFigures(ctx, s.Pool)
}

// FoldAgain implements directory.Store.
func (s *Store) FoldAgain(ctx context.Context, o org.Org, types schema.Types, report func(collision string)) error {
	return upkeep.FoldAgain(ctx, s.Pool, o, types, report)
}

// Verify compares everything that is derived with what it is derived from, in
// one snapshot of the organisation, and reports each difference in words:
// columns, keys and folded copies with the documents, member counts with the
// members, modifications, totals and ranges with the resources. types are User and Group, as directory.New
// takes them.
func (s *Store) Verify(ctx context.Context, o org.ID, types schema.Types, report func(difference string)) error {
	return upkeep.Verify(ctx, s.Pool, o, types, report)
}

// VerifyLog compares what is stored with the entries of the log.
func (s *Store) VerifyLog(ctx context.Context, o org.ID, report func(difference string)) error {
	return upkeep.VerifyLog(ctx, s.Pool, o, report)
}
