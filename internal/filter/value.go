package filter

import (
	"math"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// compare makes the value of a comparison and checks that it has a meaning.
func (b binder) compare(a *schema.Attribute, op Op, l literal) (Node, error) {
	if err := checkFilterable(a); err != nil {
		return nil, err
	}
	if err := checkOp(a, op); err != nil {
		return nil, err
	}
	if err := b.strictLiteral(a, l); err != nil {
		return nil, err
	}
	n := Compare{Attr: a, Op: op}
	if a == schema.Schemas {
		n.of = b.t
	}
	equality := op == Eq || op == Ne
	if b.isNull(a, l, equality) {
		if !equality {
			return nil, scim.InvalidFilter("%s %s null: null is compared with eq and ne only", a, op)
		}
		return n, nil
	}
	if a.IsText() {
		n.Text = b.canonical(a, l.text, equality)
		n.Value = folded(a, op, n.Text)
		return n, nil
	}
	var err error
	n.Value, err = b.value(a, l)
	return n, err
}

// folded gives the form in which stored values are compared with a text.
func folded(a *schema.Attribute, op Op, text string) string {
	if op == Co || op == Sw || op == Ew {
		return a.FoldPart(text, op == Sw, op == Ew)
	}
	return a.Fold(text)
}

// isNull reads null in any case; and "", which equals it: absent, null and
// empty are one state (RFC 7643 section 2.5), and so are blanks, which are not stored.
func (b binder) isNull(a *schema.Attribute, l literal, equality bool) bool {
	if !l.quoted && strings.EqualFold(l.text, "null") {
		return true
	}
	return equality && a.IsText() && (l.text == "" || !b.o.Strict && schema.IsBlank(l.text))
}

func (b binder) value(a *schema.Attribute, l literal) (any, error) {
	switch a.Kind {
	case schema.Boolean:
		return boolean(a, l)
	case schema.Integer:
		return integer(a, l)
	case schema.Decimal:
		return decimal(a, l)
	default:
		return b.dateTime(a, l)
	}
}

// canonical gives the spelling in which a value is stored, so that a telephone
// number is found whatever its punctuation. A part of one, or what is not one,
// is compared as it is.
func (b binder) canonical(a *schema.Attribute, text string, equality bool) string {
	if a.Normalize == nil || !equality {
		return text
	}
	if stored, err := a.Normalize(text, b.o); err == nil {
		return stored
	}
	return text
}

// boolean takes the words in any case and in quotes, as Entra sends them.
func boolean(a *schema.Attribute, l literal) (any, error) {
	switch strings.ToLower(l.text) {
	case "true":
		return true, nil
	case "false":
		return false, nil
	default:
		return nil, wrongValue(a, l, "true or false")
	}
}

func integer(a *schema.Attribute, l literal) (any, error) {
	const expected = "a whole number without quotes"
	f, err := number(a, l, expected)
	if err != nil {
		return nil, err
	}
	if n, err := strconv.ParseInt(l.text, 10, 64); err == nil {
		return n, nil
	}
	const exact = 1 << 53 // beyond it, float64 skips whole numbers
	if f != math.Trunc(f) || math.Abs(f) > exact {
		return nil, wrongValue(a, l, expected)
	}
	return int64(f), nil
}

func decimal(a *schema.Attribute, l literal) (any, error) {
	return number(a, l, "a number without quotes")
}

// number reads a JSON number; Go reads more, such as 0x1p-2 and Inf.
func number(a *schema.Attribute, l literal, expected string) (float64, error) {
	v := jsontext.Value(l.text)
	if l.quoted || v.Kind() != '0' || !v.IsValid() {
		return 0, wrongValue(a, l, expected)
	}
	f, err := strconv.ParseFloat(l.text, 64)
	if err != nil {
		return 0, wrongValue(a, l, expected+" that is not as large")
	}
	return f, nil
}

func (b binder) dateTime(a *schema.Attribute, l literal) (any, error) {
	t, err := b.o.Time(l.text)
	if err != nil || t.Year() < 1 || t.Year() > 9999 {
		return nil, wrongValue(a, l, `a date with time such as "2026-01-31T08:30:00Z"`)
	}
	return t, nil
}

func wrongValue(a *schema.Attribute, l literal, expected string) error {
	shown := shorten(l.text)
	if l.quoted {
		shown = strconv.Quote(shown)
	}
	return scim.InvalidFilter("%s cannot be compared with %s; %s is expected", a, shown, expected)
}
