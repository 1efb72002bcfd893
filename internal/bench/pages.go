package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Console is what the pages of the console are asked about.
type Console struct {
	Data
	// Home is the path of the organisation's first page, Cookie that of somebody who is
	// signed in and may see all organisations.
	Home, Cookie string
	// Busy and Quiet are the ids of the connections that have done most and least, and
	// BusyName is the name of the first.
	Busy, BusyName, Quiet string
}

// Pages are the pages of the console, each fetched so many Times by one browser, and what
// each should take at most: half of its times, the longest, and its bytes of HTML.
type Pages struct {
	Times         int     `json:"times"`
	MedianAtMost  float64 `json:"median_ms_at_most"`
	SlowestAtMost float64 `json:"slowest_ms_at_most"`
	BytesAtMost   int     `json:"bytes_at_most"`
	Pages         []Page  `json:"pages"`
}

// Page is what a page takes, in milliseconds until it was read, and in bytes.
type Page struct {
	Name    string  `json:"name"`
	Best    float64 `json:"best_ms"`
	Median  float64 `json:"median_ms"`
	Slowest float64 `json:"slowest_ms"`
	Bytes   int     `json:"bytes"`
	// Above says which of the bounds it is above; empty where it is within them.
	Above string `json:"above,omitempty"`
}

// What a page of the console should take at most, with a million people.
const (
	pageMedian, pageSlowest = 50, 300 // milliseconds
	pageBytes               = 60 << 10
)

// consolePage is one at a path, or behind the first link of that page which a
// pattern finds.
type consolePage struct {
	name, path string
	link       *regexp.Regexp
	leads      bool // to another place
}

var (
	nextPage   = regexp.MustCompile(`href="([^"]*[?&](?:amp;)?(?:cursor|before)=[^"]*)"`)
	firstEntry = regexp.MustCompile(`href="([^"]*/activity/[0-9a-f-]{36})"`)
	firstRole  = regexp.MustCompile(`href="([^"]*/catalogue/roles/[0-9a-f-]{36})"`)
	ownSchema  = regexp.MustCompile(`href="([^"]*/catalogue/schemas/urn:example:[^"]*)"`)
)

// errNoLink tells that a page does not lead to the one that is to be measured.
var errNoLink = errors.New("there is no such page")

// Measure fetches the pages whose names contain only, each so many times in turn.
func (c Console) Measure(ctx context.Context, s Server, times int, only string, progress func(Step)) (Pages, error) {
	found := Pages{Times: times, MedianAtMost: pageMedian, SlowestAtMost: pageSlowest, BytesAtMost: pageBytes}
	d, err := newDriver(s, Options{Connections: 1})
	if err != nil {
		return found, err
	}
	defer d.close()
	d.header += "Cookie: " + c.Cookie + "\r\n"
	pages := slices.DeleteFunc(c.pages(), func(p consolePage) bool { return !strings.Contains(p.name, only) })
	if len(pages) == 0 {
		return found, fmt.Errorf("no page has %q in its name", only)
	}
	for i, p := range pages {
		progress(Step{p.name, i, len(pages)})
		measured, err := p.measure(ctx, d, times)
		switch {
		case errors.Is(err, errNoLink):
			continue // there is no next page
		case err != nil:
			return found, fmt.Errorf("%s: %w", p.name, err)
		}
		found.Pages = append(found.Pages, measured)
	}
	return found, nil
}

func (p consolePage) measure(ctx context.Context, d *driver, times int) (m Page, err error) {
	ask := request{method: http.MethodGet, path: p.path, platform: true, leads: p.leads}
	var body bytes.Buffer
	if p.link != nil {
		if err := d.send(ctx, d.conns[0], ask, &body); err != nil {
			return m, err
		}
		link := p.link.FindSubmatch(body.Bytes())
		if link == nil {
			return m, errNoLink
		}
		ask.path, _, _ = strings.Cut(html.UnescapeString(string(link[1])), "#")
	}
	took := make([]float64, times)
	for i := range took {
		began := time.Now()
		if err := d.send(ctx, d.conns[0], ask, &body); err != nil {
			return m, err
		}
		took[i] = milliseconds(time.Since(began))
	}
	m = Page{Name: p.name, Median: middle(took), Best: took[0], Slowest: took[times-1], Bytes: body.Len()} // which sorts them
	m.Above = m.above()
	return m, nil
}

