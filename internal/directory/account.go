package directory

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/filter"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/phone"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// Account is a user as the platform sees it, read out of the document. What the
// document does not hold is empty.
type Account struct {
	Record
	State      string // Active, Inactive or Deleted
	Name       string
	UserName   string
	Department string
	Title      string
	// Division has nothing but its name when the organisation has it no more.
	Division *Entry
	Manager  string // an id
	Emails   []Contact
	Phones   []Contact
}

// Contact is an address of a user.
type Contact struct {
	Value     string // an e-mail address, or a number in E.164; empty for an extension alone
	Extension string
	Type      string
	Primary   bool
}

// The states of users in the platform's lists. AnyState is all of them.
const (
	Active   = "active"
	Inactive = "inactive"
	Deleted  = "deleted"
	AnyState = "any"
)

// Account reads one user. The state any finds deleted users too, deleted those
// alone; each other finds the users that SCIM knows.
func (d *Directory) Account(ctx context.Context, o org.Org, id, state string) (Account, error) {
	u, err := parseID(schema.User, id)
	if err != nil {
		return Account{}, err
	}
	view := d.store.Reads(o.ID)
	if state != Deleted {
		record, err := view.Get(ctx, schema.User, u, false)
		if err == nil {
			return d.account(ctx, view, record, "")
		}
		if state != AnyState || !errors.Is(err, ErrNotFound) {
			return Account{}, toSCIM(schema.User, id, err)
		}
	}
	page, err := view.DeletedUsers(ctx, Selection{IDs: []uuid.UUID{u}, Limit: 1})
	if err != nil {
		return Account{}, err
	}
	if len(page.Records) == 0 {
		return Account{}, notFound(schema.User, id)
	}
	return d.account(ctx, view, page.Records[0], Deleted)
}

// ListAccounts reads one page of the users of a state, by age, and the exact
// total. The page ends where its documents have some PlatformBytes. Any state is that of all users but the deleted ones, as SCIM knows them.
func (d *Directory) ListAccounts(ctx context.Context, o org.Org, state string, s Selection) ([]Account, int, error) {
	view := d.store.Reads(o.ID)
	page, err := d.usersOf(ctx, view, state, s)
	if err != nil {
		return nil, 0, err
	}
	if state != Deleted {
		state = ""
	}
	accounts, err := d.accounts(ctx, view, page.Records, state)
	return accounts, page.Total, err
}

// CheckActive returns the error of a user who is not there unless the user with
// the id is active.
func (d *Directory) CheckActive(ctx context.Context, o org.Org, id uuid.UUID) error {
	page, err := d.usersOf(ctx, d.store.Org(o.ID), Active, Selection{IDs: []uuid.UUID{id}, Limit: 1})
	if err == nil && len(page.Records) == 0 {
		err = notFound(schema.User, id.String())
	}
	return err
}

func (d *Directory) usersOf(ctx context.Context, view Reads, state string, s Selection) (Page, error) {
	if state == Deleted {
		return view.DeletedUsers(ctx, s)
	}
	if s.IDs != nil {
		states := map[string][]bool{Active: {true}, Inactive: {false}, AnyState: {true, false}}
		return view.UsersByID(ctx, s, states[state])
	}
	q := Query{Start: s.Offset + 1, Count: s.Limit, ActiveOnly: state == Active, Bytes: PlatformBytes}
	if state == Inactive {
		inactive, err := filter.Parse(schema.User, schema.Active.Name+" eq false")
		if err != nil {
			return Page{}, err
		}
		q.Filter = inactive
	}
	return view.List(ctx, schema.User, q)
}

// ListMembers reads one page of the members of a group, by age, and the exact total. The
// page ends where its documents have some PlatformBytes.
func (d *Directory) ListMembers(ctx context.Context, o org.Org, group string, s Selection) ([]Account, int, error) {
	u, err := parseID(schema.Group, group)
	if err != nil {
		return nil, 0, err
	}
	view := d.store.Reads(o.ID)
	page, err := view.ListMembers(ctx, u, s)
	if err != nil {
		return nil, 0, toSCIM(schema.Group, group, err)
	}
	accounts, err := d.accounts(ctx, view, page.Records, "")
	return accounts, page.Total, err
}

func (d *Directory) account(ctx context.Context, view Reads, r Record, state string) (Account, error) {
	accounts, err := d.accounts(ctx, view, []Record{r}, state)
	if err != nil {
		return Account{}, err
	}
	return accounts[0], nil
}

// accounts reads the documents, and the divisions that they name. An empty state
// is the one that each document tells.
func (d *Directory) accounts(ctx context.Context, view Reads, records []Record, state string) ([]Account, error) {
	accounts := make([]Account, len(records))
	divisions := make(map[string]*Entry)
	for i, r := range records {
		doc, err := schema.User.Read(r.Doc)
		if err != nil {
			return nil, err
		}
		accounts[i] = newAccount(r, doc, state)
		if name := schema.FoldName(schema.Division.Text(doc)); name != "" {
			if divisions[name] == nil {
				divisions[name] = &Entry{Kind: Division, Name: schema.Division.Text(doc)}
			}
			accounts[i].Division = divisions[name]
		}
	}
	if len(divisions) == 0 {
		return accounts, nil
	}
	found, err := view.EntriesByName(ctx, Division, slices.Collect(maps.Keys(divisions)))
	for _, e := range found {
		*divisions[schema.FoldName(e.Name)] = e
	}
	return accounts, err
}

func newAccount(r Record, doc scim.Document, state string) Account {
	a := Account{
		Record:     r,
		State:      state,
		Name:       schema.DisplayName.Text(doc),
		UserName:   schema.UserName.Text(doc),
		Department: schema.Department.Text(doc),
		Title:      schema.Title.Text(doc),
		Emails:     contacts(doc, schema.Emails),
		Phones:     contacts(doc, schema.PhoneNumbers),
	}
	manager, _ := schema.Manager.Get(doc).(map[string]any)
	a.Manager = text(manager["value"])
	switch active, _ := schema.Active.Get(doc).(bool); {
	case a.State != "":
	case active:
		a.State = Active
	default:
		a.State = Inactive
	}
	return a
}

func contacts(doc scim.Document, a *schema.Attribute) []Contact {
	var contacts []Contact
	for _, v := range a.Values(doc) {
		element, _ := v.(map[string]any)
		c := Contact{Type: text(element["type"]), Value: text(element["value"])}
		if a == schema.PhoneNumbers {
			c.Value, c.Extension = phone.Split(c.Value)
		}
		c.Primary, _ = element["primary"].(bool)
		contacts = append(contacts, c)
	}
	return contacts
}
