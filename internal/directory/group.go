package directory

import (
	"context"
	"iter"
	"maps"
	"slices"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/patch"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// MaxAnswerMembers is how many members a Record lists. The answer to a PATCH of a
// larger group is without content (BEHAVIOUR 73), others have Members walk them.
const MaxAnswerMembers = 1000

// ProvisionGroup stores a new group, with its members, from the body of a POST. Its
// attributes on the platform are those of PlainGroup.
func (d *Directory) ProvisionGroup(ctx context.Context, o org.Org, body map[string]any) (Record, error) {
	return asDeclared(ctx, d, o, schema.Group, func(t *schema.Type) (Record, error) {
		in, err := d.decode(ctx, o, t, body, nil)
		if err != nil {
			return Record{}, err
		}
		members, err := memberChange(o, patch.Links{Add: memberIDs(in.Doc)})
		if err != nil {
			return Record{}, err
		}
		schema.Members.Clear(in.Doc)
		t.Kept(nil, in.Doc, o.Domain, false)
		edit, err := editGroup(t, Resource{}, in.Doc, members)
		if err != nil {
			return Record{}, err
		}
		schema.ID.Set(edit.Doc, d.store.NewID().String())
		record, err := d.store.Org(o.ID).CreateGroup(ctx, t, PlainGroup, edit)
		return record, d.explainWrite(ctx, o.ID, t, "", err)
	})
}

// PlainGroup has the defaults of a group's attributes on the platform.
var PlainGroup = Group{Type: "official", Visibility: "public", RulesVisible: true}

// ReplaceGroup stores the body of a PUT in place of the group. Members that are
// not sent stay; those that are become the whole set, written as a difference.
func (d *Directory) ReplaceGroup(ctx context.Context, o org.Org, id string, match scim.Condition, body map[string]any, p schema.Projection) (Record, error) {
	return asDeclared(ctx, d, o, schema.Group, func(t *schema.Type) (Record, error) {
		in, err := d.decode(ctx, o, t, body, nil)
		if err != nil {
			return Record{}, err
		}
		var members *MemberChange
		if in.Sent(schema.Members) {
			if members, err = memberChange(o, patch.Links{Replace: true, Add: memberIDs(in.Doc)}); err != nil {
				return Record{}, err
			}
			schema.Members.Clear(in.Doc)
		}
		return d.updateGroup(ctx, o, t, id, Change{
			Match:  match,
			Put:    true,
			Answer: p.Wants(schema.Members),
			Edit: func(old Resource) (Edit, error) {
				doc := in.Doc.Clone()
				if err := keepImmutable(t, old.Document, doc); err != nil {
					return Edit{}, err
				}
				return editGroup(t, old, doc, members)
			},
		})
	})
}

// PatchGroup applies the operations of a PATCH, all or none. One that only adds
// and removes members by id does not read the group. The record lists the
// members when the projection wants them and they are at most MaxAnswerMembers.
func (d *Directory) PatchGroup(ctx context.Context, o org.Org, id string, match scim.Condition, ops []scim.PatchOp, p schema.Projection) (Record, error) {
	return asDeclared(ctx, d, o, schema.Group, func(t *schema.Type) (Record, error) {
		plan, err := d.compile(ctx, o, t, ops, nil)
		if err != nil {
			return Record{}, err
		}
		return d.patchGroup(ctx, o, t, id, match, plan, p.Wants(schema.Members))
	})
}

// patchGroup applies a plan. The record lists the members where they are asked for.
func (d *Directory) patchGroup(ctx context.Context, o org.Org, t *schema.Type, id string, match scim.Condition, plan *patch.Plan, answer bool) (Record, error) {
	links, rest, ok := plan.Links(schema.Members)
	if !ok {
		return d.updateGroup(ctx, o, t, id, Change{Match: match, Links: true, Edit: d.inTurn(ctx, o.ID, patchLoadedGroup(o, t, plan))})
	}
	if links.NeedsStored() {
		return d.updateGroup(ctx, o, t, id, Change{Match: match, Links: true, Edit: d.inTurn(ctx, o.ID, patchMatchedGroup(ctx, o, t, links, rest))})
	}
	members, err := memberChange(o, links)
	if err != nil {
		return Record{}, err
	}
	if rest.Empty() && members != nil && !members.Replace {
		u, err := parseID(t, id)
		if err != nil {
			return Record{}, err
		}
		members.Links = answer
		record, err := d.store.Org(o.ID).ChangeMembers(ctx, u, match, *members)
		return record, d.explainWrite(ctx, o.ID, t, id, err)
	}
	return d.updateGroup(ctx, o, t, id, Change{Match: match, Answer: answer, Edit: func(old Resource) (Edit, error) {
		doc, err := rest.Apply(old.Document)
		if err != nil {
			return Edit{}, err
		}
		return editGroup(t, old, doc, members)
	}})
}

// inTurn makes an edit, which takes long for a group of many members, take its turn.
func (d *Directory) inTurn(ctx context.Context, o org.ID, edit func(Resource) (Edit, error)) func(Resource) (Edit, error) {
	return func(old Resource) (Edit, error) {
		return inTurn(ctx, d, o, func() (Edit, error) { return edit(old) })
	}
}

// patchMatchedGroup is the edit for operations that remove members by what is stored of
// them, such as members[display sw "A"]. All are matched in one pass.
func patchMatchedGroup(ctx context.Context, o org.Org, t *schema.Type, links patch.Links, rest *patch.Plan) func(Resource) (Edit, error) {
	return func(old Resource) (Edit, error) {
		doc, err := rest.Apply(old.Document)
		if err != nil {
			return Edit{}, err
		}
		resolved, err := links.Resolve(ctx, eachMember(old.Links))
		if err != nil {
			return Edit{}, err
		}
		members, err := memberChange(o, resolved)
		if err != nil {
			return Edit{}, err
		}
		return editGroup(t, old, doc, members)
	}
}

// patchLoadedGroup is the edit for operations that write to stored members, such as
// members[display sw "A"].type.
func patchLoadedGroup(o org.Org, t *schema.Type, plan *patch.Plan) func(Resource) (Edit, error) {
	return func(old Resource) (Edit, error) {
		loaded := old.Document.Clone()
		schema.Members.Set(loaded, memberElements(old.Links))
		doc, err := plan.Apply(loaded)
		if err != nil {
			return Edit{}, err
		}
		members, err := memberChange(o, patch.Links{Replace: true, Add: memberIDs(doc)})
		if err != nil {
			return Edit{}, err
		}
		doc = doc.Clone()
		schema.Members.Clear(doc)
		return editGroup(t, old, doc, members)
	}
}

func (d *Directory) updateGroup(ctx context.Context, o org.Org, t *schema.Type, id string, c Change) (Record, error) {
	u, err := parseID(t, id)
	if err != nil {
		return Record{}, err
	}
	c.Edit = fromDomain(o, t, c)
	record, err := d.store.Org(o.ID).Update(ctx, t, u, c)
	return record, d.explainWrite(ctx, o.ID, t, id, err)
}

// editGroup applies the rules of groups to a tidy document without members.
func editGroup(t *schema.Type, old Resource, doc scim.Document, members *MemberChange) (Edit, error) {
	schema.ID.Set(doc, schema.ID.Text(old.Document))
	if err := t.CheckRequired(doc); err != nil {
		return Edit{}, err
	}
	if err := checkDocument(t, old.Document, doc); err != nil {
		return Edit{}, err
	}
	edit := Edit{Doc: doc, Members: members, References: newSchemas(t, old.Document, doc)}
	if doc.Equal(old.Document) {
		edit.Doc = nil
	}
	return edit, nil
}

// memberChange reads the ids of a change of members. It returns nil for a
// change that changes nothing.
func memberChange(o org.Org, links patch.Links) (*MemberChange, error) {
	if !links.Replace && len(links.Add) == 0 && len(links.Remove) == 0 {
		return nil, nil
	}
	m := &MemberChange{Replace: links.Replace, Limit: o.Settings.RemovalLimit}
	for _, id := range links.Add {
		u, ok := exactID(id)
		if !ok {
			return nil, scim.InvalidValue("%s: %q is not the id of a user of the organisation", schema.Members, id)
		}
		m.Add = append(m.Add, u)
	}
	for _, id := range links.Remove {
		// What is no id cannot be a member: removing it changes nothing.
		if u, ok := exactID(id); ok {
			m.Remove = append(m.Remove, u)
		}
	}
	sortIDs(&m.Add)
	sortIDs(&m.Remove)
	return m, nil
}

func sortIDs(ids *[]uuid.UUID) {
	slices.SortFunc(*ids, func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
	*ids = slices.Compact(*ids)
}

func memberIDs(doc scim.Document) []string {
	values := schema.Members.Values(doc)
	ids := make([]string, 0, len(values))
	for _, v := range values {
		member, _ := v.(map[string]any)
		ids = append(ids, text(member["value"]))
	}
	return ids
}

func memberElements(links []Link) []any {
	elements := make([]any, 0, len(links))
	for element := range eachMember(links) {
		elements = append(elements, maps.Clone(element))
	}
	return elements
}

// eachMember walks links as the elements of members. Each is good until the next.
func eachMember(links []Link) iter.Seq[map[string]any] {
	return func(yield func(map[string]any) bool) {
		element := map[string]any{"type": "User"}
		for _, link := range links {
			element["value"] = link.ID.String()
			if delete(element, "display"); link.Display != "" {
				element["display"] = link.Display
			}
			if !yield(element) {
				return
			}
		}
	}
}
