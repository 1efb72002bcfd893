package postgres

import (
	"errors"
	"testing"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/oauth"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/scim"
)

func entry(kind directory.Kind, name string) directory.Entry {
	return directory.Entry{
		ID: uuid.Must(uuid.NewV7()), Kind: kind, Name: name, Detail: []byte("{}"),
		Version: 1, Created: now(), Modified: now(),
	}
}

func TestRegistry_Organisations(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	registry := o.Registry()
	acme := org.Org{ID: org.NewID(), Name: "Acme", Settings: org.Settings{DefaultRegion: "DE", RemovalLimit: 7, Strict: true, GroupLifecycle: true, Tolerate: []string{}}}
	zoo := org.Org{ID: org.NewID(), Name: "zoo", Settings: org.DefaultSettings()}
	o.must(registry.CreateOrg(t.Context(), zoo, nil))
	o.must(registry.CreateOrg(t.Context(), acme, []directory.Entry{entry(directory.Role, "admin"), entry(directory.Division, "Home")}))
	expect(t, "entries", o.number(`select count(*) from catalogue where org_id = $1`, int64(acme.ID)), 2)

	found, err := registry.OrgByName(t.Context(), "ACME")
	o.must(err)
	expect(t, "by name", found, acme)
	found, err = registry.Org(t.Context(), zoo.ID)
	o.must(err)
	expect(t, "by id", found, zoo)
	all, err := registry.ListOrgs(t.Context())
	o.must(err)
	expect(t, "all", all, []org.Org{acme, zoo})

	err = registry.CreateOrg(t.Context(), org.Org{ID: org.NewID(), Name: "aCME", Settings: org.DefaultSettings()}, []directory.Entry{entry(directory.Role, "x")})
	expectRefusal(t, err, 409, "")
	expect(t, "entries of the refused one", o.number(`select count(*) from catalogue where name = 'x'`), 0)
	for _, err := range []error{
		second(registry.Org(t.Context(), org.NewID())),
		second(registry.OrgByName(t.Context(), "nobody")),
		second(registry.Client(t.Context(), uuid.New())),
	} {
		if !errors.Is(err, oauth.ErrNotFound) {
			t.Errorf("error %v, want not found", err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestCreateEntry(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	skill := entry(directory.Skill, "Ärzte")
	skill.Detail = []byte(`{"a": 1}`)
	created, err := o.CreateEntry(t.Context(), skill)
	o.must(err)
	expect(t, "entry", created, skill)
	_, err = o.CreateEntry(t.Context(), entry(directory.Skill, "äRZTE"))
	e := expectRefusal(t, err, 409, scim.ErrorType(""))
	expect(t, "detail", e.Detail, `name: the organisation already has a routing skill with the name "äRZTE"; names are compared without regard to case`)
	_, err = o.CreateEntry(t.Context(), entry(directory.Language, "Ärzte"))
	o.must(err)
	_, err = o.neighbour().CreateEntry(t.Context(), entry(directory.Skill, "Ärzte"))
	o.must(err)
	expect(t, "detail", o.number(`select (detail->>'a')::int from catalogue where id = $1`, db.ID(skill.ID)), 1)
}
