package pool

import (
	"context"
	"net/url"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/testdb"
)

// Of several hosts only one that takes changes is connected to; here none does.
func TestOpen_WantsThePrimaryOfSeveralHosts(t *testing.T) {
	t.Parallel()
	database := testdb.New(t)
	c, err := pgx.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Exec(t.Context(), `alter database "`+c.Config().Database+`" set default_transaction_read_only = on`); err != nil {
		t.Fatal(err)
	}
	_ = c.Close(context.WithoutCancel(t.Context()))
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	open := func(change func(q url.Values)) error {
		several := *u
		q := u.Query()
		change(q)
		several.RawQuery = q.Encode()
		s, err := Open(t.Context(), several.String(), Options{MaxConns: 2})
		if err == nil {
			s.Close()
		}
		return err
	}
	twice := func(q url.Values) {
		// Another spelling of the same directory is another host.
		q.Set("host", q.Get("host")+","+q.Get("host")+"/")
		q.Set("port", q.Get("port")+","+q.Get("port"))
	}
	if err := open(twice); err == nil {
		t.Error("a server that takes no changes was taken for the primary")
	}
	if err := open(func(q url.Values) { twice(q); q.Set("target_session_attrs", "any") }); err != nil {
		t.Errorf("any: %v", err)
	}
	if err := open(func(url.Values) {}); err != nil {
		t.Errorf("one host: %v", err)
	}
}
