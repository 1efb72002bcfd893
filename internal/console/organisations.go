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

// listOrganisations judges a page of the organisations, which are in the order of their
// names, and puts those first that need attention.
func listOrganisations(v *visit) error {
	all, err := v.Organisations.ListOrgs(v.r.Context())
	if err != nil {
		return err
	}
	list := organisations{Words: v.query("q")}
	if list.Words != "" {
		all = slices.DeleteFunc(all, func(o org.Org) bool { return !strings.Contains(strings.ToLower(o.Name), strings.ToLower(list.Words)) })
	}
	from, _ := strconv.Atoi(v.query("from")) // none is the beginning
	from = min(max(0, from), len(all))
	page := all[from:min(from+pageSize, len(all))]
	trouble := 0
	for _, o := range page {
		s, err := v.Provisioning.Status(v.r.Context(), o.ID)
		if err != nil {
			return err
		}
		row := newOrganisationRow(o, s)
		if row.worry() > 0 {
			trouble++
		}
		list.Rows = append(list.Rows, row)
	}
	slices.SortStableFunc(list.Rows, func(a, b organisationRow) int { return b.worry() - a.worry() })
	list.Sum = sumOfOrganisations(len(all), trouble, len(page) < len(all))
	here := Path + "/organisations?q=" + url.QueryEscape(list.Words)
	if from+len(page) < len(all) {
		list.Next = here + "&from=" + strconv.Itoa(from+len(page))
	}
	if from > 0 {
		list.First = here
	}
	return v.show("organisations", "organisations", "Organisations", list)
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

func sumOfOrganisations(n, trouble int, part bool) string {
	of := " of " + plural(n, "organisation")
	if part {
		of = " on this page of " + plural(n, "organisation")
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
