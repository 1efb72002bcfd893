package console

import (
	"fmt"
	"slices"

	"github.com/purescim/purescim/internal/provisioning"
	"github.com/purescim/purescim/internal/schema"
)

// overview is the first page of an organisation: how provisioning goes.
type overview struct {
	provisioning.Status
	Attention []attention
	Chart     []bar
	Top       int64 // of the highest bar
	Day       provisioning.Counts
	// People who are active, and who are not, counted as far as enough.
	Active, Inactive int
	Arrived          bool // something was changed by some connection, at any time
}

// attention is something to look at, and where.
type attention struct {
	Class, Word, Text, Link, Button string
}

// bar is an hour of the chart, whose parts are stacked from the bottom.
type bar struct {
	Label string
	X     int
	Parts []part
	provisioning.Counts
}

// part is what became of some of the requests of an hour, by the class of its colour.
type part struct {
	Class     string
	Y, Height int64
}

func showOverview(v *visit) error {
	s, err := v.Provisioning.Status(v.r.Context(), v.org.ID)
	if err != nil {
		return err
	}
	v.states.note(v.org.ID, s)
	stream, err := v.readStream()
	if err != nil {
		return err
	}
	o := overview{Status: s, Attention: v.attention(s, stream)}
	o.Chart, o.Top = chartOf(s)
	for _, h := range s.Hours {
		o.Day.Add(h.Counts)
	}
	o.Arrived = slices.ContainsFunc(s.Clients, func(c provisioning.ClientStatus) bool { return !c.Succeeded.IsZero() })
	if o.Active, err = v.activePeople(); err != nil {
		return err
	}
	if o.Inactive, err = v.count(schema.User, selection{filter: "active eq false"}, enough); err != nil {
		return err
	}
	return v.show("overview", "overview", "Overview", o)
}

// mostShown is how many refused people the first page names of a connection.
const mostShown = 5

// attention lists what an administrator should look at, the worst first.
func (v *visit) attention(s provisioning.Status, stream streamState) (list []attention) {
	for _, c := range s.Clients {
		if c.Holds > 0 {
			list = append(list, attention{"amber", "held", fmt.Sprintf("%s by %s %s held until somebody decides.", plural(c.Holds, "removal"), c.Name, are(c.Holds)), v.home("/holds"), "Decide"})
		}
		wrong, all, word := c.Wrong()
		for _, r := range wrong[:min(len(wrong), mostShown)] {
			list = append(list, attention{"red", "refused", fmt.Sprintf("%s was refused: %s", r.Target, sentence(r.Error.Detail)), v.home("/activity/", r.Entry.String()), "What to do"})
		}
		if more := all - min(len(wrong), mostShown); more > 0 {
			list = append(list, attention{"red", "refused", fmt.Sprintf("%s of %s %s %s.", others(more, len(wrong) > 0), c.Name, are(more), word), v.logLink("result:refused by:%s", term{Value: c.Name}), "See all"})
		}
		for _, l := range c.Loops[:min(len(c.Loops), mostShown)] {
			list = append(list, attention{"amber", "loop", c.Name + " " + l.Sentence(), v.targetLink(l.Target), "See it"})
		}
		if more := len(c.Loops) - min(len(c.Loops), mostShown); more > 0 {
			list = append(list, attention{"amber", "loop", fmt.Sprintf("%s more of %s go round in a circle; the status of the API has them all.", plural(more, "resource"), c.Name), v.home("/connections/", c.ID.String()), "See the connection"})
		}
		if c.Token.EndsSoon(s.At) && !c.Disabled {
			list = append(list, attention{"amber", "soon", fmt.Sprintf("The token of %s ends %s.", c.Name, ago(c.Token.Expires, s.At)), v.home("/connections/", c.ID.String()), "Renew it"})
		}
	}
	if s.Dead > 0 {
		list = append(list, attention{"red", "not sent", plural(s.Dead, "event") + " could not be delivered to the receiver.", v.home("/events#dead"), "See the stream"})
	}
	if word, late := stream.late(s.At); late != "" {
		list = append(list, attention{"amber", word, late, v.home("/events"), "See the stream"})
	}
	slices.SortStableFunc(list, func(a, b attention) int { return a.order() - b.order() })
	return list
}

// order is what is looked at first: what waits for a decision holds all the rest up.
func (a attention) order() int {
	switch {
	case a.Word == "held":
		return 0
	case a.Class == "red":
		return 1
	default:
		return 2
	}
}

// others are people who are not named, beside some who are or by themselves.
func others(n int, besides bool) string {
	switch {
	case !besides:
		return plural(n, "person")
	case n == 1:
		return "1 more person"
	default:
		return count(n) + " more people"
	}
}

func are(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}

// The chart's measures, in its own units.
const chartHeight, barWidth = 100, 10

// chartOf stacks the requests of each hour: done, unchanged, held, refused and failed.
func chartOf(s provisioning.Status) (bars []bar, top int64) {
	for _, h := range s.Hours {
		top = max(top, written(h.Counts))
	}
	scale := func(n int64) int64 {
		if top == 0 {
			return 0
		}
		return (n*chartHeight + top - 1) / top
	}
	for i, h := range s.Hours {
		b := bar{Label: h.Began.Format("15:04"), X: i * barWidth, Counts: h.Counts}
		y := int64(chartHeight)
		for _, p := range []struct {
			class string
			n     int64
		}{{"done", h.Done}, {"same", h.Unchanged}, {"warned", h.Held}, {"refused", h.Refused + h.Failed}} {
			if height := min(scale(p.n), y); height > 0 {
				y -= height
				b.Parts = append(b.Parts, part{p.class, y, height})
			}
		}
		bars = append(bars, b)
	}
	return bars, top
}

// written are the requests that were to change something.
func written(c provisioning.Counts) int64 {
	return c.Done + c.Unchanged + c.Held + c.Refused + c.Failed
}
