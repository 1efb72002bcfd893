package directory

import (
	"context"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/patch"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// CreateUser stores a new user from the body of a POST. A deleted user of the
// same userName comes back under its old id (BEHAVIOUR 36).
func (d *Directory) CreateUser(ctx context.Context, o org.Org, body map[string]any) (Record, error) {
	t, err := d.users(ctx, o)
	if err != nil {
		return Record{}, err
	}
	edit, err := d.NewUser(o, t, body)
	if err != nil {
		return Record{}, err
	}
	record, err := d.store.Org(o.ID).CreateUser(ctx, t, edit)
	return record, explain(t, "", err)
}

// NewUser makes of the body of a POST what CreateUser stores, under a new id. It
// stores nothing. t is the organisation's type of users (TypesOf).
func (d *Directory) NewUser(o org.Org, t *schema.Type, body map[string]any) (Edit, error) {
	in, err := t.Decode(body, d.options(o))
	if err != nil {
		return Edit{}, err
	}
	edit, err := editUser(t, Resource{}, in.Doc)
	if err != nil {
		return Edit{}, err
	}
	schema.ID.Set(edit.Doc, uuid.Must(uuid.NewV7()).String())
	return edit, nil
}

// ReplaceUser stores the body of a PUT in place of the user. What the body does
// not name is cleared, but for active, password and roles (BEHAVIOUR 37).
func (d *Directory) ReplaceUser(ctx context.Context, o org.Org, id string, match scim.Condition, body map[string]any, p schema.Projection) (Record, error) {
	t, err := d.users(ctx, o)
	if err != nil {
		return Record{}, err
	}
	in, err := t.Decode(body, d.options(o))
	if err != nil {
		return Record{}, err
	}
	c := Change{Match: match, Links: wantsLinks(t, p), Password: in.Sent(schema.Password)}
	return d.updateUser(ctx, o, t, id, c, func(old scim.Document) (scim.Document, error) {
		doc := in.Doc.Clone()
		if !in.Sent(schema.Roles) {
			schema.Roles.Set(doc, schema.Roles.Get(old))
		}
		return doc, keepImmutable(t, old, doc)
	})
}

// PatchUser applies the operations of a PATCH, all or none.
func (d *Directory) PatchUser(ctx context.Context, o org.Org, id string, match scim.Condition, ops []scim.PatchOp, p schema.Projection) (Record, error) {
	t, err := d.users(ctx, o)
	if err != nil {
		return Record{}, err
	}
	plan, err := patch.Compile(t, ops, d.options(o))
	if err != nil {
		return Record{}, err
	}
	c := Change{Match: match, Links: wantsLinks(t, p), Password: plan.Touches(schema.Password)}
	return d.updateUser(ctx, o, t, id, c, plan.Apply)
}

// updateUser runs change and the rules inside the store's update, as its Edit.
func (d *Directory) updateUser(ctx context.Context, o org.Org, t *schema.Type, id string, c Change,
	change func(old scim.Document) (scim.Document, error),
) (Record, error) {
	u, err := parseID(t, id)
	if err != nil {
		return Record{}, err
	}
	c.Edit = func(old Resource) (Edit, error) {
		doc, err := change(old.Document)
		if err != nil {
			return Edit{}, err
		}
		return editUser(t, old, doc)
	}
	record, err := d.store.Org(o.ID).Update(ctx, t, u, c)
	return record, explain(t, id, err)
}

// DeleteUser deletes softly: the user is nowhere to be seen, and comes back
// under the same id when it is created again.
func (d *Directory) DeleteUser(ctx context.Context, o org.Org, id string, match scim.Condition) error {
	t, err := d.users(ctx, o)
	if err != nil {
		return err
	}
	u, err := parseID(t, id)
	if err != nil {
		return err
	}
	return explain(t, id, d.store.Org(o.ID).DeleteUser(ctx, t, u, match, schema.Manager.Clear))
}

// keepImmutable carries immutable attributes over a PUT: one that has a value
// keeps it, and another value is refused (RFC 7644 section 3.5.1).
func keepImmutable(t *schema.Type, old, doc scim.Document) error {
	for a := range t.Attributes {
		value := a.Get(old)
		if a.Mutability != schema.Immutable || value == nil {
			continue
		}
		if sent := a.Get(doc); sent != nil && !scim.EqualValue(sent, value) {
			return scim.Mutability("%s cannot be changed once it has a value", a)
		}
		a.Set(doc, value)
	}
	return nil
}
