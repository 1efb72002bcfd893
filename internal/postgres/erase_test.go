package postgres

import (
	"testing"

	"github.com/google/uuid"
)

// Who was deleted longer ago than the organisation keeps users is forgotten.
func TestForget_DeletedUsers(t *testing.T) {
	t.Parallel()
	o := register(t)
	insert := `insert into deleted_users (org_id, user_name_key, id, version, created_at, deleted_at, doc) values ($1, $2, $3, 1, now(), now() - make_interval(days => $4), '{}')`
	for name, days := range map[string]int{"old": 401, "fresh": 399} {
		o.exec(insert, int64(o.org.ID), name, uuid.New(), days)
	}
	o.must(o.forgetDeletedUsers(t.Context()))
	var left string
	o.must(o.Own().QueryRow(t.Context(), `select string_agg(user_name_key, ' ') from deleted_users`).Scan(&left))
	if left != "fresh" {
		t.Errorf("left are %q, want the fresh one", left)
	}
}
