package postgres

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/events"
	"github.com/purescim/purescim/internal/filter"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/postgres/searchtest"
	"github.com/purescim/purescim/internal/postgres/users"
	"github.com/purescim/purescim/internal/postgres/writes"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// What a statement sees and what it locks are of one moment: the tests here hold a row,
// have requests wait for it in a known order, and let go.

// beside is another server of the same database.
func (o *tenant) beside() *tenant { return o.besideWith(4) }

func (o *tenant) besideWith(connections int32) *tenant {
	o.t.Helper()
	s, err := Open(o.t.Context(), o.Own().Config().ConnString(), Options{MaxConns: connections})
	o.must(err)
	o.t.Cleanup(s.Close)
	return tenantOf(s, org.ID(o.Tenant.Org), o.t)
}

// waitingFor returns when so many statements wait for the locks of others.
func (o *tenant) waitingFor(n int) {
	o.t.Helper()
	waitUntil(o.t, fmt.Sprint(n, " wait for a lock"), func() bool {
		return o.number(`select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`) == n
	})
}

// held locks what a statement finds, until release is called.
func (o *tenant) held(sql string, args ...any) (release func()) {
	o.t.Helper()
	tx, err := o.Own().Begin(o.t.Context())
	o.must(err)
	_, err = tx.Exec(o.t.Context(), sql, args...)
	o.must(err)
	return func() { o.must(tx.Rollback(context.WithoutCancel(o.t.Context()))) }
}

// inTurn holds a group and has requests wait for it, one after the other; each is sent
// by a server of its own.
func (o *tenant) inTurn(group uuid.UUID, requests ...func(server *tenant) error) {
	o.t.Helper()
	release := o.held(holdingGroup, o.Tenant.Org, db.ID(group))
	done := make(chan error, len(requests))
	for i, request := range requests {
		server := o.beside()
		go func() { done <- request(server) }()
		o.waitingFor(i + 1)
	}
	release()
	for range requests {
		o.must(<-done)
	}
}

// A member is added by one server and removed by another while the group is locked:
// the removal finds the one who was added meanwhile.
func TestChangeMembers_RemovesWhoWasAddedMeanwhile(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	ids := o.users(3)
	for i, links := range []bool{false, true} {
		g := o.group(fmt.Sprint("Sales ", i), ids[0])
		var added, removed directory.Record
		o.inTurn(g.ID, func(s *tenant) (err error) {
			added, err = s.ChangeMembers(t.Context(), g.ID, anyVersion, directory.MemberChange{Add: ids[1:2], Links: links})
			return err
		}, func(s *tenant) (err error) {
			removed, err = s.ChangeMembers(t.Context(), g.ID, anyVersion, directory.MemberChange{Remove: ids[:2], Limit: 2, Links: links})
			return err
		})
		expect(t, "version of the addition", added.Version, g.Version+1)
		expect(t, "version of the removal", removed.Version, g.Version+2)
		expect(t, "members that are left", linkIDs(o.get(schema.Group, g.ID, true).Links), []uuid.UUID{})
		if links {
			expect(t, "members of the answers", [][]uuid.UUID{linkIDs(added.Links), linkIDs(removed.Links)}, [][]uuid.UUID{ids[:2], {}})
		}
	}
	o.consistent()
}

// A group that is deleted while it is waited for is not found.
func TestChangeMembers_OfAGroupThatIsDeletedMeanwhile(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	ids := o.users(1)
	g := o.group("Sales")
	o.inTurn(g.ID, func(s *tenant) error {
		return s.DeleteGroup(t.Context(), g.ID, anyVersion)
	}, func(s *tenant) error {
		_, err := s.ChangeMembers(t.Context(), g.ID, anyVersion, directory.MemberChange{Add: ids})
		expectNotFound(t, "group", err)
		return nil
	})
	o.consistent()
}

// A group is read with its members at one moment, alone and in lists, few or many: a
// reader that waits between the two shows no version beside the members of another.
func TestGet_IsOfOneMoment(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	const many = directory.MaxAnswerMembers + 1
	o.exec(makeUsers, o.Tenant.Org, many+20)
	few, large := o.group("Few", searchtest.Numbered(1, 0)), o.group("Large")
	o.changeMembers(large.ID, directory.MemberChange{Add: numberedUsers(many)})
	next := many
	reader := o.besideWith(1) // connection, on which all is prepared
	check := func(what string, group uuid.UUID, read func() (directory.Record, error)) {
		t.Helper()
		o.must(second(read()))
		next++
		before := o.get(schema.Group, group, true)
		r := o.whileMembersChange(group, searchtest.Numbered(1, next), read)
		step := int(r.Version - before.Version)
		if n := len(r.Links) + len(r.MemberIDs); r.MemberCount != before.MemberCount+step || n != r.MemberCount {
			t.Errorf("%s: version %d is shown with %d of %d members", what, r.Version, n, r.MemberCount)
		}
	}
	for what, group := range map[string]uuid.UUID{"few": few.ID, "large": large.ID} {
		check(what, group, func() (directory.Record, error) { return reader.Get(t.Context(), schema.Group, group, true) })
	}
	for what, q := range momentQueries(t) {
		check(what, few.ID, func() (directory.Record, error) {
			p, err := reader.List(t.Context(), schema.Group, q)
			return p.Records[0], err
		})
	}
}

