package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

func TestCreateUser_IsReadBack(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	doc := userDoc("Ada@Example.com", with(schema.Emails, emails("a@x", "b@x")), with(schema.Department, "Räume"))
	created, err := o.CreateUser(t.Context(), schema.User, directory.Edit{Doc: doc, PasswordHash: "hash"})
	o.must(err)
	expect(t, "version", created.Version, 1)
	expect(t, "modified", created.Modified, created.Created)
	expect(t, "document", string(created.Doc), string(schema.User.Encode(doc)))
	expect(t, "read", o.get(schema.User, created.ID, false), created)
	expect(t, "hash", o.number(`select count(*) from users where password_hash = 'hash'`), 1)
	o.consistent()
}

func TestUser_IsOfOneOrganisation(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	id := o.user("ada").ID
	other := o.neighbour()
	other.user("ada") // the name is free there
	_, err := other.Get(t.Context(), schema.User, id, true)
	expectNotFound(t, "get", err)
	_, err = other.Update(t.Context(), schema.User, id, directory.Change{Edit: edit(func(scim.Document) { t.Error("edited") })})
	expectNotFound(t, "update", err)
	expectNotFound(t, "delete", other.DeleteUser(t.Context(), schema.User, id, scim.Condition{}, schema.Manager.Clear))
	_, err = other.ChangeMembers(t.Context(), o.group("g").ID, scim.Condition{}, directory.MemberChange{})
	expectNotFound(t, "change members", err)
	_, err = other.Update(t.Context(), schema.Group, o.group("h").ID, directory.Change{Edit: edit(func(scim.Document) { t.Error("edited") })})
	expectNotFound(t, "update group", err)
	_, err = other.Get(t.Context(), schema.Group, o.group("i").ID, true)
	expectNotFound(t, "get group", err)
	o.get(schema.User, id, false)
}

func TestCreateUser_NameIsTaken(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	o.user("Ada@Example.com")
	_, err := o.CreateUser(t.Context(), schema.User, directory.Edit{Doc: userDoc("ADA@example.COM")})
	e := expectRefusal(t, err, 409, scim.TypeUniqueness)
	if !strings.Contains(e.Detail, "userName") || !strings.Contains(e.Detail, "another user") {
		t.Errorf("the detail does not tell what is taken: %s", e.Detail)
	}
	bob := o.user("bob")
	_, err = o.Update(t.Context(), schema.User, bob.ID, directory.Change{
		Edit: edit(func(doc scim.Document) { schema.UserName.Set(doc, "ada@EXAMPLE.com") }),
	})
	expectRefusal(t, err, 409, scim.TypeUniqueness)
	o.consistent()
}

func TestCreateUser_RestoresTheDeletedOne(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	first := o.user("ada", with(schema.Emails, emails("old@x")))
	o.must(o.DeleteUser(t.Context(), schema.User, first.ID, scim.Condition{}, schema.Manager.Clear))
	_, err := o.Get(t.Context(), schema.User, first.ID, false)
	expectNotFound(t, "deleted user", err)

	restored := o.user("ADA", with(schema.Emails, emails("new@x")))
	expect(t, "id", restored.ID, first.ID)
	expect(t, "created", restored.Created, first.Created)
	expect(t, "version", restored.Version, first.Version+1)
	doc, err := schema.User.Load(restored.Doc)
	o.must(err)
	expect(t, "id in the document", schema.ID.Text(doc), first.ID.String())
	expect(t, "read", o.get(schema.User, first.ID, false), restored)
	expect(t, "deleted users", o.number(`select count(*) from deleted_users`), 0)
	o.consistent()
}

func TestCreateUser_RestoresTheLatestOfAName(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	first, second := o.user("ada"), o.user("bob")
	o.must(o.DeleteUser(t.Context(), schema.User, first.ID, scim.Condition{}, schema.Manager.Clear))
	o.update(schema.User, second.ID, func(doc scim.Document) { schema.UserName.Set(doc, "ada") })
	o.must(o.DeleteUser(t.Context(), schema.User, second.ID, scim.Condition{}, schema.Manager.Clear))
	o.exec(`update deleted_users set deleted_at = deleted_at - interval '1 s' where id = $1`, first.ID)
	expect(t, "first restored", o.user("ada").ID, second.ID)
	expect(t, "left", o.number(`select count(*) from deleted_users`), 1)
}

func TestCreateUser_NewRestoresNobody(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	old := o.user("ada")
	o.must(o.DeleteUser(t.Context(), schema.User, old.ID, scim.Condition{}, schema.Manager.Clear))
	_, err := o.CreateUser(t.Context(), schema.User, directory.Edit{Doc: userDoc("ada"), New: true})
	if !errors.Is(err, directory.ErrDeleted) {
		t.Errorf("error %v, want ErrDeleted", err)
	}
	expect(t, "deleted", o.number(`select count(*) from deleted_users`), 1)
	_, err = o.CreateUser(t.Context(), schema.User, directory.Edit{Doc: userDoc("bob"), New: true})
	o.must(err)
	o.consistent()
}

