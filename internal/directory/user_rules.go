package directory

import (
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// editUser applies the rules of users to a tidy document that the caller may keep no
// longer, and compares it with the old state: nothing changed means nothing is
// written. old is the zero Resource for a new user. hash is for a password.
func editUser(t *schema.Type, strict bool, old Resource, doc scim.Document, hash hasher) (Edit, error) {
	password := schema.Password.Text(doc)
	schema.Password.Clear(doc)
	if old.Document != nil {
		schema.ID.Set(doc, schema.ID.Text(old.Document))
	}
	keepActive(old.Document, doc)
	nameForDisplay(doc)
	if err := mirrorUserName(strict, old.Document, doc); err != nil {
		return Edit{}, err
	}
	if err := pointToManager(doc); err != nil {
		return Edit{}, err
	}
	edit := Edit{DefaultRoles: giveDefaults(strict, old.Document, doc)}
	if err := t.CheckRequired(doc); err != nil {
		return Edit{}, err
	}
	if err := checkDocument(t, old.Document, doc); err != nil {
		return Edit{}, err
	}
	edit.Doc = doc
	var err error
	if edit.PasswordHash, err = hash(old.PasswordHash, password); err != nil {
		return Edit{}, err
	}
	if edit.PasswordHash == "" && (doc.Equal(old.Document) || keepSpelling(old.Document, doc) && doc.Equal(old.Document)) {
		return Edit{}, nil
	}
	edit.References = newReferences(t, old.Document, doc)
	return edit, nil
}

// keepActive gives a document that does not say whether the user is active what
// it was before: nobody may sign in again by omission. New users are active
// (BEHAVIOUR 27).
func keepActive(old, doc scim.Document) {
	switch {
	case schema.Active.Get(doc) != nil:
	case schema.Active.Get(old) != nil:
		schema.Active.Set(doc, schema.Active.Get(old))
	default:
		schema.Active.Set(doc, true)
	}
}

// mirrorUserName removes the e-mail that mirrors the userName, old or new, because clients
// send back what they have read, and then adds it again (BEHAVIOUR 29). The standard has no
// such mirror, and neither have strict organisations.
func mirrorUserName(strict bool, old, doc scim.Document) error {
	emails := schema.Emails.Values(doc)
	if strict {
		return schema.Emails.CheckPrimary(emails)
	}
	userName := schema.UserName.Text(doc)
	emails = schema.Emails.WithoutMirrors(emails, userName, schema.UserName.Text(old))
	schema.Emails.Set(doc, schema.Emails.WithMirror(emails, userName))
	return schema.Emails.CheckPrimary(emails)
}

// pointToManager gives manager the reference that goes with its id.
func pointToManager(doc scim.Document) error {
	manager, _ := schema.Manager.Get(doc).(map[string]any)
	if manager == nil {
		return nil
	}
	id, _ := manager["value"].(string)
	if id == "" {
		schema.Manager.Clear(doc)
		return nil
	}
	u, err := parseID(schema.User, id)
	if err != nil {
		return scim.InvalidValue("%s: %q is not the id of a user of the organisation", schema.Manager, id)
	}
	schema.Manager.Set(doc, map[string]any{"value": u.String(), "$ref": "../Users/" + u.String()})
	return nil
}
