package postgres

import (
	"errors"
	"strings"
	"testing"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/postgres/records"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

var nickName, locale = schema.User.Attribute("nickName"), schema.User.Attribute("locale")

// replica is the same organisation through another server, which remembers nothing.
func (o *tenant) replica() *tenant {
	s := *o.Store
	s.recent = records.NewRecent()
	return tenantOf(&s, org.ID(o.Tenant.Org), o.t)
}

func TestUpdateUser_DoesNotReadWhoWasReadLately(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	id := o.user("ada").ID
	group := o.group("Sales", id)
	before := o.Own().Stat().AcquireCount()
	r, err := o.Update(t.Context(), schema.User, id, directory.Change{Links: true, Edit: edit(with(schema.Title, "Countess"))})
	o.must(err)
	expect(t, "statements", o.Own().Stat().AcquireCount()-before, 1)
	expect(t, "groups of the answer", r.Links, []directory.Link{{ID: group.ID, Display: "Sales"}})
	expect(t, "read", o.get(schema.User, id, true), r)
	r, err = o.Update(t.Context(), schema.User, id, directory.Change{Links: true, Edit: edit(with(schema.Emails, emails("a@x")))})
	o.must(err)
	expect(t, "read after another", o.get(schema.User, id, true), r)
	o.consistent()
}

func TestUpdateUser_BelievesNothingThatIsOutOfDate(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	id := o.user("ada").ID
	elsewhere := o.replica()
	elsewhere.update(schema.User, id, with(schema.Title, "Countess"))
	elsewhere.update(schema.User, id, with(nickName, "Ada"))

	o.update(schema.User, id, with(locale, "en-GB"))
	doc, err := schema.User.Load(o.replica().get(schema.User, id, false).Doc)
	o.must(err)
	expect(t, "title, nickName and locale", []string{schema.Title.Text(doc), nickName.Text(doc), locale.Text(doc)},
		[]string{"Countess", "Ada", "en-GB"})

	elsewhere.update(schema.User, id, with(schema.Title, "Lady"))
	current := o.replica().get(schema.User, id, false).Version
	_, err = o.Update(t.Context(), schema.User, id, directory.Change{
		Match: scim.ParseCondition(current.ETag()), Edit: edit(with(locale, "fr-FR")),
	})
	o.must(err)

	elsewhere.update(schema.User, id, with(schema.Title, "Countess"))
	refuse := func(old directory.Resource) (directory.Edit, error) {
		if schema.Title.Text(old.Document) != "Countess" {
			return directory.Edit{}, errors.New("that is not the stored title")
		}
		return directory.Edit{}, nil
	}
	_, err = o.Update(t.Context(), schema.User, id, directory.Change{Edit: refuse})
	o.must(err)

	elsewhere.must(elsewhere.DeleteUser(t.Context(), schema.User, id, scim.Condition{}, schema.Manager.Clear))
	_, err = o.Update(t.Context(), schema.User, id, directory.Change{Edit: edit(with(schema.Title, "Ghost"))})
	if !errors.Is(err, directory.ErrNotFound) {
		t.Errorf("a user who was deleted elsewhere: error %v, want ErrNotFound", err)
	}
}

func TestUpdateUser_RemembersOnlyWhatIsCommitted(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	id := o.user("ada").ID
	o.exec(`create function refuse() returns trigger language plpgsql as $$ begin raise 'refused at the commit'; end $$`)
	o.exec(`create constraint trigger refuse after update on users deferrable initially deferred for each row execute function refuse()`)
	_, err := o.Update(t.Context(), schema.User, id, directory.Change{Edit: edit(with(schema.Title, "Ghost"))})
	if err == nil || !strings.Contains(err.Error(), "refused at the commit") {
		t.Fatalf("error %v, want that the transaction was not committed", err)
	}
	o.exec(`drop function refuse() cascade`)
	o.replica().update(schema.User, id, with(schema.Title, "Countess"))
	r := o.update(schema.User, id, with(locale, "en-GB"))
	doc, err := schema.User.Load(r.Doc)
	o.must(err)
	expect(t, "title", schema.Title.Text(doc), "Countess")
	o.consistent()
}
