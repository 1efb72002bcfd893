package schema

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/purescim/purescim/internal/scim"
)

// An externalId belongs to the provisioning domain of the client that set it (RFC 7643
// section 3.1). That of the organisation's home is the document's own; those of other
// domains are elements beside it, with an authority that no client may write: of a user
// among the externalIds, where Genesys Cloud shows them too, of a group in an attribute
// that is never shown.

// DomainAuthority begins the authority of an externalId of a provisioning domain. Alone it
// is that of the home; else a colon and the name of the domain follow.
const DomainAuthority = "x-pc:scimv2:v1"

// AuthorityOf is the authority of a domain, which is empty for the home.
func AuthorityOf(domain string) string {
	if domain == "" {
		return DomainAuthority
	}
	return DomainAuthority + ":" + domain
}

// Domains is the attribute that holds the externalIds of domains, or nil when resources of
// the type have no externalId.
func (t *Type) Domains() *Attribute {
	switch {
	case t.Is(User):
		return ExternalIDs
	case t.Is(Group):
		return groupExternalIDs
	default:
		return nil
	}
}

func authority(element any) string {
	object, _ := element.(map[string]any)
	text, _ := object["authority"].(string)
	return text
}

func ofDomain(element any) bool { return strings.HasPrefix(authority(element), DomainAuthority) }

// IsLinked reports whether a client of any domain has given the resource an externalId.
func (t *Type) IsLinked(doc scim.Document) bool {
	return doc[ExternalID.Name] != nil || slices.ContainsFunc(t.Domains().Values(doc), ofDomain)
}

// Seen gives a document as a domain sees it to change it: with the externalId of the
// domain, and none of others. It shares with doc what is the same.
func (t *Type) Seen(doc scim.Document, domain string) scim.Document {
	list := t.Domains()
	values := list.Values(doc)
	if doc == nil || domain == "" && !slices.ContainsFunc(values, ofDomain) {
		return doc
	}
	seen := maps.Clone(doc)
	if object, ok := seen[list.Extension()].(map[string]any); ok {
		seen[list.Extension()] = maps.Clone(object)
	}
	if domain != "" {
		setText(ExternalID, seen, valueOf(values, AuthorityOf(domain)))
	}
	list.setOrClear(seen, slices.DeleteFunc(slices.Clone(values), ofDomain))
	return seen
}

// Kept makes of a document that a domain has changed what is to be stored in place of old:
// its externalId becomes that of the domain, and those of others stay. What a client says
// of them itself is left out. shown tells whether that of the home is shown as well.
func (t *Type) Kept(old, doc scim.Document, domain string, shown bool) {
	list := t.Domains()
	before, values := list.Values(old), list.Values(doc)
	shown = shown || slices.ContainsFunc(before, ofDomain)
	if domain == "" && !shown && !slices.ContainsFunc(values, ofDomain) {
		return
	}
	own, home := ExternalID.Text(doc), ExternalID.Text(doc)
	if domain != "" {
		home = ExternalID.Text(old)
		setText(ExternalID, doc, home)
	}
	kept := slices.DeleteFunc(slices.Clone(before), func(v any) bool {
		return !ofDomain(v) || authority(v) == DomainAuthority || authority(v) == AuthorityOf(domain)
	})
	if domain != "" && own != "" {
		kept = append(kept, domainValue(domain, own))
	}
	if shown && home != "" && list == ExternalIDs {
		kept = append(kept, domainValue("", home))
	}
	slices.SortFunc(kept, func(a, b any) int { return cmp.Compare(authority(a), authority(b)) })
	values = slices.DeleteFunc(slices.Clone(values), ofDomain)
	list.setOrClear(doc, append(values, kept...))
}

// Claims reports whether a document holds an externalId of a domain that old does not: a
// client that sends back what it has read claims none.
func (t *Type) Claims(old, doc scim.Document) bool {
	before := t.Domains().Values(old)
	home := ExternalID.Text(old)
	return slices.ContainsFunc(t.Domains().Values(doc), func(v any) bool {
		return ofDomain(v) && !scim.EqualValue(v, domainValue("", home)) &&
			!slices.ContainsFunc(before, func(old any) bool { return scim.EqualValue(v, old) })
	})
}

func domainValue(domain, value string) map[string]any {
	return map[string]any{"authority": AuthorityOf(domain), "value": value}
}

func valueOf(values []any, of string) string {
	for _, v := range values {
		if authority(v) == of {
			text, _ := v.(map[string]any)["value"].(string)
			return text
		}
	}
	return ""
}

func setText(a *Attribute, doc scim.Document, text string) {
	if text == "" {
		a.Clear(doc)
		return
	}
	a.Set(doc, text)
}

func (a *Attribute) setOrClear(doc scim.Document, values []any) {
	if len(values) == 0 {
		a.Clear(doc)
		return
	}
	a.Set(doc, values)
}

// groupExternalIDs are the externalIds of a group in other domains than the home.
var groupExternalIDs = complexMany("externalIds", "The identifiers that clients of other provisioning domains give.", []*Attribute{
	text("authority", "The domain.", caseExact),
	text("value", "The identifier.", caseExact),
}, private)

// Shown is Encode of a document without attributes that are never shown.
func (t *Type) Shown(doc scim.Document) []byte {
	if t.Is(Group) && groupExternalIDs.Get(doc) != nil {
		doc = doc.Clone()
		groupExternalIDs.Clear(doc)
	}
	return t.Encode(doc)
}
