package schema

import (
	"bytes"
	"slices"
)

// view is how a provisioning domain, which is empty for the home, reads stored documents: by
// their bytes, since a page has 100 of them. Encode writes externalId behind the id, and
// names with a fixed order of members. No client's text looks like those, for its quotes
// would be escaped.
type view struct {
	t      *Type
	domain string
	only   bool   // no externalId of others is seen
	own    []byte // what is before the externalId of the domain, as valueAt takes it
	// behind are the extension of externalIds and those behind it, as the schemas of a
	// document list them.
	behind [][]byte
	seen   []byte // the last document that is not seen as it is stored
}

func newView(t *Type, domain string, only bool) *view {
	v := &view{t: t, domain: domain, only: only, own: beforeValue(AuthorityOf(domain))}
	for _, ext := range t.Extensions {
		if v.behind != nil || ext.ID == ExternalIDs.Extension() {
			v.behind = append(v.behind, []byte(`,"`+ext.ID+`"`))
		}
	}
	return v
}

// of gives a document as it is seen, until the next one.
func (v *view) of(doc []byte) []byte {
	switch {
	case v.t.Is(Group):
		return v.ofGroup(doc)
	case v.only:
		return v.alone(doc)
	}
	home := valueAt(doc, homeValue) >= 0
	if v.domain == "" && home {
		return doc // most are so
	}
	begin, end := externalIDAt(doc)
	if home = home || begin == end; !home && !v.hasRoom(doc) {
		if loaded, err := v.t.Load(doc); err == nil {
			v.t.Kept(loaded, loaded, "", true)
			doc, home = v.t.Encode(loaded), true
			begin, end = externalIDAt(doc)
		}
	}
	if v.domain == "" && home || begin < 0 {
		return doc
	}
	value := doc[begin:end]
	v.splice(doc, begin, end)
	if !home { // stored before there were domains
		v.showHome(value[len(externalIDKey):])
	}
	return v.seen
}

// alone gives a document of a user without the externalIds of other domains.
func (v *view) alone(doc []byte) []byte {
	if bytes.Contains(doc, []byte(anyElement)) {
		if loaded, err := v.t.Load(doc); err == nil {
			return v.t.Encode(v.t.Seen(loaded, v.domain))
		}
	}
	begin, end := externalIDAt(doc)
	if v.domain == "" || begin < 0 {
		return doc
	}
	v.splice(doc, begin, end)
	return v.seen
}

func (v *view) ofGroup(doc []byte) []byte {
	begin, end := externalIDAt(doc)
	if v.domain != "" && begin >= 0 {
		v.splice(doc, begin, end)
		doc = v.seen
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

// splice puts the externalId of the domain in the place of the one of the home.
func (v *view) splice(doc []byte, begin, end int) {
	v.seen = append(v.seen[:0], doc[:begin]...)
	if v.domain == "" {
		v.seen = append(v.seen, doc[begin:end]...)
	} else if at := valueAt(doc, v.own); at >= 0 {
		v.seen = append(append(v.seen, externalIDKey...), doc[at:stringEnd(doc, at)]...)
	}
	v.seen = append(v.seen, doc[end:]...)
}

// hasRoom reports whether a document ends where the extension of externalIds would be.
func (v *view) hasRoom(doc []byte) bool {
	schemas := doc[:bytes.IndexByte(doc, ']')] // the first list
	return !slices.ContainsFunc(v.behind, func(ext []byte) bool { return bytes.Contains(schemas, ext) })
}

// showHome adds the externalId of the home to a document that has room.
func (v *view) showHome(value []byte) {
	ext := v.behind[0]
	v.seen = slices.Insert(v.seen, bytes.IndexByte(v.seen, ']'), ext...)
	v.seen = append(append(v.seen[:len(v.seen)-1], ext...), `:{`...)
	v.seen = append(append(append(v.seen, ExternalIDs.key...), '['), elementKey...)
	v.seen = append(append(append(v.seen, homeValue...), value...), `}]}}`...)
}

const externalIDKey = `,"externalId":`

// externalIDAt is where the externalId of a document is, with the comma before it, or
// would be. begin is -1 where there is no id.
func externalIDAt(doc []byte) (begin, end int) {
	const id = `"id":"`
	at := bytes.Index(doc, []byte(id[1:])) // a quotation mark is everywhere, and makes the search slow
	if at < 1 || doc[at-1] != '"' {
		if at = bytes.Index(doc, []byte(id)); at < 0 {
			return -1, -1
		}
		at++
	}
	begin = stringEnd(doc, at+len(id)-2)
	if !bytes.HasPrefix(doc[begin:], []byte(externalIDKey)) {
		return begin, begin
	}
	return begin, stringEnd(doc, begin+len(externalIDKey))
}

const (
	elementKey = `{"authority":"`
	// anyElement begins the element of any domain.
	anyElement = elementKey + DomainAuthority
)

// homeValue is before the value of the element of the home.
var homeValue = beforeValue(DomainAuthority)

func beforeValue(authority string) []byte { return []byte(authority + `","value":`) }

// valueAt is where the value of an element is, as Encode writes it, or -1. It looks for the
// authority, which is rare, and then for what is before it.
func valueAt(doc, before []byte) int {
	for start := 0; ; {
		at := bytes.Index(doc[start:], before)
		if at < 0 {
			return -1
		}
		at, start = start+at, start+at+len(before)
		if bytes.HasSuffix(doc[:at], []byte(elementKey)) {
			return start
		}
	}
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
