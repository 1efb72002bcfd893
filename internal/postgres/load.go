package postgres

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/schema"
)

// LoadUsers stores new users by COPY, all or none: what CreateUser would store of the
// same edits (directory.Directory.NewUser), many times as fast. The ids of their
// documents are kept, deleted users of the same names stay deleted, and nobody is
// told by events: it is for filling organisations, a few thousand users at a time.
//
// Errors are those of CreateUser; a name that is taken is an internal one.
func (s *Store) LoadUsers(ctx context.Context, o org.ID, t *schema.Type, edits []directory.Edit) error {
	v := s.view(o)
	resources, modified, keys := make([][]any, len(edits)), make([][]any, len(edits)), [][]any{}
	var references []directory.Reference
	var counts [groupsCount + 1]int32
	for i, e := range edits {
		id, found, stored, err := v.loaded(t, e)
		if err != nil {
			return wrap("load users", err)
		}
		var password any
		if e.PasswordHash != "" {
			password = e.PasswordHash
		}
		modified[i] = modificationOf(modifiedUsers, stored)
		resources[i] = append(append(stored, password), found.columns...)
		for _, k := range found.keys {
			keys = append(keys, []any{v.org, k.kind, k.key, id})
		}
		references = append(references, e.References...)
		kind := inactiveUsers
		if schema.Active.Get(e.Doc) == true {
			kind = activeUsers
		}
		counts[kind]++
	}
	err := v.load(ctx, references, counts[:], []copied{
		{"users", append(append(slices.Clone(loadedColumns), "password_hash"), users.columnNames...), resources},
		{"modifications", modificationColumns, modified},
		{"user_keys", []string{"org_id", "kind", "key", "user_id"}, keys},
	})
	return wrap("load users", err)
}

// NewGroup is a group for LoadGroups. Edit.Members are its first members.
type NewGroup struct {
	directory.Group
	directory.Edit
}

// LoadGroups stores new groups with their members by COPY, all or none. The members
// must be users of the organisation.
func (s *Store) LoadGroups(ctx context.Context, o org.ID, t *schema.Type, loaded []NewGroup) error {
	v := s.view(o)
	resources, modified, members := make([][]any, len(loaded)), make([][]any, len(loaded)), [][]any{}
	for i, g := range loaded {
		id, found, stored, err := v.loaded(t, g.Edit)
		if err != nil {
			return wrap("load groups", err)
		}
		var ids []uuid.UUID
		if g.Members != nil {
			ids = g.Members.Add
		}
		modified[i] = modificationOf(modifiedGroups, stored)
		stored = append(stored, len(ids), g.Description, g.Type, g.Visibility, g.RulesVisible)
		resources[i] = append(stored, found.columns...)
		for _, member := range ids {
			members = append(members, []any{v.org, id, uid(member)})
		}
	}
	columns := append(slices.Clone(loadedColumns), "member_count", "description", "type", "visibility", "rules_visible")
	err := v.load(ctx, nil, []int32{groupsCount: int32(len(loaded))}, []copied{
		{"groups", append(columns, groups.columnNames...), resources},
		{"modifications", modificationColumns, modified},
		{"group_members", []string{"org_id", "group_id", "user_id"}, members},
	})
	return wrap("load groups", err)
}

var (
	// loadedColumns begin the rows of both types, as loaded gives them.
	loadedColumns       = []string{"org_id", "id", "version", "created_at", "modified_at", "doc", "folded"}
	modificationColumns = []string{"org_id", "kind", "modified_at", "id"}
)

func (v view) loaded(t *schema.Type, e directory.Edit) (id uid, found row, stored []any, err error) {
	parsed, err := uuid.Parse(schema.ID.Text(e.Doc))
	if err != nil {
		return id, found, nil, fmt.Errorf("read id of new %s: %w", t.Name, err)
	}
	found, err = newRow(t, e.Doc)
	id, created := uid(parsed), v.clock.now()
	stored = append(make([]any, 0, 20), v.org, id, int64(1), created, created, string(t.Encode(e.Doc)), found.folded)
	return id, found, stored, err
}

// modificationOf gives the row of modifications that goes with what loaded gives.
func modificationOf(kind int16, stored []any) []any {
	return []any{stored[0], kind, stored[4], stored[1]}
}

// copied are rows that a table gets.
type copied struct {
	table   string
	columns []string
	rows    [][]any
}

// load writes the rows and what they add to the counts, by kind.
func (v view) load(ctx context.Context, references []directory.Reference, counts []int32, tables []copied) error {
	changes := [][]any{}
	for kind, n := range counts {
		if n != 0 {
			changes = append(changes, []any{v.org, int16(kind), newID(), n})
		}
	}
	tables = append(tables, copied{"count_changes", []string{"org_id", "kind", "id", "n"}, changes})
	return v.inTx(ctx, nothing, func(tx pgx.Tx) error {
		if err := v.lockReferences(ctx, tx, references); err != nil {
			return err
		}
		for _, t := range tables {
			if _, err := tx.CopyFrom(ctx, pgx.Identifier{t.table}, t.columns, pgx.CopyFromRows(t.rows)); err != nil {
				return err
			}
		}
		return nil
	})
}
