package filter

import (
	"slices"
	"strconv"
	"strings"

	"github.com/purescim/purescim/internal/scim"
)

// clause is the text of a filter, cut into its shape and its terms. The shape
// has a placeholder for each attribute and value, numbered as the terms are:
// "t0 eq 0 and not (t1 pr)".
type clause struct {
	shape []byte
	terms []term
}

// term is one comparison or presence test, as it was written.
type term struct {
	name  string  // the attribute
	inner *clause // what the brackets after it hold, or nil
	sub   string  // the sub-attribute after the brackets
	value literal
}

// scanner cuts a filter into a clause in one pass, without recursion but for
// the brackets, and refuses what the grammar does not allow in the words of
// this package. What it lets through has a shape that is safe to parse.
type scanner struct {
	clause
	text  string
	pos   int
	outer int  // depth at which the text begins
	open  int  // parentheses open in the text
	total *int // terms so far, those of all brackets included
}

func scan(text string) (*clause, error) {
	total := 0
	return scanAt(text, 0, &total)
}

// scanInner reads the value filter of a path, which stands at depth one.
func scanInner(text string) (*clause, error) {
	total := 0
	return scanAt(text, 1, &total)
}

func scanAt(text string, depth int, total *int) (*clause, error) {
	s := scanner{text: text, outer: depth, total: total}
	s.shape = make([]byte, 0, 32)
	for {
		if err := s.opening(); err != nil {
			return nil, err
		}
		if err := s.term(); err != nil {
			return nil, err
		}
		if err := s.closing(); err != nil {
			return nil, err
		}
		if s.atEnd() {
			break
		}
		if err := s.conjunction(); err != nil {
			return nil, err
		}
	}
	if s.open > 0 {
		return nil, scim.InvalidFilter("the filter has %d opening parentheses without a closing one", s.open)
	}
	return &s.clause, nil
}

// opening reads what may stand before a term: parentheses and `not (`.
func (s *scanner) opening() error {
	for {
		if s.next() == '(' {
			s.pos++
			s.open++
			if s.outer+s.open > MaxDepth {
				return tooDeep()
			}
			s.emit("(")
			continue
		}
		start := s.pos
		if !strings.EqualFold(s.word(), "not") {
			s.pos = start
			return nil
		}
		if s.next() != '(' {
			return scim.InvalidFilter(`"not" must be followed by parentheses, as in not (active eq true)`)
		}
		s.emit("not ")
	}
}

// closing reads the parentheses after a term.
func (s *scanner) closing() error {
	for s.next() == ')' {
		if s.open == 0 {
			return scim.InvalidFilter("the filter has a closing parenthesis without an opening one")
		}
		s.pos++
		s.open--
		s.emit(")")
	}
	return nil
}

func (s *scanner) conjunction() error {
	switch word := s.word(); {
	case strings.EqualFold(word, "and"):
		s.emit(" and ")
	case strings.EqualFold(word, "or"):
		s.emit(" or ")
	default:
		// The word is not shown: it may be a part of a value, even of a password.
		return scim.InvalidFilter(`after the condition on %q, "and", "or" or the end of the filter is expected; `+
			"a value that holds blanks or brackets must be in double quotes", shorten(s.terms[len(s.terms)-1].name))
	}
	return nil
}

func (s *scanner) term() error {
	t := term{name: s.word()}
	if t.name == "" || strings.EqualFold(t.name, "and") || strings.EqualFold(t.name, "or") {
		return s.missingTerm(t.name)
	}
	if *s.total++; *s.total > MaxTerms {
		return scim.InvalidFilter("the filter has more than the %d conditions allowed", MaxTerms)
	}
	s.shape = strconv.AppendInt(append(s.shape, 't'), int64(len(s.terms)), 10)
	err := s.condition(&t)
	s.terms = append(s.terms, t)
	return err
}

