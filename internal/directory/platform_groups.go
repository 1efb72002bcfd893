package directory

import (
	"context"
	"errors"
	"strconv"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/patch"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// Genesys Cloud takes this many members in one request that adds or removes some.
const maxMembersAtOnce = 50

// CreateGroup makes a group as the platform does: by its API, the command line
// or the console.
func (d *Directory) CreateGroup(ctx context.Context, o org.Org, name string, g Group) (GroupRecord, error) {
	if err := checkName(name); err != nil {
		return GroupRecord{}, err
	}
	name = schema.TrimName(name)
	if err := g.check(Group{}); err != nil {
		return GroupRecord{}, err
	}
	doc := scim.Document{}
	schema.ID.Set(doc, d.store.NewID().String())
	schema.GroupName.Set(doc, name)
	record, err := d.store.Org(o.ID).CreateGroup(ctx, schema.Group, g, Edit{Doc: doc})
	return GroupRecord{Record: record, Name: name, Group: g}, explainName(name, err)
}

func (g Group) check(old Group) error {
	if err := checkDescription(old.Description, g.Description); err != nil {
		return err
	}
	if err := checkWord("type", g.Type, "official", "social"); err != nil {
		return err
	}
	return checkWord("visibility", g.Visibility, "public", "owners", "members")
}

// Group reads one group as the platform sees it.
func (d *Directory) Group(ctx context.Context, o org.Org, id string) (GroupRecord, error) {
	u, err := parseID(schema.Group, id)
	if err != nil {
		return GroupRecord{}, err
	}
	g, err := d.store.Reads(o.ID).Group(ctx, u)
	return g, toSCIM(schema.Group, id, err)
}

// ListGroups reads one page of the groups, by name, and the exact total. The page ends
// where their documents have some PlatformBytes.
func (d *Directory) ListGroups(ctx context.Context, o org.Org, s Selection) ([]GroupRecord, int, error) {
	return d.store.Reads(o.ID).ListGroups(ctx, s)
}

// GroupChange is what the platform changes of a group; nil leaves it as it is.
type GroupChange struct {
	Name, Description, Visibility *string
	RulesVisible                  *bool
	// Version must be the current one, unless it is nil.
	Version *int64
}

// ChangeGroup changes a group.
func (d *Directory) ChangeGroup(ctx context.Context, o org.Org, id string, c GroupChange) (GroupRecord, error) {
	u, err := parseID(schema.Group, id)
	if err != nil {
		return GroupRecord{}, err
	}
	record, err := asDeclared(ctx, d, o, schema.Group, func(t *schema.Type) (GroupRecord, error) {
		return d.store.Org(o.ID).ChangeGroup(ctx, t, u, c.apply)
	})
	if c.Name != nil {
		err = explainName(*c.Name, err)
	}
	return record, toSCIM(schema.Group, id, err)
}

func (c GroupChange) apply(current scim.Version, g *Group, doc scim.Document) error {
	if c.Version != nil && scim.Version(*c.Version) != current {
		return staleVersion(*c.Version)
	}
	old := *g
	set(&g.Description, c.Description)
	set(&g.Visibility, c.Visibility)
	set(&g.RulesVisible, c.RulesVisible)
	if c.Name != nil && *c.Name != schema.GroupName.Text(doc) {
		if err := checkName(*c.Name); err != nil {
			return err
		}
		schema.GroupName.Set(doc, schema.TrimName(*c.Name))
	}
	return g.check(old)
}

// set takes over a value that is there.
func set[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

// DeleteGroup deletes a group and all memberships in it, however many: the
// removal guard is for members who leave a group that stays (BEHAVIOUR 72).
func (d *Directory) DeleteGroup(ctx context.Context, o org.Org, id string, match scim.Condition) error {
	u, err := parseID(schema.Group, id)
	if err != nil {
		return err
	}
	return toSCIM(schema.Group, id, d.store.Org(o.ID).DeleteGroup(ctx, u, match))
}

// AddMembers adds users to a group of which version, unless it is nil, is the
// current one. What is wrong with the ids is told of the field they came in.
func (d *Directory) AddMembers(ctx context.Context, o org.Org, id string, version *int64, field string, users []string) error {
	return d.changeMembers(ctx, o, id, version, field, users, patch.Links{Add: users})
}

// RemoveMembers removes users from a group; who is no member stays none.
func (d *Directory) RemoveMembers(ctx context.Context, o org.Org, id, field string, users []string) error {
	return d.changeMembers(ctx, o, id, nil, field, users, patch.Links{Remove: users})
}

func (d *Directory) changeMembers(ctx context.Context, o org.Org, id string, version *int64, field string, users []string, links patch.Links) error {
	u, err := parseID(schema.Group, id)
	if err != nil {
		return err
	}
	switch n := len(users); {
	case n == 0:
		return scim.InvalidValue("%s is required: the ids of users", field)
	case n > maxMembersAtOnce:
		return scim.InvalidValue("%s holds %d ids, and at most %d are allowed in one request", field, n, maxMembersAtOnce)
	}
	for _, user := range users {
		if _, ok := exactID(user); !ok {
			return noUser(field, user)
		}
	}
	change, err := memberChange(o, links)
	if err != nil {
		return err
	}
	var match scim.Condition
	if version != nil {
		match = scim.ParseCondition(strconv.FormatInt(*version, 10))
	}
	_, err = d.store.Org(o.ID).ChangeMembers(ctx, u, match, *change)
	if missing := (*MissingError)(nil); errors.As(err, &missing) {
		return noUser(field, missing.References[0].User.String())
	}
	if stale := (*scim.Error)(nil); errors.As(err, &stale) && stale.Type == scim.TypeInvalidVers {
		return staleVersion(*version)
	}
	return toSCIM(schema.Group, id, err)
}

func noUser(field, id string) error {
	return scim.InvalidValue("%s: %q is not the id of a user of the organisation", field, id)
}

// staleVersion answers a version in a body; one in a header is a condition.
func staleVersion(sent int64) error {
	return scim.Conflict("version: %d is not the current one; read the group again and repeat the change", sent)
}

// explainName names a group's name as the platform does.
func explainName(name string, err error) error {
	if taken := (*scim.Error)(nil); errors.As(err, &taken) && taken.Type == scim.TypeUniqueness {
		return scim.Conflict("name: %q is the name of another group of the organisation; names are compared without regard to case", name).Because(err)
	}
	return err
}

// ParseIDs reads the ids that a list is asked for. Nil selects all; what is no id
// is the id of nothing.
func ParseIDs(texts []string) []uuid.UUID {
	if texts == nil {
		return nil
	}
	ids := make([]uuid.UUID, 0, len(texts))
	for _, text := range texts {
		if id, ok := exactID(text); ok {
			ids = append(ids, id)
		}
	}
	return ids
}