func TestCreateUser_OfOneDeletedNameAtOnce(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	old := o.user("ada")
	o.must(o.DeleteUser(t.Context(), schema.User, old.ID, scim.Condition{}, schema.Manager.Clear))
	var created atomic.Int32
	atOnce(t, func(int) error {
		r, err := o.CreateUser(t.Context(), schema.User, directory.Edit{Doc: userDoc("ada")})
		if e := (*scim.Error)(nil); errors.As(err, &e) && e.Type == scim.TypeUniqueness {
			return nil
		}
		if err == nil && r.ID != old.ID {
			return errors.New("a new id was given")
		}
		created.Add(1)
		return err
	})
	expect(t, "created", created.Load(), 1)
	o.consistent()
}

func TestUpdateUser_KeepsWhatDoesNotChange(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	id := o.user("ada", with(schema.Emails, emails("a@x", "b@x"))).ID
	kept := o.number(`select xmin::text::int from user_keys where key = 'b@x'`)
	r := o.update(schema.User, id, func(doc scim.Document) {
		schema.Emails.Set(doc, emails("b@x", "c@x"))
		schema.Active.Set(doc, false)
	})
	expect(t, "version", r.Version, 2)
	expect(t, "read", o.get(schema.User, id, false), r)
	expect(t, "transaction of the unchanged key", o.number(`select xmin::text::int from user_keys where key = 'b@x'`), kept)
	expect(t, "keys", o.number(`select count(*) from user_keys`), 2)
	o.consistent()
}

// Of the row, keys and folded copy of a user an update stores what has changed alone.
func TestUpdateUser_ChangesWhatIsFound(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	id, costCenter := o.user("ada").ID, schema.User.Extensions[0].Attribute("costCenter")
	for _, change := range []func(scim.Document){
		with(schema.Title, "Countess"),
		with(schema.Title, "Baroness"),
		with(schema.Emails, emails("A@x", "b@x")),
		with(schema.Emails, emails("b@x", "A@x")),
		with(schema.Roles, []any{map[string]any{"value": "Admin"}}),
		with(schema.Department, "Räume"),
		with(costCenter, "7"),
		func(doc scim.Document) {
			schema.Title.Clear(doc)
			schema.Emails.Set(doc, emails("b@x"))
		},
		schema.Department.Clear,
		costCenter.Clear,
		with(schema.DisplayName, "Ada Lovelace"),
		with(schema.Active, false),
		with(schema.UserName, "Bob"),
		schema.Emails.Clear,
	} {
		o.update(schema.User, id, change)
		o.consistent()
	}
}

func TestUpdateUser_NothingToChangeWritesNothing(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	ada := o.user("ada")
	before := o.number(`select xmin::text::int from users`)
	r, err := o.Update(t.Context(), schema.User, ada.ID, directory.Change{
		Edit: func(directory.Resource) (directory.Edit, error) { return directory.Edit{}, nil },
	})
	o.must(err)
	expect(t, "answer", r, ada)
	expect(t, "transaction", o.number(`select xmin::text::int from users`), before)
}

func TestUpdateUser_PasswordAlone(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	ada := o.user("ada")
	var seen []string
	for _, hash := range []string{"one", "two"} {
		r, err := o.Update(t.Context(), schema.User, ada.ID, directory.Change{
			Password: true,
			Edit: func(old directory.Resource) (directory.Edit, error) {
				seen = append(seen, old.PasswordHash)
				return directory.Edit{PasswordHash: hash}, nil
			},
		})
		o.must(err)
		expect(t, "document", string(r.Doc), string(ada.Doc))
	}
	o.update(schema.User, ada.ID, with(schema.DisplayName, "Ada"))
	expect(t, "hashes before", seen, []string{"", "one"})
	expect(t, "kept hash", o.number(`select count(*) from users where password_hash = 'two' and version = 4`), 1)
}

func TestUpdateUser_ChecksTheVersion(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	id := o.user("ada").ID
	change := directory.Change{Match: scim.ParseCondition(`"7"`), Edit: edit(func(scim.Document) { t.Error("edited") })}
	_, err := o.Update(t.Context(), schema.User, id, change)
	expectRefusal(t, err, 412, scim.TypeInvalidVers)
	err = o.DeleteUser(t.Context(), schema.User, id, change.Match, schema.Manager.Clear)
	expectRefusal(t, err, 412, scim.TypeInvalidVers)
	change = directory.Change{Match: scim.ParseCondition(`W/"1"`), Edit: edit(with(schema.DisplayName, "A"))}
	_, err = o.Update(t.Context(), schema.User, id, change)
	o.must(err)
}