// missingTerm tells what stands in the place of a condition.
func (s *scanner) missingTerm(word string) error {
	const example = `a condition such as userName eq "jane@example.com" is expected`
	switch {
	case word != "":
		return scim.InvalidFilter("the filter has no condition before %q; %s", word, example)
	case !s.atEnd():
		return scim.InvalidFilter("the filter has %q where %s", s.text[s.pos:s.pos+1], example)
	case len(s.terms) == 0:
		return scim.InvalidFilter("the filter is empty; %s", example)
	default:
		return scim.InvalidFilter("the filter ends too early; %s", example)
	}
}

// condition reads what follows the name of an attribute.
func (s *scanner) condition(t *term) error {
	if s.next() == '[' {
		if err := s.brackets(t); err != nil {
			return err
		}
		if s.pos == len(s.text) || s.text[s.pos] != '.' {
			s.emit(" pr")
			return nil
		}
		s.pos++
		if t.sub = s.word(); t.sub == "" {
			return scim.InvalidFilter("%s[...]. must be followed by the name of a sub-attribute", shorten(t.name))
		}
	}
	s.next()
	word := s.word()
	op := strings.ToLower(word)
	if op == "pr" {
		s.emit(" pr")
		return nil
	}
	if !slices.Contains(operators, op) {
		return scim.InvalidFilter("%q is followed by %s; one of %s or pr is expected",
			shorten(t.name), wordOrNothing(word), strings.Join(operators, ", "))
	}
	s.emit(" ")
	s.emit(op)
	s.emit(" 0")
	return s.literal(t, op)
}

var operators = []string{
	string(Eq), string(Ne), string(Co), string(Sw), string(Ew), string(Gt), string(Ge), string(Lt), string(Le),
}

func wordOrNothing(word string) string {
	if word == "" {
		return "no operator"
	}
	return strconv.Quote(shorten(word)) + ", which is not an operator"
}

// brackets reads the value filter of a term.
func (s *scanner) brackets(t *term) error {
	inner, end, ok := cutBrackets(s.text, s.pos)
	if !ok {
		return scim.InvalidFilter("the bracket after %q is not closed", shorten(t.name))
	}
	depth := s.outer + s.open + 1
	if depth > MaxDepth {
		return tooDeep()
	}
	if isBlank(inner) {
		return scim.InvalidFilter(`the brackets after %q are empty; a condition such as type eq "work" is expected`, shorten(t.name))
	}
	s.pos = end
	var err error
	t.inner, err = scanAt(inner, depth, s.total)
	return err
}

// cutBrackets gives what stands between the bracket at start and the one that
// closes it, and the position behind that. Brackets in quotes do not count.
func cutBrackets(text string, start int) (inner string, end int, ok bool) {
	depth, quoted := 0, false
	for i := start; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '[':
			depth++
		case c == ']':
			if depth--; depth == 0 {
				return text[start+1 : i], i + 1, true
			}
		}
	}
	return "", 0, false
}

func (s *scanner) emit(text string) { s.shape = append(s.shape, text...) }

// next skips blanks and gives the byte that follows, or 0 at the end.
func (s *scanner) next() byte {
	for s.pos < len(s.text) && isSpace(s.text[s.pos]) {
		s.pos++
	}
	if s.pos == len(s.text) {
		return 0
	}
	return s.text[s.pos]
}

func (s *scanner) atEnd() bool { return s.next() == 0 }

// word reads up to a blank, a parenthesis, a bracket or a double quote.
func (s *scanner) word() string {
	start := s.pos
	for s.pos < len(s.text) && !isSpace(s.text[s.pos]) && strings.IndexByte(`()[]"`, s.text[s.pos]) < 0 {
		s.pos++
	}
	return s.text[start:s.pos]
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

func isBlank(text string) bool { return strings.Trim(text, " \t\r\n") == "" }

func tooDeep() error {
	return scim.InvalidFilter("the filter nests parentheses and brackets deeper than the %d levels allowed", MaxDepth)
}

// shorten keeps what is quoted in an error text readable.
func shorten(text string) string {
	const shown = 80
	if runes := []rune(text); len(runes) > shown {
		return string(runes[:shown]) + "…"
	}
	return text
}
