package searchtest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// How many users and groups a world has.
const (
	TwinUsers  = 10
	twinGroups = 3
)

// Printed renders documents, one a line.
func Printed(docs []scim.Document) string {
	var b strings.Builder
	for _, doc := range docs {
		text, _ := json.Marshal(doc)
		b.Write(append(text, '\n'))
	}
	return b.String()
}

// World is one organisation's users and groups, and who is a member of what.
type World struct {
	Users, Groups []scim.Document
	Members       [][2]uuid.UUID
	ids           []string
	texts         []string                       // that are somewhere in the documents
	values        map[*schema.Attribute][]string // and where
}

// DrawWorld draws users, groups and members.
func DrawWorld(t *rapid.T) *World {
	w := &World{values: map[*schema.Attribute][]string{}}
	for range TwinUsers + twinGroups {
		w.ids = append(w.ids, drawID(t))
	}
	for _, id := range w.ids[:TwinUsers] {
		w.Users = append(w.Users, w.drawDocument(t, TestUser, id))
	}
	for i, id := range w.ids[TwinUsers:] {
		doc := w.drawDocument(t, schema.Group, id)
		doc["displayName"] = w.note(schema.GroupName, fmt.Sprintf("%s%d", w.drawText(t), i))
		w.Groups = append(w.Groups, doc)
	}
	makeUnique(schema.UserName, w.Users)
	for _, group := range w.Groups {
		for _, user := range w.Users {
			if rapid.IntRange(0, 2).Draw(t, "member") == 0 {
				w.Members = append(w.Members, [2]uuid.UUID{IDOf(group), IDOf(user)})
				addLink(group, "members", "User", user, schema.DisplayName)
				addLink(user, "groups", "direct", group, schema.GroupName)
			}
		}
	}
	return w
}

func drawID(t *rapid.T) string {
	b := rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id")
	return uuid.NewSHA1(uuid.UUID(b), nil).String()
}

func makeUnique(a *schema.Attribute, docs []scim.Document) {
	seen := map[string]bool{}
	for _, doc := range docs {
		key := a.Fold(a.Text(doc))
		if seen[key] {
			a.Clear(doc)
		}
		seen[key] = true
	}
}

func addLink(doc scim.Document, name, kind string, other scim.Document, display *schema.Attribute) {
	element := map[string]any{"value": other["id"], "type": kind}
	if text := display.Text(other); text != "" {
		element["display"] = text
	}
	list, _ := doc[name].([]any)
	doc[name] = append(list, element)
}

func (w *World) drawDocument(t *rapid.T, typ *schema.Type, id string) scim.Document {
	doc := scim.Document{}
	for a := range typ.Attributes {
		if a.Mutability != schema.ReadOnly && a.Search != schema.Link && OneIn(t, 2) {
			setRaw(a, doc, w.drawValue(t, a))
		}
	}
	doc["id"] = id
	doc["meta"] = map[string]any{
		"resourceType": typ.Name,
		"created":      drawTime(t).Format(schema.TimeLayout),
		"lastModified": drawTime(t).Format(schema.TimeLayout),
		"version":      strconv.Itoa(rapid.IntRange(1, 3).Draw(t, "version")),
	}
	return doc
}

// setRaw sets an attribute even to a value that means "unassigned".
func setRaw(a *schema.Attribute, doc scim.Document, value any) {
	urn := a.Extension()
	if urn == "" {
		doc[a.Name] = value
		return
	}
	if doc[urn] == nil {
		doc[urn] = map[string]any{}
	}
	doc[urn].(map[string]any)[a.Name] = value
}

// OneIn draws true once in n times.
func OneIn(t *rapid.T, n int) bool { return rapid.IntRange(1, n).Draw(t, "one in") == n }

func (w *World) drawValue(t *rapid.T, a *schema.Attribute) any {
	if !a.MultiValued {
		return w.drawOne(t, a)
	}
	list := []any{}
	for range rapid.IntRange(0, 3).Draw(t, "values") {
		list = append(list, w.drawOne(t, a))
	}
	return list
}

func (w *World) drawOne(t *rapid.T, a *schema.Attribute) any {
	switch a.Kind {
	case schema.Complex:
		element := map[string]any{}
		for _, sub := range a.Sub {
			if OneIn(t, 2) {
				element[sub.Name] = w.drawOne(t, sub)
			}
		}
		return element
	case schema.Boolean:
		return rapid.Bool().Draw(t, "boolean")
	case schema.Integer:
		return rapid.SampledFrom(integers).Draw(t, "integer")
	case schema.Decimal:
		return rapid.SampledFrom(decimals).Draw(t, "decimal")
	case schema.DateTime:
		return drawTime(t).Format(schema.TimeLayout)
	case schema.Binary:
		return base64.StdEncoding.EncodeToString([]byte(w.drawText(t)))
	default:
		text := w.drawText(t)
		if len(a.Canonical) > 0 && OneIn(t, 2) {
			text = a.Canonical[len(text)%min(3, len(a.Canonical))]
		}
		if a.Name == "value" && OneIn(t, 4) {
			text = rapid.SampledFrom(w.ids).Draw(t, "id")
		}
		return w.note(a, text)
	}
}

