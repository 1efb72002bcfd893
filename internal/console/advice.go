package console

import (
	"regexp"
	"strings"

	"github.com/purescim/purescim/internal/provisioning"
)

// piece is a part of a text; one with a link leads to a page.
type piece struct{ Text, Link string }

// bracketed are the commands that advice names: it is read in terminals, too.
var bracketed = regexp.MustCompile(`\(purescim [^)]*\)`)

// commandPlaces are where people do in the console what advice does by commands that begin so.
var commandPlaces = []struct{ command, place, name string }{
	{"(purescim hold", "/holds", "What is held"},
	{"(purescim group", "/groups", "Groups"},
	{"(purescim role", "/catalogue/roles", "Catalogue"},
	{"(purescim division", "/catalogue/divisions", "Catalogue"},
	{"(purescim schema", "/catalogue/schemas", "Catalogue"},
	{"(purescim client", "/connections/new", "Connections"},
	{"(purescim org set", "/settings", "Settings"},
}

// advice is what to do about a refusal, with places of the console where it has commands.
// Who has no account is told their names, and led to none.
func (v *visit) advice(e provisioning.Entry) (pieces []piece) {
	advice, ok := e.Advice()
	if !ok {
		return nil
	}
	from := 0
	for _, at := range bracketed.FindAllStringIndex(advice.Text, -1) {
		pieces = append(pieces, piece{Text: advice.Text[from:at[0]] + "(under "}, v.placeOf(e, advice.Text[at[0]:at[1]]))
		from = at[1] - len(")")
	}
	return append(pieces, piece{Text: advice.Text[from:]})
}

// placeOf is the place of a command that the advice about an entry names.
func (v *visit) placeOf(e provisioning.Entry, command string) (p piece) {
	for _, c := range commandPlaces {
		if strings.HasPrefix(command, c.command) {
			p = piece{c.name, v.home(c.place)}
			break
		}
	}
	for slug, kind := range kinds {
		if p.Text == "Catalogue" && strings.Contains(e.Error.Detail, "no "+kind.String()+" named") {
			p.Link = v.home("/catalogue/", slug)
		}
	}
	if v.isOutside() {
		p.Link = ""
	}
	return p
}
