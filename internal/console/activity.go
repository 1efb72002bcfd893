package console

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/provisioning"
)

// pageSize is how many rows a list shows at once.
const pageSize = 50

// activity is a page of the provisioning log.
type activity struct {
	Line    string // the filter
	Chips   []chip
	Presets []preset
	Terms   []filterTerm
	Offered []completion
	Problem string
	Entries []provisioning.Entry
	// Older and First lead to other pages; empty where there are none. New tells of entries
	// that came since.
	Older, First, New string
	CSV, Lines        string
	// Until is how far back was looked, where that is not to the end; zero elsewhere.
	Until time.Time
}

// preset is a filter that is a click away.
type preset struct {
	Name, Link string
	Current    bool
}

func (v *visit) presets(line string) []preset {
	all := []preset{{Name: "Everything"}, {Name: "Refused", Link: "result:refused"}, {Name: "Held", Link: "result:held"}, {Name: "With warnings", Link: "result:warning"}, {Name: "People", Link: "type:User"}, {Name: "Groups", Link: "type:Group"}}
	for i, p := range all {
		all[i].Current, all[i].Link = p.Link == line, v.logLink("%s", p.Link)
	}
	return all
}

func showActivity(v *visit) error {
	path := v.home("/activity")
	a := activity{Line: v.query("q"), Terms: filterTerms}
	var err error
	if a.Offered, err = v.completions(); err != nil {
		return err
	}
	a.Presets = v.presets(a.Line)
	q, terms, err := v.readLog(a.Line)
	a.Chips = chipsOf(path, terms)
	if told := mendable(err); told != nil {
		a.Problem = sentence(told.Detail)
		return v.showStatus(http.StatusBadRequest, "activity", "activity", "Activity", a)
	}
	if err != nil {
		return err
	}
	filter := "q=" + url.QueryEscape(a.Line)
	if q.Before, err = uuid.Parse(v.query("before")); err == nil {
		a.First = path + "?" + filter
	}
	q.Limit = pageSize
	var next uuid.UUID
	if a.Entries, next, err = v.Provisioning.Look(v.r.Context(), v.org.ID, q); err != nil {
		return err
	}
	if next != uuid.Nil && len(a.Entries) < pageSize {
		a.Until = provisioning.TimeOf(next)
	}
	if next != uuid.Nil {
		a.Older = path + "?" + filter + "&before=" + next.String()
	}
	a.CSV, a.Lines = path+"/export?format=csv&"+filter, path+"/export?format=jsonl&"+filter
	if a.First == "" {
		newest := provisioning.FirstID(time.Now())
		if len(a.Entries) > 0 {
			newest = a.Entries[0].ID
		}
		a.New = path + "/new?" + filter + "&after=" + newest.String()
	}
	return v.show("activity", "activity", "Activity", a)
}

// exportActivity streams all entries that a filter selects, as CSV or as lines of JSON.
func exportActivity(v *visit) error {
	q, _, err := v.readLog(v.query("q"))
	if err != nil {
		return err
	}
	h := v.w.Header()
	write, flush := v.writeLines, func() error { return nil }
	h.Set("Content-Type", "application/x-ndjson")
	h.Set("Content-Disposition", `attachment; filename="activity.jsonl"`)
	if v.query("format") == "csv" {
		h.Set("Content-Type", "text/csv; charset=utf-8")
		h.Set("Content-Disposition", `attachment; filename="activity.csv"`)
		table := csv.NewWriter(v.w)
		if err := table.Write(provisioning.Columns); err != nil {
			return err
		}
		write = func(e provisioning.Entry) error {
			row, err := e.Row()
			if err == nil {
				err = table.Write(row)
			}
			return err
		}
		flush = func() error { table.Flush(); return table.Error() }
	}
	for e, err := range v.Provisioning.All(v.r.Context(), v.org.ID, q) {
		if err == nil {
			err = write(e)
		}
		if err != nil {
			return err
		}
	}
	return flush()
}

func (v *visit) writeLines(e provisioning.Entry) error {
	line, err := json.Marshal(e)
	if err == nil {
		_, err = v.w.Write(append(line, '\n'))
	}
	return err
}

// findEntry reads the entry of the path.
func (v *visit) findEntry() (e provisioning.Entry, err error) {
	id, err := v.id()
	if err != nil {
		return e, err
	}
	e, err = v.Provisioning.Entry(v.r.Context(), v.org.ID, id)
	if errors.Is(err, provisioning.ErrNotFound) {
		return e, notHere(v.r)
	}
	return e, err
}