// whileMembersChange reads, and adds a member when the reader has come to the members.
func (o *tenant) whileMembersChange(group, member uuid.UUID, read func() (directory.Record, error)) directory.Record {
	o.t.Helper()
	done := make(chan outcome, 1)
	o.must(o.inTx(func(w *writes.Write, tx pgx.Tx) error {
		if _, err := tx.Exec(o.t.Context(), `lock table group_members in access exclusive mode`); err != nil {
			return err
		}
		go func() {
			r, err := read()
			done <- outcome{r, err}
		}()
		o.waitingFor(1)
		return addMember(o.t.Context(), w, tx, group, member)
	}))
	r := <-done
	o.must(r.err)
	return r.Record
}

func numberedUsers(n int) []uuid.UUID {
	ids := make([]uuid.UUID, n)
	for i := range ids {
		ids[i] = searchtest.Numbered(1, i)
	}
	return ids
}

// momentQueries are the ways in which a list finds its groups.
func momentQueries(t *testing.T) map[string]directory.Query {
	t.Helper()
	sorts, err := filter.ParseSort([]*schema.Type{schema.Group}, "displayName", "")
	if err != nil {
		t.Fatal(err)
	}
	q := directory.Query{Start: 1, Count: 10, Links: true}
	all := map[string]directory.Query{"list": q}
	q.Sort = &sorts[0]
	all["sorted list"] = q
	q.Sort, q.Filter = nil, parsed(t, schema.Group, `displayName co "few"`)
	all["filtered list"] = q
	return all
}

// A user who is created while the one of the name is being deleted comes back under the
// old id, and one who is created while the name is being given up is new.
func TestCreateUser_WhileTheNameBecomesFree(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	for what, free := range map[string]func(w *writes.Write, tx pgx.Tx, u directory.Resource) error{
		"deleted": func(w *writes.Write, tx pgx.Tx, u directory.Resource) error {
			return o.DeleteLocked(t.Context(), w, tx, schema.User, u, schema.Manager.Clear)
		},
		"renamed": func(w *writes.Write, tx pgx.Tx, u directory.Resource) error {
			b, doc := new(pgx.Batch), loaded(t, u.Doc)
			u.Document = loaded(t, u.Doc)
			schema.UserName.Set(doc, "another")
			if err := users.QueueUpdate(b, w, schema.User, u, directory.Edit{Doc: doc}); err != nil {
				return err
			}
			return tx.SendBatch(t.Context(), b).Close()
		},
		"kept": func(*writes.Write, pgx.Tx, directory.Resource) error { return nil },
	} {
		old := o.user(what)
		server, done := o.beside(), make(chan outcome, 1)
		o.must(o.inTx(func(w *writes.Write, tx pgx.Tx) error {
			if _, err := tx.Exec(t.Context(), `select from users where org_id = $1 and id = $2 for update`, o.Tenant.Org, db.ID(old.ID)); err != nil {
				return err
			}
			if err := free(w, tx, directory.Resource{Record: old}); err != nil {
				return err
			}
			go func() {
				r, err := server.CreateUser(t.Context(), schema.User, directory.Edit{Doc: userDoc(what)})
				done <- outcome{r, err}
			}()
			if what != "kept" { // whose name is taken, locked or not
				o.waitingFor(1)
			}
			return nil
		}))
		made := <-done
		switch what {
		case "deleted":
			o.must(made.err)
			expect(t, what, []any{made.ID, made.Version}, []any{old.ID, old.Version + 1})
		case "renamed":
			o.must(made.err)
			expect(t, what, made.Version, 1)
		default:
			expectRefusal(t, made.err, 409, scim.TypeUniqueness)
		}
	}
	o.consistent()
}

// Who is created and deleted again while another creation of the name waits comes back under
// the same id, though the other began when nobody had the name.
func TestCreateUser_WhileTheNameComesAndGoes(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	server, done := o.beside(), make(chan outcome, 1)
	create := func(name string) directory.Edit { return directory.Edit{Doc: userDoc(name)} }
	other := o.user("other") // of the name, but deleted before
	o.update(schema.User, other.ID, func(doc scim.Document) { schema.UserName.Set(doc, "known") })
	o.must(o.DeleteUser(t.Context(), schema.User, other.ID, anyVersion, schema.Manager.Clear))
	for _, name := range []string{"new", "known"} {
		var old directory.Record
		o.must(o.inTx(func(w *writes.Write, tx pgx.Tx) (err error) {
			if old, err = o.Create(t.Context(), w, schema.User, create(name)); err != nil {
				return err
			}
			go func() {
				r, err := server.CreateUser(t.Context(), schema.User, create(name))
				done <- outcome{r, err}
			}()
			o.waitingFor(1)
			return o.DeleteLocked(t.Context(), w, tx, schema.User, directory.Resource{Record: old}, schema.Manager.Clear)
		}))
		made := <-done
		o.must(made.err)
		expect(t, name, []any{made.ID, made.Version}, []any{old.ID, old.Version + 1})
	}
	o.consistent()
}

// A stream that is paused while its lease waits for a writer of events is not leased.
func TestLease_OfAStreamThatIsPausedMeanwhile(t *testing.T) {
	t.Parallel()
	o, id, _ := streaming(t)
	server, done := o.beside(), make(chan error, 1)
	o.must(pgx.BeginFunc(t.Context(), o.Own(), func(tx pgx.Tx) error {
		if _, err := tx.Exec(t.Context(), `select from event_progress where org_id = $1 for update`, o.Tenant.Org); err != nil {
			return err
		}
		go func() {
			done <- second(server.Events().Lease(t.Context(), id, uuid.New(), now(), now().Add(time.Minute)))
		}()
		o.waitingFor(1)
		_, err := tx.Exec(t.Context(), `update event_streams set status = 'paused' where org_id = $1`, o.Tenant.Org)
		return err
	}))
	if err := <-done; !errors.Is(err, events.ErrNotHeld) {
		t.Errorf("error %v, want that the stream is not to be delivered", err)
	}
}
