// Package guides fills the guides of docs/guides with the values of one connection:
// as HTML for a page, as Markdown for a terminal.
//
// A hole in a guide is a word in capitals that reads sensibly where nobody fills it, in
// the repository: https://HOST, ORGANISATION, CONNECTION, CLIENT_ID, CLIENT_SECRET and
// ACCESS_TOKEN. Where values come from, and who may see a guide with them, is left to
// the callers.
package guides

import (
	"bytes"
	"fmt"
	"html"
	"html/template"
	"regexp"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"

	"github.com/purescim/purescim/docs/guides"
)

// Guide is how one product is connected.
type Guide struct {
	Slug    string // its name in commands and URLs, and that of its file
	Product string // the vendor's name of the product, for a tile
	Title   string // the heading of the guide
	// ByClient tells that the product signs in with the client's id and secret, and fetches
	// its tokens itself.
	ByClient bool
	Wait     string // how long it may take until something comes, in a sentence
}

// list is in the order in which products are offered.
var list = []Guide{
	{Slug: "entra", Product: "Microsoft Entra ID", Wait: entraWait},
	{Slug: "entra-gallery", Product: "Microsoft Entra ID (gallery)", Wait: entraWait},
	{Slug: "okta", Product: "Okta", Wait: "Okta sends as soon as somebody is assigned, and members of a group when the group is pushed."},
	{Slug: "saviynt", Product: "Saviynt", ByClient: true, Wait: "Saviynt sends when its tasks run; a provisioning job that is started by hand sends at once."},
	{Slug: "sailpoint", Product: "SailPoint", ByClient: true},
	{Slug: "onelogin", Product: "OneLogin"},
	{Slug: "pingone", Product: "PingOne", ByClient: true},
	{Slug: "pingfederate", Product: "PingFederate", ByClient: true},
	{Slug: "jumpcloud", Product: "JumpCloud"},
	{Slug: "google", Product: "Google Workspace"},
	{Slug: "keycloak", Product: "Keycloak"},
	{Slug: "authentik", Product: "authentik"},
	{Slug: "curl", Product: "curl"},
}

const entraWait = "Entra sends in cycles of some 40 minutes; Provision on demand there sends one person at once."

// Of returns the guide of a slug, without its title.
func Of(slug string) (Guide, bool) {
	for _, g := range list {
		if g.Slug == slug {
			return g, true
		}
	}
	return Guide{}, false
}

// List returns all guides, in the order in which products are offered.
func List() []Guide {
	all := make([]Guide, len(list))
	for i, g := range list {
		text, err := source(g.Slug)
		if err != nil {
			panic(err) // a test reads each file
		}
		heading, _, _ := strings.Cut(text, "\n")
		g.Title = strings.TrimPrefix(heading, "# ")
		all[i] = g
	}
	return all
}

// Values are what fills the holes of a guide. One that is empty leaves its hole as it is.
type Values struct {
	BaseURL      string // scheme and host of the server, such as https://scim.example.org
	Organisation string // its name
	Connection   string // the name of the OAuth client
	ClientID     string
	ClientSecret string
	AccessToken  string
	// Attributes are the organisation's own, named as a mapping names them: the URN of
	// the schema, a colon and the attribute. They take the row of the example.
	Attributes []string
	// Console has the pages of the console do what a command does elsewhere. Home is where
	// those of the organisation are, empty for who has no account there.
	Console bool
	Home    string
}

// holes finds each hole; those of Values.fill.
var holes = regexp.MustCompile(`https://HOST\b|\b(?:ORGANISATION|CONNECTION|CLIENT_ID|CLIENT_SECRET|ACCESS_TOKEN)\b`)

// fill replaces the holes of a text by the values as encode writes them.
func (v Values) fill(text string, encode func(string) string) string {
	values := map[string]string{
		"https://HOST":  strings.TrimRight(v.BaseURL, "/"),
		"ORGANISATION":  v.Organisation,
		"CONNECTION":    v.Connection,
		"CLIENT_ID":     v.ClientID,
		"CLIENT_SECRET": v.ClientSecret,
		"ACCESS_TOKEN":  v.AccessToken,
	}
	return holes.ReplaceAllStringFunc(text, func(hole string) string {
		if value := values[hole]; value != "" {
			return encode(value)
		}
		return hole
	})
}

// exampleRow is the row of the example attribute, which each guide has.
const exampleRow = "| the number on the badge | `urn:ietf:params:scim:schemas:extension:badge:2.0:User:number` |\n"

// attributeName is what the name of an attribute of a schema may be made of, none of
// which means anything in Markdown.
var attributeName = regexp.MustCompile(`^[A-Za-z0-9:._$-]+$`)

// withAttributes names the organisation's attributes instead of the example.
func (v Values) withAttributes(text string) string {
	if len(v.Attributes) == 0 {
		return text
	}
	var rows strings.Builder
	for _, name := range v.Attributes {
		if attributeName.MatchString(name) {
			fmt.Fprintf(&rows, "| what your system calls it | `%s` |\n", name)
		}
	}
	if v.Console {
		text = strings.Replace(text, example, declared, 1)
	}
	return strings.Replace(text, exampleRow, rows.String(), 1)
}

// prepared is the Markdown of a guide for a reader: in the console without what is done
// already, and with the ways of its pages.
func (v Values) prepared(text string) string {
	text = v.withAttributes(text)
	switch {
	case v.Console && v.ClientID != "":
		text = strings.Replace(text, beginning, made, 1)
	case v.Console:
		text = strings.Replace(text, beginning, unmade, 1)
	}
	if v.Console {
		text = consoleWays.Replace(text)
	}
	return text
}

// Text returns a guide as Markdown with the values in it, as they are: whoever shows
// them on a terminal escapes what it would act on. The error is of an unknown slug.
func Text(slug string, v Values) (string, error) {
	text, err := source(slug)
	if err != nil {
		return "", err
	}
	return v.fill(v.prepared(text), func(value string) string { return value }), nil
}

// markdown makes tables, and ids for headings, and lets no HTML through.
var markdown = goldmark.New(goldmark.WithExtensions(extension.Table), goldmark.WithParserOptions(parser.WithAutoHeadingID()))

// toGuide finds links to other guides, which are files in the repository.
var toGuide = regexp.MustCompile(`href="([a-z-]+)\.md"`)

// Render returns a guide as HTML with the values in it. Values are escaped after the
// Markdown was understood, so that no name of an organisation is taken for markup. Links
// lead to other guides by their slugs, as in href="curl", and to /openapi.yaml. The error
// is of an unknown slug.
func Render(slug string, v Values) (template.HTML, error) {
	text, err := source(slug)
	if err != nil {
		return "", err
	}
	var page bytes.Buffer
	if err := markdown.Convert([]byte(v.prepared(text)), &page); err != nil {
		return "", fmt.Errorf("guide %s: %w", slug, err)
	}
	linked := toGuide.ReplaceAllString(page.String(), `href="$1"`)
	linked = strings.ReplaceAll(linked, `href="../../api/openapi.yaml"`, `href="/openapi.yaml"`)
	return template.HTML(v.fill(v.linked(linked), html.EscapeString)), nil //nolint:gosec // ours, and escaped values
}

// source reads the Markdown of a guide.
func source(slug string) (string, error) {
	if _, known := Of(slug); known {
		text, err := guides.Files.ReadFile(slug + ".md")
		return string(text), err
	}
	names := make([]string, len(list))
	for i, g := range list {
		names[i] = g.Slug
	}
	return "", fmt.Errorf("there is no guide %q; there are %s", slug, strings.Join(names, ", "))
}
