package directory

import (
	"context"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// CreateUser stores a new user from the body of a POST. A deleted user of the
// same userName comes back under its old id (BEHAVIOUR 36).
func (d *Directory) CreateUser(ctx context.Context, o org.Org, body map[string]any) (Record, error) {
	return d.createUser(ctx, o, body, false)
}

// CreateNewUser is CreateUser where no deleted user may come back: that is ErrDeleted.
func (d *Directory) CreateNewUser(ctx context.Context, o org.Org, body map[string]any) (Record, error) {
	return d.createUser(ctx, o, body, true)
}

func (d *Directory) createUser(ctx context.Context, o org.Org, body map[string]any, fresh bool) (Record, error) {
	return asDeclared(ctx, d, o, schema.User, func(t *schema.Type) (Record, error) {
		left := toleranceOf(ctx, o)
		ctx := left.warning(ctx)
		edit, err := d.newUser(ctx, o, t, body, left)
		if err != nil {
			left.tell(ctx, d.log, o.ID, uuid.Nil, err)
			return Record{}, err
		}
		edit.New = fresh
		record, err := d.store.Org(o.ID).CreateUser(ctx, t, edit)
		for left.learn(err) {
			if edit, err = editAgain(t, edit, left); err != nil {
				break
			}
			record, err = d.store.Org(o.ID).CreateUser(ctx, t, edit)
		}
		left.tell(ctx, d.log, o.ID, record.ID, err)
		return record, d.explainWrite(ctx, o.ID, t, "", err)
	})
}

// NewUser makes of the body of a POST what CreateUser stores, under a new id. It
// stores nothing. t is the organisation's type of users (TypesOf).
func (d *Directory) NewUser(ctx context.Context, o org.Org, t *schema.Type, body map[string]any) (Edit, error) {
	return d.newUser(ctx, o, t, body, toleranceOf(ctx, o))
}

func (d *Directory) newUser(ctx context.Context, o org.Org, t *schema.Type, body map[string]any, left *tolerance) (Edit, error) {
	in, err := d.decode(ctx, o, t, body, left)
	if err != nil {
		return Edit{}, err
	}
	t.Kept(nil, in.Doc, o.Domain, o.HomeDomain != "")
	left.leaveOut(nil, in.Doc)
	edit, err := editUser(t, o.Settings.Strict, Resource{}, in.Doc, d.hash(ctx, o.ID))
	if err != nil {
		return Edit{}, err
	}
	schema.ID.Set(edit.Doc, d.store.NewID().String())
	return edit, nil
}

// editAgain makes the edit of a new user without what the store has missed.
func editAgain(t *schema.Type, edit Edit, left *tolerance) (Edit, error) {
	id := schema.ID.Text(edit.Doc)
	known := left.edited // of the first edit, such as a manager that is no id
	left.edited = nil
	left.leaveOut(nil, edit.Doc)
	left.edited = append(known, left.edited...)
	again, err := editUser(t, false, Resource{}, edit.Doc, newPasswordHash)
	if err != nil {
		return Edit{}, err
	}
	schema.ID.Set(again.Doc, id)
	again.PasswordHash, again.New = edit.PasswordHash, edit.New
	again.DefaultRoles = again.DefaultRoles || edit.DefaultRoles
	return again, nil
}

// ReplaceUser stores the body of a PUT in place of the user. What the body does
// not name is cleared, but for active, password and roles (BEHAVIOUR 37).
func (d *Directory) ReplaceUser(ctx context.Context, o org.Org, id string, match scim.Condition, body map[string]any, p schema.Projection) (Record, error) {
	return asDeclared(ctx, d, o, schema.User, func(t *schema.Type) (Record, error) {
		left := toleranceOf(ctx, o)
		ctx := left.warning(ctx)
		in, err := d.decode(ctx, o, t, body, left)
		if err != nil {
			left.tell(ctx, d.log, o.ID, uuid.Nil, err)
			return Record{}, err
		}
		c := Change{Match: match, Links: wantsLinks(t, p), Password: in.Sent(schema.Password), Put: true}
		return d.updateUser(ctx, o, t, id, c, left, func(old scim.Document) (scim.Document, error) {
			doc := in.Doc.Clone()
			left.leaveOut(nil, doc)
			allWrong := schema.Roles.Get(in.Doc) != nil && schema.Roles.Get(doc) == nil
			if allWrong || !in.Sent(schema.Roles) {
				schema.Roles.Set(doc, schema.Roles.Get(old))
			}
			return doc, keepImmutable(t, old, doc)
		})
	})
}

// PatchUser applies the operations of a PATCH, all or none.
func (d *Directory) PatchUser(ctx context.Context, o org.Org, id string, match scim.Condition, ops []scim.PatchOp, p schema.Projection) (Record, error) {
	return asDeclared(ctx, d, o, schema.User, func(t *schema.Type) (Record, error) {
		left := toleranceOf(ctx, o)
		ctx := left.warning(ctx)
		plan, err := d.compile(ctx, o, t, ops, left)
		if err != nil {
			left.tell(ctx, d.log, o.ID, uuid.Nil, err)
			return Record{}, err
		}
		c := Change{Match: match, Links: wantsLinks(t, p), Password: plan.Touches(schema.Password)}
		apply := func(old scim.Document) (scim.Document, error) {
			doc, err := left.without(plan).Apply(old)
			if err == nil && !o.Settings.Strict && !plan.Touches(schema.DisplayName) {
				followName(old, doc)
			}
			return doc, err
		}
		if len(ops) < manyOperations {
			return d.updateUser(ctx, o, t, id, c, left, apply)
		}
		return d.updateUser(ctx, o, t, id, c, left, func(old scim.Document) (scim.Document, error) {
			return inTurn(ctx, d, o.ID, func() (scim.Document, error) { return apply(old) })
		})
	})
}

// updateUser runs change and the rules inside the store's update, as its Edit.
func (d *Directory) updateUser(ctx context.Context, o org.Org, t *schema.Type, id string, c Change, left *tolerance,
	change func(old scim.Document) (scim.Document, error),
) (Record, error) {
	u, err := parseID(t, id)
	if err != nil {
		return Record{}, err
	}
	c.Edit = func(old Resource) (Edit, error) {
		doc, err := change(t.Seen(old.Document, o.Domain))
		if err != nil {
			return Edit{}, err
		}
		if err := keepDomains(o, t, c, old.Document, doc); err != nil {
			return Edit{}, err
		}
		return editUser(t, o.Settings.Strict, old, doc, d.hash(ctx, o.ID))
	}
	record, err := d.store.Org(o.ID).Update(ctx, t, u, c)
	for left.learn(err) {
		record, err = d.store.Org(o.ID).Update(ctx, t, u, c)
	}
	left.tell(ctx, d.log, o.ID, u, err)
	return record, d.explainWrite(ctx, o.ID, t, id, err)
}

// DeleteUser deletes softly: the user is nowhere to be seen, and comes back
// under the same id when it is created again.
func (d *Directory) DeleteUser(ctx context.Context, o org.Org, id string, match scim.Condition) error {
	u, err := parseID(schema.User, id)
	if err != nil {
		return err
	}
	_, err = asDeclared(ctx, d, o, schema.User, func(t *schema.Type) (struct{}, error) {
		return struct{}{}, toSCIM(t, id, d.store.Org(o.ID).DeleteUser(ctx, t, u, match, schema.Manager.Clear))
	})
	return err
}

// keepImmutable carries immutable attributes over a PUT: one that has a value
// keeps it, and another value is refused (RFC 7644 section 3.5.1). So do those
// inside of a complex attribute, as long as it has a value itself.
func keepImmutable(t *schema.Type, old, doc scim.Document) error {
	for a := range t.Attributes {
		before := a.Get(old)
		if a.Mutability == schema.Immutable && before != nil {
			if err := keepValue(a, before, a.Get(doc)); err != nil {
				return err
			}
			a.Set(doc, before)
		}
		object, _ := before.(map[string]any)
		sent, _ := a.Get(doc).(map[string]any)
		if object == nil || sent == nil {
			continue
		}
		for _, sub := range a.Sub {
			value := object[sub.Name]
			if sub.Mutability != schema.Immutable || value == nil {
				continue
			}
			if err := keepValue(sub, value, sent[sub.Name]); err != nil {
				return err
			}
			sent[sub.Name] = value
		}
	}
	return nil
}

func keepValue(a *schema.Attribute, before, sent any) error {
	if sent != nil && !scim.EqualValue(sent, before) {
		return scim.Mutability("%s cannot be changed once it has a value", a)
	}
	return nil
}
