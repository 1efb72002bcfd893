package directory

import (
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// keepDomains puts the externalIds that are to be stored (schema.Type.Kept) into a changed
// document, which has those that the caller's provisioning domain sees. To name one of
// a domain in a PATCH is refused as for any attribute that is read-only (BEHAVIOUR 24);
// in a PUT it is ignored, and so is what was read and is sent back.
func keepDomains(o org.Org, t *schema.Type, c Change, old, doc scim.Document) error {
	if !c.Put && t.Claims(old, doc) {
		return scim.Mutability("%s: a value whose authority begins with %s is the externalId of a client and cannot be written here; externalId is that of the client itself",
			t.Domains(), schema.DomainAuthority)
	}
	t.Kept(old, doc, o.Domain, o.HomeDomain != "")
	return nil
}

// fromDomain is the edit of a group as the caller's provisioning domain sees it.
func fromDomain(o org.Org, t *schema.Type, c Change) func(Resource) (Edit, error) {
	return func(old Resource) (Edit, error) {
		seen := old
		seen.Document = t.Seen(old.Document, o.Domain)
		e, err := c.Edit(seen)
		if err != nil || e.Doc == nil {
			return e, err
		}
		if err := keepDomains(o, t, c, old.Document, e.Doc); err != nil {
			return Edit{}, err
		}
		if e.Doc.Equal(old.Document) {
			e.Doc = nil
			return e, nil
		}
		return e, checkDocument(t, old.Document, e.Doc)
	}
}
