package searchtest

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// ManyUsers is how many users Fill makes.
const ManyUsers = 50_000

const (
	manyGroups = 50_000
	groupSize  = 50
)

// Plan gives the plan of a statement, of one that is composed as pool.Share.Planned has it.
func (s *DB) Plan(t *testing.T, composed bool, sql string, args []any) string {
	t.Helper()
	s.Exec(t, "begin")
	defer s.Exec(t, "rollback")
	if composed {
		s.Exec(t, db.PlanForValues)
	}
	rows, _ := s.Conn.Query(t.Context(), "explain "+sql, args...)
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatalf("explain %s: %v", sql, err)
	}
	return strings.Join(lines, "\n")
}

// Fill makes an organisation with ManyUsers, NumberedUser of each number, who are in groups of
// 50, and as many groups, NumberedGroup.
func (s *DB) Fill(t *testing.T) (org int64) {
	t.Helper()
	org = s.Orgs.Add(1)
	var members [][2]uuid.UUID
	for chunk := range slices.Chunk(Documents(ManyUsers, NumberedUser), 10_000) {
		s.Add(t, org, schema.User, chunk)
	}
	for chunk := range slices.Chunk(Documents(manyGroups, NumberedGroup), 10_000) {
		s.Add(t, org, schema.Group, chunk)
	}
	for i := range ManyUsers {
		members = append(members, [2]uuid.UUID{Numbered(2, i/groupSize), Numbered(1, i)})
	}
	s.Link(t, org, members)
	s.Exec(t, "analyze users, user_keys, groups, group_members, modifications")
	return org
}

// Documents are so many, one for each number.
func Documents(n int, one func(i int) scim.Document) []scim.Document {
	docs := make([]scim.Document, n)
	for i := range docs {
		docs[i] = one(i)
	}
	return docs
}

// Numbered gives an id for a number, in the order of the numbers.
func Numbered(kind byte, i int) uuid.UUID {
	id := uuid.UUID{kind, 6: 0x70, 8: 0x80}
	binary.BigEndian.PutUint32(id[12:], uint32(i))
	return id
}

// NumberedUser is a user with the id Numbered(1, i) who can be found by each of the attributes
// that have an index.
func NumberedUser(i int) scim.Document {
	value := func(format string, i int) []any {
		return []any{map[string]any{"value": fmt.Sprintf(format, i), "type": "work"}}
	}
	return scim.Document{
		"id":           Numbered(1, i).String(),
		"meta":         modifiedAt(i),
		"userName":     fmt.Sprintf("user%d@example.org", i),
		"displayName":  fmt.Sprintf("User Number %d", i),
		"externalId":   fmt.Sprintf("HR-%d", i),
		"active":       i%50 != 0,
		"emails":       value("user%d@example.org", i),
		"phoneNumbers": value("+1317555%06d", i),
		"roles":        value("role %d", i%100),
		scim.EnterpriseUserURN: map[string]any{
			"employeeNumber": "E" + strconv.Itoa(i),
			"department":     fmt.Sprintf("Department %d", i%200),
			"division":       fmt.Sprintf("Division %d", i%100),
			"manager":        map[string]any{"value": Numbered(1, i%5000).String()},
		},
		scim.GenesysUserURN: map[string]any{
			"routingSkills": []any{map[string]any{"name": fmt.Sprintf("skill %d", i%300), "proficiency": 3.0}},
			"externalIds":   []any{map[string]any{"authority": "zoomphone", "value": fmt.Sprintf("zoom %d", i)}},
		},
	}
}

// modifiedAt is a minute after the one before it.
func modifiedAt(i int) map[string]any {
	at := time.Date(2026, 1, 1, 0, i, 0, 0, time.UTC).Format(time.RFC3339)
	return map[string]any{"created": at, "lastModified": at}
}

// NumberedGroup is a group with the id Numbered(2, i).
func NumberedGroup(i int) scim.Document {
	return scim.Document{
		"id":          Numbered(2, i).String(),
		"meta":        modifiedAt(i),
		"displayName": fmt.Sprintf("Group %d", i),
		"externalId":  fmt.Sprintf("G-%d", i),
	}
}
