package filter

import (
	"github.com/purescim/purescim/internal/schema"
)

// What of the texts that filters look for is kept to find them together. A beginning
// of a text is enough to leave out most elements; what is beyond is tested one by one.
const (
	maxPhrase  = 32
	maxPhrases = 256 << 10 // bytes of all
)

// AnyOf tests elements of one attribute by several filters at once. Where these look
// for texts, by eq, sw, ew or co, an element costs about as much as by one of them,
// however many they are. It is not changed by its use.
type AnyOf struct {
	nodes []Node
	// sought are the texts of which one is in each element that a filter matches, by the
	// attribute that holds them; filterOf tells for each which filter that is.
	sought []soughtIn
	// others are the filters that no text can leave out.
	others []int
}

type soughtIn struct {
	attr     *schema.Attribute
	phrases  *phrases
	filterOf []int
}

// NewAnyOf takes filters that are nodes of an Each, or value filters of a Path, on the
// same attribute.
func NewAnyOf(nodes []Node) *AnyOf {
	m := &AnyOf{nodes: nodes}
	size := 0
	for i, n := range nodes {
		needed := neededPhrases(n)
		for _, p := range needed {
			size += len(p.text)
		}
		if len(needed) == 0 || size > maxPhrases {
			m.others = append(m.others, i)
			continue
		}
		for _, p := range needed {
			m.seek(p, i)
		}
	}
	for i := range m.sought {
		m.sought[i].phrases.link()
	}
	return m
}

func (m *AnyOf) seek(p phrase, filter int) {
	for i := range m.sought {
		if in := &m.sought[i]; in.attr == p.attr {
			in.phrases.add(p.text)
			in.filterOf = append(in.filterOf, filter)
			return
		}
	}
	m.sought = append(m.sought, soughtIn{attr: p.attr, phrases: newPhrases()})
	m.seek(p, filter)
}

// phrase is a text, between zero bytes as far as it is bound to the ends of the value.
type phrase struct {
	attr *schema.Attribute
	text string
}

// neededPhrases are phrases of which each element that the filter matches holds one.
// There are none when elements without any may match.
func neededPhrases(n Node) []phrase {
	switch n := n.(type) {
	case And:
		left, right := neededPhrases(n.Left), neededPhrases(n.Right)
		if len(left) == 0 || len(right) > 0 && leaveMore(right, left) {
			return right
		}
		return left
	case Or:
		left, right := neededPhrases(n.Left), neededPhrases(n.Right)
		if len(left) == 0 || len(right) == 0 {
			return nil
		}
		return append(left, right...)
	case Compare:
		return n.phrase()
	default:
		return nil
	}
}

// leaveMore reports whether the phrases p are likely to leave out more than q.
func leaveMore(p, q []phrase) bool {
	return len(p) < len(q) || len(p) == len(q) && len(p[0].text) > len(q[0].text)
}

func (c Compare) phrase() []phrase {
	text, ok := c.Value.(string)
	if !ok || text == "" {
		return nil
	}
	switch c.Op {
	case Co:
	case Sw:
		text = "\x00" + text
	case Ew:
		text += "\x00"
	case Eq:
		text = "\x00" + text + "\x00"
	default:
		return nil
	}
	return []phrase{{c.Attr, text[:min(len(text), maxPhrase)]}}
}

// Matcher tests elements one after the other. It is for one goroutine.
type Matcher struct {
	of      *AnyOf
	element any
	folded  []foldedText
	tested  []int // by filter, the number of the element that it was last tested with
	number  int
	looks   int
}

// Looks is how many comparisons have been made one by one so far.
func (m *Matcher) Looks() int { return m.looks }

// foldedText is a text of the element, which is folded once for all filters.
type foldedText struct {
	attr *schema.Attribute
	text string
}

// Matcher begins to test.
func (m *AnyOf) Matcher() *Matcher { return &Matcher{of: m, tested: make([]int, len(m.nodes))} }

// Match reports whether one of the filters from the given one on matches the element,
// as MatchElement tells.
func (m *Matcher) Match(element any, from int) bool {
	m.element, m.folded = element, m.folded[:0]
	m.number++
	for _, in := range m.of.sought {
		text, _ := part(element, in.attr).(string)
		if text == "" {
			continue
		}
		if in.phrases.find(m.fold(in.attr, text), func(phrase int32) bool { return m.matches(in.filterOf[phrase], from) }) {
			return true
		}
	}
	for _, filter := range m.of.others {
		if m.matches(filter, from) {
			return true
		}
	}
	return false
}

func (m *Matcher) matches(filter, from int) bool {
	if filter < from || m.tested[filter] == m.number {
		return false
	}
	m.tested[filter] = m.number
	return evaluate(m.of.nodes[filter], m.leaf)
}

// leaf is what MatchElement asks of a leaf.
func (m *Matcher) leaf(leaf Node) bool {
	m.looks++
	switch n := leaf.(type) {
	case Compare:
		have, ok := part(m.element, n.Attr).(string)
		if want, both := n.Value.(string); ok && both && have != "" {
			return n.matchText(m.fold(n.Attr, have), want)
		}
		return n.holds(m.element)
	case Present:
		return n.holds(m.element)
	}
	return false
}

func (m *Matcher) fold(a *schema.Attribute, text string) string {
	for _, f := range m.folded {
		if f.attr == a {
			return f.text
		}
	}
	folded := a.Fold(text)
	m.folded = append(m.folded, foldedText{a, folded})
	return folded
}
