package search

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// Diff tells in words how what is stored beside a document differs from what
// rowOf makes of it; nothing means that every filter finds the document rightly.
// The stored keys are sorted as rowOf sorts them.
func Diff(t *schema.Type, doc scim.Document, stored Row) []string {
	table, computed := TableOf(t), RowOf(t, doc)
	var diffs []string
	for i, name := range table.ColumnNames {
		if stored.Columns[i] != computed.Columns[i] {
			diffs = append(diffs, fmt.Sprintf("column %s is %s instead of %s", name, shown(stored.Columns[i]), shown(computed.Columns[i])))
		}
	}
	extra, missing := ChangedKeys(stored.Keys, computed.Keys)
	for _, k := range extra {
		diffs = append(diffs, fmt.Sprintf("%s has a key %q that the document does not have", table.attributeOf(k.Kind), k.Text))
	}
	for _, k := range missing {
		diffs = append(diffs, fmt.Sprintf("%s has no key %q", table.attributeOf(k.Kind), k.Text))
	}
	return append(diffs, DiffFolded(stored.Folded, computed.Folded)...)
}

func shown(value any) string {
	if text, ok := value.(string); ok {
		return fmt.Sprintf("%q", text)
	}
	if value == nil {
		return "null"
	}
	return fmt.Sprint(value)
}

// attributeOf names the attribute whose keys are of the kind.
func (t *Table) attributeOf(kind int16) string {
	for _, k := range t.keyed {
		if k.kind == kind {
			return k.attr.String()
		}
	}
	return fmt.Sprintf("unknown kind %d", kind)
}

// DiffFolded compares folded copies by their top members: PostgreSQL keeps
// neither their order nor their spacing.
func DiffFolded(stored, computed []byte) []string {
	have, err := readMembers(stored)
	if err != nil {
		return []string{"the folded copy is not a JSON object"}
	}
	want, _ := readMembers(computed)
	names := maps.Clone(have)
	maps.Copy(names, want)
	var diffs []string
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if !reflect.DeepEqual(have[name], want[name]) {
			diffs = append(diffs, "the folded copy differs in "+name)
		}
	}
	return diffs
}

func readMembers(text []byte) (map[string]any, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var object map[string]any
	err := d.Decode(&object)
	return object, err
}