func TestUpdateUser_OneOfManyWithTheSameVersionWins(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	id := o.user("ada").ID
	var stored atomic.Int32
	atOnce(t, func(n int) error {
		_, err := o.Update(t.Context(), schema.User, id, directory.Change{
			Match: scim.ParseCondition(`"1"`),
			Edit:  edit(with(schema.DisplayName, fmt.Sprint("Ada ", n))),
		})
		if e := (*scim.Error)(nil); errors.As(err, &e) && e.Type == scim.TypeInvalidVers {
			return nil
		}
		stored.Add(1)
		return err
	})
	expect(t, "stored", stored.Load(), 1)
	expect(t, "version", o.get(schema.User, id, false).Version, 2)
}

func TestUpdateUser_LosesNoUpdate(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	id := o.user("ada").ID
	atOnce(t, func(n int) error {
		_, err := o.Update(t.Context(), schema.User, id, directory.Change{Edit: edit(func(doc scim.Document) {
			list := schema.Emails.Values(doc)
			schema.Emails.Set(doc, append(list, emails(fmt.Sprintf("%d@x", n))...))
			schema.Active.Set(doc, n%2 == 0)
		})})
		return err
	})
	r := o.get(schema.User, id, false)
	expect(t, "version", r.Version, 1+writers)
	doc, err := schema.User.Load(r.Doc)
	o.must(err)
	expect(t, "addresses", len(schema.Emails.Values(doc)), writers)
	o.consistent()
}

func TestReferences(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	boss := o.user("boss")
	_, err := o.CreateEntry(t.Context(), directory.Entry{ID: uuid.New(), Kind: directory.Role, Name: "Admin", Detail: []byte("{}"), Created: now(), Modified: now(), Version: 1})
	o.must(err)
	known := []directory.Reference{
		{Attr: schema.Roles, Kind: directory.Role, Name: "ADMIN"},
		{Attr: schema.Manager, User: boss.ID},
	}
	stranger := o.neighbour().user("stranger").ID
	unknown := []directory.Reference{
		{Attr: schema.RoutingSkills, Kind: directory.Skill, Name: "Admin"},
		{Attr: schema.Roles, Kind: directory.Role, Name: "Adm"},
		{Attr: schema.Manager, User: stranger},
	}
	ada, err := o.CreateUser(t.Context(), schema.User, directory.Edit{Doc: userDoc("ada"), References: known})
	o.must(err)

	var missing *directory.MissingError
	all := append(append([]directory.Reference{}, known...), unknown...)
	_, err = o.CreateUser(t.Context(), schema.User, directory.Edit{Doc: userDoc("bob"), References: all})
	if !errors.As(err, &missing) || len(missing.References) != len(unknown) || missing.References[2].User != stranger {
		t.Errorf("error %v, want the three that are missing", err)
	}
	change := func(references []directory.Reference) directory.Change {
		return directory.Change{Edit: func(old directory.Resource) (directory.Edit, error) {
			e, err := edit(with(schema.DisplayName, "New"))(old)
			e.References = references
			return e, err
		}}
	}
	_, err = o.Update(t.Context(), schema.User, ada.ID, change(unknown))
	if !errors.As(err, &missing) {
		t.Errorf("error %v, want the missing references", err)
	}
	expect(t, "not changed", o.get(schema.User, ada.ID, false), ada)
	_, err = o.Update(t.Context(), schema.User, ada.ID, change(known))
	o.must(err)
	expect(t, "users", o.number(`select count(*) from users where org_id = $1`, o.Tenant.Org), 2)
}

func TestCanceledContext(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := o.CreateUser(ctx, schema.User, directory.Edit{Doc: userDoc("ada")})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want that of the context", err)
	}
	expect(t, "users", o.number(`select count(*) from users`), 0)
}

// Neither a new nor a changed resource gets as far as PostgreSQL's own refusal.
func TestStore_RefusesLongValues(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	long := strings.Repeat("x", 3000)
	_, err := o.CreateUser(t.Context(), schema.User, directory.Edit{Doc: userDoc("ada", with(schema.DisplayName, long))})
	expectRefusal(t, err, 400, scim.TypeInvalidValue)
	_, err = o.Update(t.Context(), schema.User, o.user("bob").ID, directory.Change{
		Edit: edit(func(doc scim.Document) { schema.Department.Set(doc, long) }),
	})
	expectRefusal(t, err, 400, scim.TypeInvalidValue)
	_, err = o.CreateGroup(t.Context(), schema.Group, directory.Group{Type: "official", Visibility: "public"}, directory.Edit{
		Doc: scim.Document{"id": uuid.NewString(), "displayName": long},
	})
	expectRefusal(t, err, 400, scim.TypeInvalidValue)
	_, err = o.Update(t.Context(), schema.Group, o.group("g").ID, directory.Change{
		Edit: edit(func(doc scim.Document) { schema.ExternalID.Set(doc, long) }),
	})
	expectRefusal(t, err, 400, scim.TypeInvalidValue)
	o.consistent()
}
