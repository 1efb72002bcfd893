package schema

import (
	"bytes"
	"cmp"
	"slices"
	"strings"

	"github.com/purescim/purescim/internal/scim"
)

// An externalId belongs to the provisioning domain of the client that set it (RFC 7643
// section 3.1). That of the organisation's home is the document's own; those of other
// domains are elements beside it, with an authority that no client may write: of a user
// among the externalIds, where Genesys Cloud shows them too, of a group in an attribute
// that nobody is shown.

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
// domain, and none of others.
func (t *Type) Seen(doc scim.Document, domain string) scim.Document {
	list := t.Domains()
	values := list.Values(doc)
	if doc == nil || domain == "" && !slices.ContainsFunc(values, ofDomain) {
		return doc
	}
	seen := doc.Clone()
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

// Shown is Encode of a document without what nobody is shown.
func (t *Type) Shown(doc scim.Document) []byte {
	if t.Is(Group) && groupExternalIDs.Get(doc) != nil {
		doc = doc.Clone()
		groupExternalIDs.Clear(doc)
	}
	return t.Encode(doc)
}

// seenFrom gives a stored document as a domain reads it, by its bytes: Encode writes
// externalId behind the id, and names with a fixed order of members. No client's text
// looks like those, for its quotes would be escaped.
//
// only has it see no externalId of others.
func (t *Type) seenFrom(doc []byte, domain string, only bool) []byte {
	if t.Is(Group) {
		return t.groupSeenFrom(doc, domain)
	}
	if domain == "" && !only && elementAt(doc, DomainAuthority) >= 0 {
		return doc // most are so, and there are 100 on a page
	}
	begin, end := externalIDAt(doc)
	if only {
		if domain == "" && !bytes.Contains(doc, []byte(anyElement)) {
			return doc
		}
		if loaded, err := t.Load(doc); err == nil {
			return t.Encode(t.Seen(loaded, domain))
		}
	}
	if begin < end && elementAt(doc, DomainAuthority) < 0 {
		if loaded, err := t.Load(doc); err == nil { // stored before there were domains
			t.Kept(loaded, loaded, "", true)
			doc = t.Encode(loaded)
			begin, end = externalIDAt(doc)
		}
	}
	if domain == "" || begin < 0 {
		return doc
	}
	return spliced(doc, begin, end, valueIn(doc, domain))
}

func (t *Type) groupSeenFrom(doc []byte, domain string) []byte {
	begin, end := externalIDAt(doc)
	if domain != "" && begin >= 0 {
		doc = spliced(doc, begin, end, valueIn(doc, domain))
	}
	hidden := []byte(`,` + groupExternalIDs.key + `[{"authority":`)
	at := bytes.Index(doc, hidden)
	if at < 0 {
		return doc
	}
	for end = at + len(hidden); doc[end] != ']'; end++ {
		if doc[end] == '"' {
			end = stringEnd(doc, end) - 1
		}
	}
	return slices.Concat(doc[:at], doc[end+1:])
}

// externalIDAt is where the externalId of a document is, with the comma before it, or
// would be. begin is -1 where there is no id.
func externalIDAt(doc []byte) (begin, end int) {
	const id, name = `"id":"`, `,"externalId":`
	at := bytes.Index(doc, []byte(id[1:])) // a quotation mark is everywhere, and makes the search slow
	if at < 1 || doc[at-1] != '"' {
		if at = bytes.Index(doc, []byte(id)); at < 0 {
			return -1, -1
		}
		at++
	}
	begin = stringEnd(doc, at+len(id)-2)
	if !bytes.HasPrefix(doc[begin:], []byte(name)) {
		return begin, begin
	}
	return begin, stringEnd(doc, begin+len(name))
}

// anyElement begins the element of any domain.
const anyElement = `{"authority":"` + DomainAuthority

// elementAt is where the value of the element of an authority is, as Encode writes it, or
// -1. It looks for the authority, which is rare, and then for what is before it.
func elementAt(doc []byte, authority string) int {
	rest := authority + `","value":`
	for start := 0; ; {
		at := bytes.Index(doc[start:], []byte(rest))
		if at < 0 {
			return -1
		}
		at, start = start+at, start+at+len(rest)
		if bytes.HasSuffix(doc[:at], []byte(`{"authority":"`)) {
			return start
		}
	}
}

// valueIn is the externalId of a domain as it stands in a document, or nil.
func valueIn(doc []byte, domain string) []byte {
	at := elementAt(doc, AuthorityOf(domain))
	if at < 0 {
		return nil
	}
	return doc[at:stringEnd(doc, at)]
}

// spliced puts an externalId, which may be none, in place of a part of a document.
func spliced(doc []byte, begin, end int, value []byte) []byte {
	if value == nil {
		return slices.Concat(doc[:begin], doc[end:])
	}
	return slices.Concat(doc[:begin], []byte(`,"externalId":`), value, doc[end:])
}

// stringEnd is behind the JSON string that begins at a place.
func stringEnd(doc []byte, at int) int {
	for at++; doc[at] != '"'; at++ {
		if doc[at] == '\\' {
			at++
		}
	}
	return at + 1
}
