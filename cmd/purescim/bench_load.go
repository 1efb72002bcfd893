package main

import (
	"context"
	"runtime"
	"sync/atomic"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/purescim/purescim/internal/bench"
	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/postgres"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

const (
	usersAtOnce  = 2000
	groupsAtOnce = 500
)

// loadBench fills the organisation by COPY with what the same bodies would become over
// HTTP.
func loadBench(ctx context.Context, p *parts, o org.Org, users int, progress func(bench.Step)) (bench.Data, error) {
	data := bench.NewData(users)
	types, err := p.directory.TypesOf(ctx, o)
	if err != nil {
		return data, err
	}
	loader := benchLoader{parts: p, org: o, types: types, data: data}
	err = inParts(ctx, users, usersAtOnce, loader.users, func(done int) { progress(bench.Step{What: "loading users", Done: done, Total: users}) })
	if err != nil {
		return data, err
	}
	groups := data.GroupCount()
	err = inParts(ctx, groups, groupsAtOnce, loader.groups, func(done int) { progress(bench.Step{What: "loading groups", Done: done, Total: groups}) })
	return data, err
}

// inParts does n things, so many at once in each part, in several parts at once.
func inParts(ctx context.Context, n, atOnce int, do func(ctx context.Context, first, end int) error, done func(int)) error {
	var finished atomic.Int64
	working, ctx := errgroup.WithContext(ctx)
	working.SetLimit(2 * runtime.NumCPU()) // while one waits for PostgreSQL another makes documents
	for first := 0; first < n; first += atOnce {
		working.Go(func() error {
			end := min(first+atOnce, n)
			err := do(ctx, first, end)
			done(int(finished.Add(int64(end - first))))
			return err
		})
	}
	return working.Wait()
}

type benchLoader struct {
	*parts
	org   org.Org
	types schema.Types
	data  bench.Data
}

// users loads the users from first to before end.
func (l benchLoader) users(ctx context.Context, first, end int) error {
	edits := make([]directory.Edit, end-first)
	for i := range edits {
		body, err := scim.ParseObject([]byte(l.data.UserBody(first + i)))
		if err != nil {
			return err
		}
		if edits[i], err = l.directory.NewUser(ctx, l.org, l.types[0], body); err != nil {
			return err
		}
		schema.ID.Set(edits[i].Doc, l.data.Users[first+i])
	}
	return l.store.LoadUsers(ctx, l.org.ID, l.types[0], edits)
}

func (l benchLoader) groups(ctx context.Context, first, end int) error {
	groups := make([]postgres.NewGroup, end-first)
	for i := range groups {
		g := l.data.Group(first + i)
		doc := scim.Document{}
		schema.ID.Set(doc, g.ID)
		schema.GroupName.Set(doc, g.Name)
		members := make([]uuid.UUID, len(g.Members))
		for j, id := range g.Members {
			members[j] = uuid.MustParse(id)
		}
		groups[i] = postgres.NewGroup{
			Group: directory.PlainGroup,
			Edit:  directory.Edit{Doc: doc, Members: &directory.MemberChange{Add: members}},
		}
	}
	return l.store.LoadGroups(ctx, l.org.ID, l.types[1], groups)
}
