package console

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/provisioning"
)

// organisations are what an operator sees first: those that need attention at the top.
type organisations struct {
	Sum   string
	Rows  []organisationRow
	Words string
	// Only are those that need attention, and Choices lead to them and to all.
	Only    bool
	Choices []preset
	turn
}

type organisationRow struct {
	org.Org
	State    provisioning.State
	Sentence string
	Clients  int
	// Tokens are the connections of which somebody must renew the token within 30 days, the
	// one that ends first at the front; Waits tells of events that nobody took.
	Tokens []tokenEnd
	Waits  bool
}

// tokenEnd is a connection whose token ends soon.
type tokenEnd struct {
	Name    string
	Expires time.Time
}

// judging is for how long a page looks for organisations that need attention.
const judging = 200 * time.Millisecond

// listOrganisations judges a page of the organisations, which are in the order of their
// names, and puts those first that need attention. Or it shows those alone, and looks on
// until a page is full, or for a moment.
func listOrganisations(v *visit) error {
	all, err := v.Organisations.ListOrgs(v.r.Context())
	if err != nil {
		return err
	}
	list := organisations{Words: v.query("q"), Only: v.query("only") == "attention"}
	if list.Words != "" {
		all = slices.DeleteFunc(all, func(o org.Org) bool { return !strings.Contains(strings.ToLower(o.Name), strings.ToLower(list.Words)) })
	}
	from, _ := strconv.Atoi(v.query("from")) // none is the beginning
	from = min(max(0, from), len(all))
	at, trouble, began := from, 0, time.Now()
	for ; at < len(all) && len(list.Rows) < pageSize; at++ {
		if at-from >= pageSize && time.Since(began) > judging {
			break
		}
		s, err := v.Provisioning.Status(v.r.Context(), all[at].ID)
		if err != nil {
			return err
		}
		row := newOrganisationRow(all[at], s)
		if row.worry() > 0 {
			trouble++
		}
		if row.worry() > 0 || !list.Only {
			list.Rows = append(list.Rows, row)
		}
	}
	slices.SortStableFunc(list.Rows, func(a, b organisationRow) int { return b.worry() - a.worry() })
	list.Sum = sumOfOrganisations(at-from, len(all), trouble)
	list.turnOver(from, at, len(all))
	return v.show("organisations", "organisations", "Organisations", list)
}

// turnOver leads to the other pages of the list, and to those that need attention.
func (l *organisations) turnOver(from, at, all int) {
	here := Path + "/organisations?q=" + url.QueryEscape(l.Words)
	l.Choices = []preset{{"All", here, !l.Only}, {"Need attention", here + "&only=attention", l.Only}}
	if l.Only {
		here += "&only=attention"
	}
	if at < all {
		l.Next, l.Short = here+"&from="+strconv.Itoa(at), l.Only && len(l.Rows) < pageSize
	}
	if from > 0 {
		l.First = here
	}
}

func newOrganisationRow(o org.Org, s provisioning.Status) organisationRow {
	r := organisationRow{Org: o, State: s.State, Sentence: s.Summary(), Clients: len(s.Clients), Waits: s.Dead > 0}
	for _, c := range s.Clients {
		if c.Token.EndsSoon(s.At) && !c.Disabled {
			r.Tokens = append(r.Tokens, tokenEnd{c.Name, c.Token.Expires})
		}
	}
	slices.SortFunc(r.Tokens, func(a, b tokenEnd) int { return a.Expires.Compare(b.Expires) })
	return r
}

// worry orders organisations by how much somebody should look at them.
func (r organisationRow) worry() int {
	switch {
	case r.State == provisioning.Halted:
		return 3
	case r.State == provisioning.Partly:
		return 2
	case len(r.Tokens) > 0 || r.Waits:
		return 1
	default:
		return 0
	}
}

// sumOfOrganisations tells how many of those that were looked at, of all, need attention.
func sumOfOrganisations(n, all, trouble int) string {
	of := " of " + plural(n, "organisation")
	if n < all {
		of = " of the " + count(n) + " organisations on this page, of " + count(all) + " in all,"
	}
	switch {
	case n == 0:
		return "There is no organisation"
	case n == 1 && trouble == 0:
		return "The one organisation needs no attention"
	case n == 1:
		return "The one organisation needs attention"
	case trouble == 0:
		return "None" + of + " needs attention"
	case trouble == 1:
		return "1" + of + " needs attention"
	default:
		return count(trouble) + of + " need attention"
	}
}