func (w *World) note(a *schema.Attribute, text string) string {
	w.texts = append(w.texts, text)
	w.values[a] = append(w.values[a], text)
	return text
}

var (
	integers = []int64{0, 1, -1, 7, 10, 1<<53 + 1, 1 << 53, math.MaxInt64, math.MinInt64}
	decimals = []float64{0, math.Copysign(0, -1), 1, 7, 10, 1.5, -0.25, 0.1, 1e-7, 4.999999999999999, 5, 1e300, -1e300, 5e-324}
	// particles make texts that are equal, contained or ordered in surprising ways.
	particles = []string{
		"", "a", "A", "b", "ab", "aB", "z", "k", "\u212A", "fi", "\uFB01", "ss", "ß", "ẞ", "é", "e\u0301", "É", "ü",
		"i", "I", "İ", "ı", "σ", "ς", "Σ", "日本", "😀", "\uD7FF", "\uE000", "\uFFFF", "\U0010FFFF", "%", "_", "'", `"`, `\`,
		" ", "\n", "\x01", "$1", "null", "work", "0", "10", "9",
	}
)

func (w *World) drawText(t *rapid.T) string {
	if OneIn(t, 10) {
		return strings.ReplaceAll(rapid.StringN(0, 4, -1).Draw(t, "text"), "\x00", "")
	}
	if len(w.texts) > 0 && OneIn(t, 4) {
		return rapid.SampledFrom(w.texts).Draw(t, "text again")
	}
	return strings.Join(rapid.SliceOfN(rapid.SampledFrom(particles), 0, 3).Draw(t, "particles"), "")
}

func drawTime(t *rapid.T) time.Time {
	day := rapid.SampledFrom([]int{1, 365, 2024 * 366, 9998 * 365}).Draw(t, "day")
	ms := rapid.IntRange(0, 2).Draw(t, "millisecond")
	return time.Date(1, 1, day, 0, 0, 0, ms*1e6, time.UTC)
}

// DrawFilter writes a filter on attributes of the type.
func (w *World) DrawFilter(t *rapid.T, typ *schema.Type) string {
	return w.drawExpression(t, 3, func() string {
		var tops []*schema.Attribute
		for a := range typ.Attributes {
			if filterable(a) {
				tops = append(tops, a)
			}
		}
		if OneIn(t, 3) { // what columns, keys and links answer, rather than a scan
			tops = slices.DeleteFunc(tops, func(a *schema.Attribute) bool { return !IsSearched(a) })
		}
		a := rapid.SampledFrom(tops).Draw(t, "attribute")
		if a.Kind != schema.Complex {
			if a.MultiValued && a != schema.Schemas && OneIn(t, 2) {
				return a.String() + "[" + w.drawExpression(t, 2, func() string { return w.drawTest(t, a, "value") }) + "]"
			}
			return w.drawTest(t, a, a.String())
		}
		sub := rapid.SampledFrom(slices.DeleteFunc(slices.Clone(a.Sub), func(a *schema.Attribute) bool { return !filterable(a) }))
		switch {
		case OneIn(t, 8):
			return a.String() + " pr"
		case (a.MultiValued || a == schema.Manager) && OneIn(t, 2):
			return a.String() + "[" + w.drawExpression(t, 2, func() string {
				s := sub.Draw(t, "sub-attribute")
				return w.drawTest(t, s, s.Name)
			}) + "]"
		default:
			s := sub.Draw(t, "sub-attribute")
			return w.drawTest(t, s, s.String())
		}
	})
}

func filterable(a *schema.Attribute) bool {
	return a != schema.Password && a.Name != "$ref" && a != schema.Meta.SubAttribute("location")
}

// IsSearched reports whether columns, keys or links answer filters on an attribute.
func IsSearched(a *schema.Attribute) bool {
	return a.Search != schema.Scan || slices.ContainsFunc(a.Sub, IsSearched)
}

func (w *World) drawExpression(t *rapid.T, depth int, leaf func() string) string {
	kind := 0
	if depth > 0 {
		kind = rapid.IntRange(0, 5).Draw(t, "kind")
	}
	switch kind {
	case 1:
		return "(" + w.drawExpression(t, depth-1, leaf) + " and " + w.drawExpression(t, depth-1, leaf) + ")"
	case 2:
		return "(" + w.drawExpression(t, depth-1, leaf) + " or " + w.drawExpression(t, depth-1, leaf) + ")"
	case 3:
		return "not (" + w.drawExpression(t, depth-1, leaf) + ")"
	default:
		return leaf()
	}
}

// drawTest writes a test of a simple attribute that goes by the given name.
func (w *World) drawTest(t *rapid.T, a *schema.Attribute, name string) string {
	if OneIn(t, 8) {
		return name + " pr"
	}
	if OneIn(t, 12) {
		return name + rapid.SampledFrom([]string{" eq null", " ne null"}).Draw(t, "null")
	}
	ops := []string{"eq", "eq", "ne", "gt", "ge", "lt", "le"}
	if a.Kind == schema.Boolean || a.Kind == schema.Binary || a == schema.Meta.SubAttribute("version") {
		ops = ops[:3]
	} else if a.IsText() {
		ops = append(ops, "co", "sw", "ew")
	}
	op := rapid.SampledFrom(ops).Draw(t, "operator")
	return name + " " + op + " " + w.drawLiteral(t, a)
}

func (w *World) drawLiteral(t *rapid.T, a *schema.Attribute) string {
	switch a.Kind {
	case schema.Boolean:
		return strconv.FormatBool(rapid.Bool().Draw(t, "boolean"))
	case schema.Integer:
		return strconv.FormatInt(rapid.SampledFrom(integers).Draw(t, "integer"), 10)
	case schema.Decimal:
		return strconv.FormatFloat(rapid.SampledFrom(decimals).Draw(t, "decimal"), 'g', -1, 64)
	case schema.DateTime:
		finer := time.Duration(rapid.SampledFrom([]int{0, 0, 0, 1, 999, 1000, 999999}).Draw(t, "nanoseconds"))
		zone := time.FixedZone("", rapid.SampledFrom([]int{0, 3600, -5 * 3600}).Draw(t, "zone"))
		return quoted(drawTime(t).Add(finer).In(zone).Format(time.RFC3339Nano))
	case schema.Binary:
		return quoted(base64.StdEncoding.EncodeToString([]byte(w.drawText(t))))
	default:
		return quoted(w.drawTextLiteral(t, a))
	}
}

// drawTextLiteral gives a text that has a chance to be found: one of the
// documents, in another case, or a part of it.
func (w *World) drawTextLiteral(t *rapid.T, a *schema.Attribute) string {
	text := w.drawText(t)
	switch values := w.values[displayed(a)]; {
	case len(values) > 0 && OneIn(t, 2):
		text = rapid.SampledFrom(values).Draw(t, "value of a document")
	case a == schema.Schemas:
		text = rapid.SampledFrom([]string{scim.UserURN, scim.GroupURN, scim.EnterpriseUserURN, scim.GenesysUserURN, TestUser.Extensions[2].ID}).Draw(t, "URN")
	case a.Parent() == schema.Meta:
		text = rapid.SampledFrom([]string{"User", "Group", "1", "2", "01"}).Draw(t, "meta")
	case a == schema.ID || a.Name == "value" && OneIn(t, 2):
		text = rapid.SampledFrom(w.ids).Draw(t, "id")
	case len(w.texts) > 0 && OneIn(t, 2):
		text = rapid.SampledFrom(w.texts).Draw(t, "text of a document")
	case a.Name == "type":
		text = rapid.SampledFrom([]string{"work", "WORK", "home", "user", "User", "direct"}).Draw(t, "type")
	}
	runes := []rune(text)
	switch cut := rapid.IntRange(0, 8).Draw(t, "variant"); {
	case cut == 0:
		return strings.ToUpper(text)
	case cut == 1:
		return strings.ToLower(text)
	case cut == 2 && len(runes) > 1:
		return string(runes[:len(runes)/2+1])
	case cut == 3 && len(runes) > 1:
		return string(runes[len(runes)/2:])
	case cut == 4 && len(runes) > 2:
		return string(runes[1 : len(runes)-1])
	default:
		return text
	}
}

// displayed gives the attribute whose values a link shows.
func displayed(a *schema.Attribute) *schema.Attribute {
	switch a {
	case schema.Members.SubAttribute("display"):
		return schema.DisplayName
	case schema.UserGroups.SubAttribute("display"):
		return schema.GroupName
	default:
		return a
	}
}

func quoted(s string) string {
	text, _ := json.Marshal(s)
	return string(text)
}