// above names the bounds that the page is above.
func (m Page) above() string {
	var all []string
	for what, is := range map[string]bool{"median": m.Median > pageMedian, "slowest": m.Slowest > pageSlowest, "KB": m.Bytes > pageBytes} {
		if is {
			all = append(all, what)
		}
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

// pages are those that are looked at, by what they have to find.
func (c Console) pages() []consolePage { //nolint:funlen // a table
	n := len(c.Users)
	middle, grouped := n/2, c.grouped()
	at := func(path string) string { return c.Home + path }
	asked := func(path, text string) string { return c.Home + path + url.QueryEscape(text) }
	big, person := "/groups/"+c.Big, "/people/"+grouped[0]
	return []consolePage{
		{name: "Overview", path: c.Home},
		{name: "Organisations", path: "/console/organisations"},
		{name: "Activity", path: at("/activity")},
		{name: "Activity: older", path: at("/activity"), link: nextPage},
		{name: "Activity: refused", path: asked("/activity?q=", "result:refused")},
		{name: "Activity: held, which there is none", path: asked("/activity?q=", "result:held")},
		{name: "Activity: of a person", path: asked("/activity?q=", "user:"+c.UserName(middle))},
		{name: "Activity: by a connection", path: asked("/activity?q=", `by:"`+c.BusyName+`"`)},
		{name: "Activity: refused of a connection that has none", path: asked("/activity?q=", "result:refused by:Quiet")},
		{name: "Activity: since 14 days", path: asked("/activity?q=", "since:14d")},
		{name: "Activity: a rare operation", path: asked("/activity?q=", "op:rename")},
		{name: "Activity: a word that is nowhere", path: asked("/activity?q=", "nowhere")},
		{name: "Activity: a type of which there is nothing", path: asked("/activity?q=", "type:Skill")},
		{name: "Activity: a correlation id", path: asked("/activity?q=", "id:nobody")},
		{name: "Activity: an entry", path: at("/activity"), link: firstEntry},
		{name: "Holds", path: at("/holds")},
		{name: "People", path: at("/people")},
		{name: "People: the next page", path: at("/people"), link: nextPage},
		{name: "People: inactive", path: at("/people?state=inactive")},
		{name: "People: a given name of a tenth", path: asked("/people?q=", "ada")},
		{name: "People: a given name, the next page", path: asked("/people?q=", "ada"), link: nextPage},
		{name: "People: a given name, inactive, which nobody is", path: at("/people?q=ada&state=inactive")},
		{name: "People: a login", path: asked("/people?q=", c.UserName(middle))},
		{name: "People: the beginning of all logins", path: asked("/people?q=", "user")},
		{name: "People: nobody's name", path: asked("/people?q=", "zz")},
		{name: "People: a title that all have", path: asked("/people?q=", `title eq "Analyst"`)},
		{name: "People: a title that nobody has", path: asked("/people?q=", `title eq "Nobody"`)},
		{name: "People: a part inside of few names", path: asked("/people?inside=yes&q=", fmt.Sprintf("ser%d@", middle))},
		{name: "People: a part inside of no name", path: at("/people?inside=yes&q=zz")},
		{name: "The box at the top", path: asked("/search?q=", "ada"), leads: true},
		{name: "The box at the top: a login", path: asked("/search?q=", c.UserName(middle)), leads: true},
		{name: "A person", path: at(person)},
		{name: "A person: restore", path: asked(person+"/restore?at=", time.Now().Add(-time.Hour).UTC().Format("2006-01-02T15:04:05"))},
		{name: "A person: try a request", path: at(person + "/try")},
		{name: "Groups", path: at("/groups")},
		{name: "Groups: the next page", path: at("/groups"), link: nextPage},
		{name: "Groups: by name", path: asked("/groups?q=", "Group 1")},
		{name: "Groups: a filter that nothing satisfies", path: asked("/groups?q=", `displayName co "zz"`)},
		{name: "A group of 10", path: at("/groups/" + c.Groups[0])},
		{name: "The big group", path: at(big)},
		{name: "The big group: the next page of members", path: at(big), link: nextPage},
		{name: "The big group: a name of many members", path: at(big + "?q=ada")},
		{name: "The big group: a name of many, none a member", path: at(big + "?q=blaise")},
		{name: "The big group: the beginning of all logins", path: at(big + "?q=user")},
		{name: "The big group: logins of others", path: at(big + "?q=user1")},
		{name: "The big group: the login of a member", path: asked(big+"?q=", c.UserName(n*2/5))},
		{name: "The big group: a login that is not in it", path: asked(big+"?q=", c.UserName(1))},
		{name: "The big group: delete", path: at(big + "/delete")},
		{name: "Connections", path: at("/connections")},
		{name: "Connections: new", path: at("/connections/new")},
		{name: "A connection that did most", path: at("/connections/" + c.Busy)},
		{name: "A connection that did most: its check", path: at("/connections/" + c.Busy + "/check")},
		{name: "A connection of little", path: at("/connections/" + c.Quiet)},
		{name: "A connection of little: its check", path: at("/connections/" + c.Quiet + "/check")},
		{name: "A connection of little: what to paste", path: at("/connections/" + c.Quiet + "/values")},
		{name: "A connection of little: the steps", path: at("/connections/" + c.Quiet + "/guide")},
		{name: "Catalogue: roles", path: at("/catalogue/roles")},
		{name: "Catalogue: a role", path: at("/catalogue/roles"), link: firstRole},
		{name: "Catalogue: divisions", path: at("/catalogue/divisions")},
		{name: "Catalogue: schemas", path: at("/catalogue/schemas")},
		{name: "Catalogue: a schema that nobody has values of", path: at("/catalogue/schemas"), link: ownSchema},
		{name: "Imports", path: at("/transfer")},
		{name: "Settings", path: at("/settings")},
		{name: "Settings: events", path: at("/events")},
		{name: "Settings: issuers", path: at("/issuers")},
		{name: "Administrators", path: "/console/administrators"},
		{name: "Providers", path: "/console/providers"},
		{name: "Account", path: "/console/account"},
		{name: "A guide", path: at("/guides/entra")},
	}
}

// print writes a line for each page.
func (p Pages) print(b *bytes.Buffer) {
	const columns = "%-52s%9s%9s%9s%7s  %s\n"
	const kilo = 1 << 10
	fmt.Fprintf(b, "\nPages of the console, each %d times by one browser: milliseconds until it was read, half of them in\n"+
		"at most %g, the slowest in %g; at most %d KB of HTML.\n\n", p.Times, p.MedianAtMost, p.SlowestAtMost, p.BytesAtMost/kilo)
	fmt.Fprintf(b, columns, "", "best", "median", "slowest", "KB", "")
	within := 0
	for _, page := range p.Pages {
		mark := ""
		if page.Above == "" {
			within++
		} else {
			mark = "above: " + page.Above
		}
		fmt.Fprintf(b, columns, page.Name, decimals(&page.Best, 1), decimals(&page.Median, 1), decimals(&page.Slowest, 1), strconv.Itoa((page.Bytes+kilo-1)/kilo), mark)
	}
	fmt.Fprintf(b, "\n%d of %d pages are within these bounds.\n", within, len(p.Pages))
}
