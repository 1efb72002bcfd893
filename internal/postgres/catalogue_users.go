package postgres

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/schema"
)

// Users who refer to entries by name are found by the rows of user_keys, those
// of a division by their column.
const (
	countUsersByKey = `
select k.key, count(*)
from   user_keys k
where  k.org_id = $1 and k.key = any($2) and k.kind = $3
group  by k.key`

	countUsersByDivision = `
select u.division_key, count(*)
from   users u
where  u.org_id = $1 and u.division_key = any($2)
group  by u.division_key`
)

// CountUsers implements directory.Catalogue.
func (v view) CountUsers(ctx context.Context, kind directory.Kind, names []string) ([]int, error) {
	counts, err := v.usersOf(ctx, v.db, kind, names)
	return counts, wrap("count users", err)
}

func (v view) usersOf(ctx context.Context, q querier, kind directory.Kind, names []string) ([]int, error) {
	keys := foldAll(names)
	sql, args := countUsersByDivision, []any{v.org, keys}
	if k := users.kindOf(kind.Attribute()); k != 0 {
		sql, args = countUsersByKey, append(args, k)
	}
	rows, err := q.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	byKey := make(map[string]int, len(keys))
	err = readAll(rows, func(raw [][]byte) { byKey[string(raw[0])] = int(readInt(raw[1])) })
	counts := make([]int, len(keys))
	for i, key := range keys {
		counts[i] = byKey[key]
	}
	return counts, err
}

// countClients counts the OAuth clients that carry a role, or carry one in a
// division.
const countClients = `
select count(*)
from   oauth_clients c
where  c.org_id = $1 and c.roles @> $2::jsonb`

// useOf tells who refers to an entry that is locked.
func (v view) useOf(ctx context.Context, tx pgx.Tx, e directory.Entry) (directory.InUseError, error) {
	counts, err := v.usersOf(ctx, tx, e.Kind, []string{e.Name})
	if err != nil {
		return directory.InUseError{}, err
	}
	use := directory.InUseError{Users: counts[0]}
	field := map[directory.Kind]string{directory.Role: "role", directory.Division: "division"}[e.Kind]
	if field == "" {
		return use, nil
	}
	rows, err := tx.Query(ctx, countClients, v.org, fmt.Sprintf(`[{%q: %q}]`, field, e.ID))
	if err == nil {
		err = readOne(rows, func(raw [][]byte) { use.Clients = int(readInt(raw[0])) })
	}
	return use, err
}

// The next users, by id, who refer to an entry.
const (
	lockUsersByKey = `
select u.id, u.version, u.created_at, u.modified_at, u.doc
from   user_keys k
join   users u on u.org_id = $1 and u.id = k.user_id
where  k.org_id = $1 and k.kind = $5 and k.key = $2 and k.user_id > $3
order  by k.user_id
limit  $4
for    no key update of u`

	lockUsersByDivision = `
select u.id, u.version, u.created_at, u.modified_at, u.doc
from   users u
where  u.org_id = $1 and u.division_key = $2 and u.id > $3
order  by u.id
limit  $4
for    no key update of u`
)

// rewrittenAtOnce bounds how many documents are in memory.
const rewrittenAtOnce = 500

// rewriteUsers edits every user who refers to an entry that is locked. Nobody
// comes to refer to it meanwhile, and who is being written is waited for.
func (v view) rewriteUsers(ctx context.Context, tx pgx.Tx, t *schema.Type, e directory.Entry, edit func(directory.Resource) directory.Edit) error {
	after := uuid.Nil
	for {
		page, err := v.lockUsers(ctx, tx, e, after)
		if err != nil || len(page) == 0 {
			return err
		}
		b := new(pgx.Batch)
		for _, user := range page {
			if user.Document, err = t.Load(user.Doc); err != nil {
				return err
			}
			e := edit(user)
			if e.Doc.Equal(user.Document) { // it has lost the name while it was waited for
				continue
			}
			if err := v.queueUser(b, t, user, e); err != nil {
				return err
			}
		}
		if err := tx.SendBatch(ctx, b).Close(); err != nil {
			return err
		}
		after = page[len(page)-1].ID
	}
}

func (v view) lockUsers(ctx context.Context, tx pgx.Tx, e directory.Entry, after uuid.UUID) ([]directory.Resource, error) {
	sql, args := lockUsersByDivision, []any{v.org, schema.Fold(e.Name), uid(after), rewrittenAtOnce}
	if k := users.kindOf(e.Kind.Attribute()); k != 0 {
		sql, args = lockUsersByKey, append(args, k)
	}
	rows, err := tx.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	var page []directory.Resource
	err = readAll(rows, func(raw [][]byte) { page = append(page, directory.Resource{Record: readRecord(raw)}) })
	return page, err
}
