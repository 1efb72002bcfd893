package schema

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"strconv"
	"strings"

	"github.com/purescim/purescim/internal/scim"
)

// MaxValues is how many values a multi-valued attribute may hold that declares
// no limit of its own: they are compared with each other, and live in one document.
const MaxValues = 1000

// Decode checks the whole value of an attribute, as ParseJSON gives it, and
// makes it canonical. It returns nil for a value that means "unassigned". A
// single value of a multi-valued attribute is read as a list of one. Each value has what
// the schema requires of it.
func (a *Attribute) Decode(value any, o Options) (any, error) {
	if !a.MultiValued {
		v, err := a.DecodeOne(value, o)
		if err == nil {
			o.TellLost(a, value, v)
		}
		return v, err
	}
	return a.decodeList(value, o, a.checkWhole)
}

// DecodeListed is Decode for values that are only named, as by a removal: they need not
// be whole.
func (a *Attribute) DecodeListed(value any, o Options) (any, error) {
	return a.decodeList(value, o, func(any) error { return nil })
}

func (a *Attribute) decodeList(value any, o Options, check func(element any) error) (any, error) {
	value = a.Whole(value, o)
	items, ok := value.([]any)
	if !ok {
		items = []any{value}
	}
	if err := a.CheckCount(len(items)); err != nil {
		return nil, err
	}
	list := make([]any, 0, len(items))
	var wrong []error // of elements that are left out, when others are not
	for _, item := range items {
		v, err := a.DecodeOne(item, o)
		if err == nil {
			err = check(v)
		}
		if o.tolerates(a, err) {
			wrong = append(wrong, err)
			continue
		}
		if err == nil && IsEmpty(v) && a.Search == Link && value != nil {
			err = a.CheckElement(nil) // who has lost the ids of members means no empty group
		}
		if err != nil {
			return nil, err
		}
		o.TellLost(a, item, v)
		if !IsEmpty(v) {
			list = append(list, v)
		}
	}
	if len(list) == 0 && len(wrong) > 0 {
		return nil, wrong[0]
	}
	for _, err := range wrong {
		o.LeftOut(a, err)
	}
	if a.Search != Link { // whoever writes links makes a set of them
		var err error
		if list, err = a.Unite(list); err != nil {
			return nil, err
		}
	}
	if len(list) == 0 {
		return nil, nil
	}
	return list, a.checkPrimary(list, a.Mirrors != nil && !o.Strict)
}

// CheckCount returns invalidValue for more values than the attribute may hold.
// Links are rows of their own and have no such limit.
func (a *Attribute) CheckCount(n int) error {
	limit := a.Max
	if limit == 0 {
		limit = MaxValues
	}
	if n > limit && a.Search != Link {
		return scim.InvalidValue("%s has %d values; at most %d are allowed", a, n, limit)
	}
	return nil
}

// CheckPrimary refuses two primary values in one payload (RFC 7643 section 2.4).
func (a *Attribute) CheckPrimary(list []any) error { return a.checkPrimary(list, false) }

// checkPrimary is CheckPrimary of a list in which there may be mirrors.
func (a *Attribute) checkPrimary(list []any, mirrors bool) error {
	seen := false
	for _, v := range list {
		element, _ := v.(map[string]any)
		if element["primary"] != true || mirrors && mayMirror(element) {
			continue
		}
		if seen {
			return scim.InvalidValue("%s has two values with primary true; at most one is allowed", a)
		}
		seen = true
	}
	return nil
}

// DecodeOne checks one value: of a singular attribute, or one element of a
// multi-valued one. It returns nil for a value that means "unassigned".
func (a *Attribute) DecodeOne(value any, o Options) (any, error) {
	if !IsEmpty(value) {
		value = a.One(value, o)
	}
	if a.Kind != Complex {
		return a.decodeSimple(value, o)
	}
	object, ok := value.(map[string]any)
	if !ok {
		if o.unassigns(a, value) {
			return nil, nil
		}
		return nil, a.wrongType(value, "an object")
	}
	return a.decodeComplex(object, o)
}

func (a *Attribute) decodeComplex(object map[string]any, o Options) (any, error) {
	element, reference := make(map[string]any, len(object)), ""
	var few [8]string
	for _, key := range sortedKeys(few[:0], object) {
		sub := a.SubAttribute(key)
		if sub == nil {
			// Entra and Okta add keys of their own to values, such as displayName
			// to a role: there is nothing to warn an administrator of.
			if o.Strict {
				return nil, scim.InvalidSyntax("%q is not a sub-attribute of %s; allowed are %s", key, a, a.subNames())
			}
			continue
		}
		if _, twice := element[sub.Name]; twice {
			return nil, scim.InvalidSyntax("%s is given twice, in two spellings", sub)
		}
		element[sub.Name] = nil
		if sub.Computed {
			reference, _ = object[key].(string)
		}
		if sub.IsReadOnly() {
			continue
		}
		decoded, err := sub.Decode(object[key], o)
		if err != nil {
			return nil, err
		}
		element[sub.Name] = decoded
	}
	if _, named := element["value"]; !named && IDIn(reference) != "" {
		element["value"] = IDIn(reference)
	}
	maps.DeleteFunc(element, func(_ string, v any) bool { return v == nil })
	if len(element) == 0 {
		return nil, nil
	}
	return element, nil
}

// IDIn is the id of the resource that a reference points to: the end of its path.
func IDIn(reference string) string {
	path, _, _ := strings.Cut(reference, "?")
	path, _, _ = strings.Cut(path, "#")
	path = strings.TrimRight(path, "/ ")
	return path[strings.LastIndexByte(path, '/')+1:]
}

