package directory

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/periodic"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// The defaults of users (BEHAVIOUR 26, 26a), by the names of these built-in entries of the
// catalogue.
const (
	defaultDivision = "Home"
	defaultRole     = "employee"
)

// giveDefaults gives a user without a division the built-in one, and a new user
// without roles the built-in role, which it reports. Strict organisations store what
// clients send, and nothing else.
func giveDefaults(strict bool, old, doc scim.Document) (roles bool) {
	if strict {
		return false
	}
	if strings.TrimSpace(schema.Division.Text(doc)) == "" {
		schema.Division.Set(doc, defaultDivision)
	}
	if old != nil || len(schema.Roles.Values(doc)) > 0 {
		return false
	}
	schema.Roles.Set(doc, []any{map[string]any{"value": defaultRole}})
	return true
}

// isDefault reports whether a reference is to a default. Defaults are built in and cannot be
// deleted or renamed.
func isDefault(r Reference) bool {
	return r.Kind == Division && r.Name == defaultDivision || r.Kind == Role && r.Name == defaultRole
}

// nameForDisplay gives a user without displayName one, which Genesys requires.
func nameForDisplay(doc scim.Document) {
	if strings.TrimSpace(schema.DisplayName.Text(doc)) == "" {
		if name := displayName(doc); name != "" {
			schema.DisplayName.Set(doc, name)
		}
	}
}

// followName takes away a displayName that the server made of the old name, so that
// it is made again of the new one. A client's that is equal counts as made: it was no
// change when it came, if it came at all.
func followName(old, doc scim.Document) {
	if schema.DisplayName.Text(doc) == displayName(old) {
		schema.DisplayName.Clear(doc)
	}
}

// displayName is what the server calls a user: by the formatted name, given and family
// name, or the userName.
func displayName(doc scim.Document) string {
	name, _ := schema.Name.Get(doc).(map[string]any)
	whole := strings.TrimSpace(text(name["givenName"]) + " " + text(name["familyName"]))
	for _, candidate := range []string{text(name["formatted"]), whole, schema.UserName.Text(doc)} {
		if strings.TrimSpace(candidate) != "" && schema.DisplayName.Fits(candidate) {
			return candidate
		}
	}
	return ""
}

const (
	homePause = time.Minute
	homeTime  = time.Hour // ends what hangs
	homeBatch = 500       // ids in memory
)

// Run does the background work until the context ends: it folds names again where another
// release folded them, and gives users without a division the built-in one. Each server may
// run it.
func (d *Directory) Run(ctx context.Context) {
	var work sync.WaitGroup
	defer work.Wait()
	work.Go(func() {
		periodic.Every(ctx, foldPause, d.log, "names were not folded again; some may not be found", periodic.Within(foldTime, d.foldOutdated))
	})
	periodic.Every(ctx, homePause, d.log, "users without a division were not looked for", periodic.Within(homeTime, d.GiveDivisions))
}

// GiveDivisions gives the built-in division to each user who lacks one, because an earlier
// release stored it without, or the organisation was strict then. Each is a change like that
// of a client, with an event. A user who cannot be changed stays as it is.
func (d *Directory) GiveDivisions(ctx context.Context) error {
	orgs, err := d.store.OrgsWithoutDivision(ctx)
	if err != nil {
		return err
	}
	for _, o := range orgs {
		if err := d.giveDivisions(ctx, o); err != nil {
			return err
		}
	}
	return nil
}

func (d *Directory) giveDivisions(ctx context.Context, o org.Org) error {
	same := func(old scim.Document) (scim.Document, error) { return old.Clone(), nil }
	failed, after := 0, uuid.Nil
	for {
		ids, err := d.store.Org(o.ID).UsersWithoutDivision(ctx, after, homeBatch)
		if err != nil {
			return err
		}
		for _, id := range ids {
			_, err := asDeclared(ctx, d, o, schema.User, func(t *schema.Type) (Record, error) {
				return d.updateUser(ctx, o, t, id.String(), Change{}, nil, same)
			})
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if gone := (*scim.Error)(nil); err != nil && (!errors.As(err, &gone) || gone.Status != http.StatusNotFound) {
				failed++
				d.log.Debug("a user was given no division", "org", o.ID, "user", id, "error", err)
			}
		}
		if len(ids) < homeBatch {
			break
		}
		after = ids[len(ids)-1]
	}
	if failed > 0 {
		d.log.Warn("users were given no division; they get it with their next change", "org", o.ID, "users", failed)
	}
	return nil
}
