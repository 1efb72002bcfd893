package postgres

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/postgres/counts"
	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/postgres/pgerr"
	"github.com/purescim/purescim/internal/postgres/pool"
	"github.com/purescim/purescim/internal/postgres/search"
	"github.com/purescim/purescim/internal/postgres/writes"
	"github.com/purescim/purescim/internal/provisioning"
	"github.com/purescim/purescim/internal/schema"
)

// LoadUsers stores new users by COPY, all or none: what CreateUser would store of the
// same edits (directory.Directory.NewUser), many times as fast. The ids of their
// documents are kept, deleted users of the same names stay deleted, and nobody is
// told by events: it is for filling organisations, a few thousand users at a time.
//
// Errors are those of CreateUser; a name that is taken is an internal one.
func (s *Store) LoadUsers(ctx context.Context, o org.ID, t *schema.Type, edits []directory.Edit) error {
	tenant := s.Tenant(o)
	h := loading{s.writer.Of(&tenant)}
	resources, modified, keys := make([][]any, len(edits)), make([][]any, len(edits)), [][]any{}
	var references []directory.Reference
	var changes [counts.Groups + 1]int32
	for i, e := range edits {
		id, found, stored, err := h.loaded(t, e)
		if err != nil {
			return pgerr.Wrap("load users", err)
		}
		var password any
		if e.PasswordHash != "" {
			password = e.PasswordHash
		}
		modified[i] = modificationOf(search.Users.Modified, stored)
		resources[i] = append(append(stored, password), found.Columns...)
		for _, k := range found.Keys {
			keys = append(keys, []any{h.Org, k.Kind, k.Text, id})
		}
		references = append(references, e.References...)
		kind := counts.InactiveUsers
		if schema.Active.Get(e.Doc) == true {
			kind = counts.ActiveUsers
		}
		changes[kind]++
	}
	err := h.load(ctx, references, changes[:], []copied{
		{"users", append(append(slices.Clone(loadedColumns), "password_hash"), search.Users.ColumnNames...), resources},
		{"modifications", modificationColumns, modified},
		{"user_keys", []string{"org_id", "kind", "key", "user_id"}, keys},
	})
	return pgerr.Wrap("load users", err)
}

// LoadLog stores entries of the provisioning log by COPY, as the changes that they tell of
// would have, some thousand at a time. Their months must have room: see MakeRoom.
func (s *Store) LoadLog(ctx context.Context, o org.ID, entries []provisioning.Entry) error {
	return s.provisioningLog().Load(ctx, o, entries)
}

// MakeRoom has room made in the provisioning log for entries that are loaded, of all months
// since a time.
func (s *Store) MakeRoom(ctx context.Context, since time.Time) error {
	return s.provisioningLog().MakeRoom(ctx, since)
}

// NewGroup is a group for LoadGroups. Edit.Members are its first members.
type NewGroup struct {
	directory.Group
	directory.Edit
}

// LoadGroups stores new groups with their members by COPY, all or none. The members
// must be users of the organisation.
func (s *Store) LoadGroups(ctx context.Context, o org.ID, t *schema.Type, loaded []NewGroup) error {
	tenant := s.Tenant(o)
	h := loading{s.writer.Of(&tenant)}
	resources, modified, members := make([][]any, len(loaded)), make([][]any, len(loaded)), [][]any{}
	for i, g := range loaded {
		id, found, stored, err := h.loaded(t, g.Edit)
		if err != nil {
			return pgerr.Wrap("load groups", err)
		}
		var ids []uuid.UUID
		if g.Members != nil {
			ids = g.Members.Add
		}
		modified[i] = modificationOf(search.Groups.Modified, stored)
		stored = append(stored, len(ids), g.Description, g.Type, g.Visibility, g.RulesVisible)
		resources[i] = append(stored, found.Columns...)
		for _, member := range ids {
			members = append(members, []any{h.Org, id, db.ID(member)})
		}
	}
	columns := append(slices.Clone(loadedColumns), "member_count", "description", "type", "visibility", "rules_visible")
	err := h.load(ctx, nil, []int32{counts.Groups: int32(len(loaded))}, []copied{
		{"groups", append(columns, search.Groups.ColumnNames...), resources},
		{"modifications", modificationColumns, modified},
		{"group_members", []string{"org_id", "group_id", "user_id"}, members},
	})
	return pgerr.Wrap("load groups", err)
}

var (
	// loadedColumns begin the rows of both types, as loaded gives them.
	loadedColumns       = []string{"org_id", "id", "version", "created_at", "modified_at", "doc", "folded"}
	modificationColumns = []string{"org_id", "kind", "modified_at", "id"}
)

// loading stores new resources of an organisation by COPY.
type loading struct{ writes.Hand }

func (h loading) loaded(t *schema.Type, e directory.Edit) (id db.ID, found search.Row, stored []any, err error) {
	parsed, err := uuid.Parse(schema.ID.Text(e.Doc))
	if err != nil {
		return id, found, nil, fmt.Errorf("read id of new %s: %w", t.Name, err)
	}
	found, err = search.NewRow(t, e.Doc)
	id, created := db.ID(parsed), h.Clock.Now()
	stored = append(make([]any, 0, 20), h.Org, id, int64(1), created, created, string(t.Encode(e.Doc)), found.Folded)
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
func (h loading) load(ctx context.Context, references []directory.Reference, counts []int32, tables []copied) error {
	changes := [][]any{}
	for kind, n := range counts {
		if n != 0 {
			changes = append(changes, []any{h.Org, int16(kind), db.NewID(), n})
		}
	}
	tables = append(tables, copied{"count_changes", []string{"org_id", "kind", "id", "n"}, changes})
	return h.DB.InTx(ctx, pool.Nothing, func(tx pgx.Tx) error {
		if err := h.CheckReferences(ctx, tx, references); err != nil {
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
