package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/purescim/purescim/internal/guides"
	"github.com/purescim/purescim/internal/httpapi"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/printable"
	"github.com/purescim/purescim/internal/schema"
)

type guideCommand struct {
	database
	Product   string `arg:"" optional:"" help:"Which guide, such as entra; without it they are listed."`
	Org       string `placeholder:"NAME" help:"The organisation whose name and attributes are filled in."`
	Client    string `placeholder:"NAME" help:"The name of its OAuth client whose id is filled in. Secret and token stay holes: only their hashes are kept."`
	PublicURL string `env:"PURESCIM_PUBLIC_URL" placeholder:"URL" help:"The URL that clients use: https://scim.example.org"`
}

// Validate refuses what would be filled in and lead nowhere.
func (cmd *guideCommand) Validate() error {
	if cmd.PublicURL != "" && !httpapi.IsBaseURL(cmd.PublicURL) {
		return fmt.Errorf("--public-url or PURESCIM_PUBLIC_URL: %q is not the URL of a server", cmd.PublicURL)
	}
	if cmd.Client != "" && cmd.Org == "" {
		return errors.New("--client: is one of an organisation; name it with --org")
	}
	return nil
}

// Run prints the guide as Markdown. It asks the database only for an organisation.
func (cmd *guideCommand) Run(ctx context.Context, c console) error {
	if cmd.Product == "" {
		table := newTable(c.out)
		fmt.Fprintln(table, "GUIDE\tFOR")
		for _, g := range guides.List() {
			fmt.Fprintf(table, "%s\t%s\n", g.Slug, g.Title)
		}
		return table.Flush()
	}
	v := guides.Values{BaseURL: cmd.PublicURL}
	if _, err := guides.Text(cmd.Product, v); err != nil || cmd.Org == "" {
		return printGuide(c.out, cmd.Product, v)
	}
	return cmd.withOrg(ctx, c, reads, cmd.Org, func(p *parts, o org.Org) error {
		if err := cmd.fill(ctx, p, o, &v); err != nil {
			return err
		}
		return printGuide(c.out, cmd.Product, v)
	})
}

func printGuide(w io.Writer, product string, v guides.Values) error {
	text, err := guides.Text(product, v)
	if err != nil {
		return err
	}
	for line := range strings.Lines(text) {
		fmt.Fprintln(w, printable.Escape(strings.TrimSuffix(line, "\n")))
	}
	return nil
}

// fill takes the values from the organisation.
func (cmd *guideCommand) fill(ctx context.Context, p *parts, o org.Org, v *guides.Values) (err error) {
	v.Organisation = argumentOf(o.Name)
	if v.Attributes, err = p.attributes(ctx, o); err != nil || cmd.Client == "" {
		return err
	}
	client, err := p.clientOf(ctx, o, cmd.Client)
	if err == nil {
		v.Connection, v.ClientID = argumentOf(client.Name), client.ID.String()
	}
	return err
}

// argumentOf writes a name as a shell takes it.
func argumentOf(name string) string {
	if strings.ContainsFunc(name, func(r rune) bool { return !strings.ContainsRune(plain, r) }) {
		return "'" + strings.ReplaceAll(name, "'", `'\''`) + "'"
	}
	return name
}

// plain are the characters that mean nothing to a shell.
const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.@+"

// attributes names the attributes that the organisation has declared for people, as a
// mapping names them.
func (p *parts) attributes(ctx context.Context, o org.Org) ([]string, error) {
	schemas, err := p.directory.Schemas(ctx, o)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, s := range schemas {
		var document struct {
			Attributes []struct{ Name string } `json:"attributes"`
		}
		if err := json.Unmarshal(s.Definition, &document); err != nil {
			return nil, fmt.Errorf("schema %s: %w", s.URN, err)
		}
		for _, attribute := range document.Attributes {
			if s.Resource == schema.User.Name {
				names = append(names, s.URN+":"+attribute.Name)
			}
		}
	}
	return names, nil
}