// checkWhole is CheckElement of what is not going to be left out by Tidy.
func (a *Attribute) checkWhole(value any) error {
	element, ok := value.(map[string]any)
	if !ok || a.lacksValue(element) && !a.SubAttribute("value").Required {
		return nil
	}
	return a.CheckElement(element)
}

// CheckElement returns invalidValue when a required sub-attribute is missing
// from an element that is about to be stored.
func (a *Attribute) CheckElement(element map[string]any) error {
	for _, sub := range a.Sub {
		if sub.Required && isBlank(element[sub.Name]) {
			return scim.InvalidValue("%s is required in each value of %s", sub, a)
		}
	}
	return nil
}

func (a *Attribute) subNames() string {
	names := make([]string, len(a.Sub))
	for i, sub := range a.Sub {
		names[i] = sub.Name
	}
	return strings.Join(names, ", ")
}

func (a *Attribute) wrongType(value any, expected string) error {
	return scim.InvalidValue("%s is %s; %s is expected", a, scim.KindOf(value), expected)
}

func (a *Attribute) decodeSimple(value any, o Options) (any, error) {
	if o.unassigns(a, value) {
		return nil, nil
	}
	switch a.Kind {
	case Boolean:
		return a.decodeBoolean(value, o)
	case Integer, Decimal:
		return a.decodeNumber(value, o)
	default:
		return a.decodeText(value, o)
	}
}

// decodeBoolean takes the words true and false in any case, as Entra and
// Saviynt send them, beside the JSON literals, unless options are strict.
func (a *Attribute) decodeBoolean(value any, o Options) (any, error) {
	switch v := value.(type) {
	case bool:
		return v, nil
	case string:
		if o.Strict {
			return nil, a.wrongType(value, "true or false, without quotes,")
		}
		switch strings.ToLower(v) {
		case "true":
			return true, nil
		case "false":
			return false, nil
		}
		return nil, scim.InvalidValue("%s: %q is not allowed; true or false is expected", a, v)
	default:
		return nil, a.wrongType(value, "true or false")
	}
}

func (a *Attribute) decodeNumber(value any, o Options) (any, error) {
	if !o.Strict {
		value = numberOf(value)
	}
	number, ok := value.(json.Number)
	if !ok {
		return nil, a.wrongType(value, "a number")
	}
	f, err := strconv.ParseFloat(string(number), 64)
	if err != nil {
		return nil, scim.InvalidValue("%s: %s is too large a number", a, number)
	}
	if b := a.Bounds; b != nil && (f < b[0] || f > b[1]) {
		return nil, scim.InvalidValue("%s: %s is not allowed; a number from %.1f to %.1f is expected", a, number, b[0], b[1])
	}
	if a.Kind == Decimal {
		if f == 0 {
			f = 0 // not -0, which is written differently but equal
		}
		return f, nil
	}
	n, err := strconv.ParseInt(string(number), 10, 64)
	switch {
	case errors.Is(err, strconv.ErrRange):
		return nil, scim.InvalidValue("%s: %s is too large an integer; 64 bits are allowed", a, number)
	case err != nil:
		return nil, scim.InvalidValue("%s: %s is not allowed; an integer without fraction and exponent is expected", a, number)
	}
	return n, nil
}

func (a *Attribute) decodeText(value any, o Options) (any, error) {
	if a.Kind == String && a != UserName && !o.Strict { // a name to sign in with is no number
		value = textOf(value)
	}
	s, ok := value.(string)
	if !ok {
		return nil, a.wrongType(value, "a string")
	}
	switch {
	case !a.Fits(s):
		return nil, scim.InvalidValue("%s is longer than the %d bytes allowed", a, MaxSearched)
	case len(s) > MaxText:
		return nil, scim.InvalidValue("%s has %d bytes, and at most %d are allowed", a, len(s), MaxText)
	case a.Kind == DateTime:
		t, err := o.Time(s)
		if err != nil {
			return nil, scim.InvalidValue("%s: %q is not allowed; %s", a, s, err)
		}
		return t.Format(TimeLayout), nil
	case a.Kind == Binary && !isBase64(s):
		return nil, scim.InvalidValue("%s is not base64", a)
	case a.Normalize != nil:
		canonical, err := a.Normalize(s, o)
		if err != nil {
			return nil, scim.InvalidValue("%s: %s", a, err)
		}
		o.doubt(a, canonical)
		return canonical, nil
	default:
		o.doubt(a, s)
		return s, nil
	}
}

func (o Options) doubt(a *Attribute, value string) {
	if a.Doubt == nil || o.Doubt == nil {
		return
	}
	if doubt := a.Doubt(value); doubt != "" {
		o.Doubt(a, doubt)
	}
}

// MaxText is how many bytes any text may have.
const MaxText = 128 << 10

// MaxSearched is how many bytes a text that filters find by an index may have,
// as it is and folded: an index has room for no more.
const MaxSearched = 1000

// Fits reports whether a text is short enough to be searched as the attribute is.
func (a *Attribute) Fits(s string) bool {
	if a.Search != Column && a.Search != Key {
		return true
	}
	const growth = 3 // NFC makes at most three bytes of one
	return len(s) <= MaxSearched/growth || len(s) <= MaxSearched && len(a.Fold(s)) <= MaxSearched
}

// isBase64 takes either alphabet, with or without padding.
func isBase64(s string) bool {
	text := strings.TrimRight(s, "=")
	if text == "" || len(s)-len(text) > 2 {
		return false
	}
	if _, err := base64.RawStdEncoding.DecodeString(text); err == nil {
		return true
	}
	_, err := base64.RawURLEncoding.DecodeString(text)
	return err == nil
}
