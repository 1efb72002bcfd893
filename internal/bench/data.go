package bench

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/google/uuid"
)

// Data is what was loaded, the same for both sides: users 0 to n, of whom the middle
// fifth is in groups, each in a small one, and as many as fit in a big one too.
type Data struct {
	// Prefix begins the names of users and groups.
	Prefix string
	// Users are the ids of the users, by their numbers.
	Users []string
	// Groups are the ids of the small groups; Big is that of the big one. There are
	// none where a server makes no groups.
	Groups []string
	Big    string
}

const (
	smallGroup = 10
	bigGroup   = 100_000

	departments = 50

	// MinUsers is the least number of users that all lines can work with: a page
	// of those in groups.
	MinUsers = 5 * pageSize
)

// NewData gives so many users, and the groups that go with them, new ids in the order
// of their numbers.
func NewData(users int) Data {
	d := Data{Users: newIDs(users)}
	d.Groups = newIDs(d.smallGroups())
	d.Big = newIDs(1)[0]
	return d
}

func newIDs(n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = uuid.Must(uuid.NewV7()).String()
	}
	return ids
}

// resting are users who are in no group, and whom no line reads one by one.
func (d Data) resting() []string { return d.Users[:len(d.Users)*2/5] }

// grouped are the users who are in groups.
func (d Data) grouped() []string { return d.Users[len(d.Users)*2/5 : len(d.Users)*3/5] }

// lonely are other users who are in no group.
func (d Data) lonely() []string { return d.Users[len(d.Users)*3/5:] }

func (d Data) smallGroups() int { return len(d.grouped()) / smallGroup }

// Group is one of the groups that d is to have, with the numbers 0 to Len.
type Group struct {
	ID, Name string
	Members  []string
}

// GroupCount is how many groups there are, the big one at the end.
func (d Data) GroupCount() int { return d.smallGroups() + 1 }

// Group gives group g. Neighbours in the list of users are in different small groups,
// and the members of the big one are spread evenly.
func (d Data) Group(g int) Group {
	grouped := d.grouped()
	if g == d.smallGroups() {
		group := Group{ID: d.Big, Name: d.groupName(g), Members: make([]string, min(bigGroup, len(grouped)))}
		for i := range group.Members {
			group.Members[i] = grouped[i*len(grouped)/len(group.Members)]
		}
		return group
	}
	group := Group{Name: d.groupName(g), Members: make([]string, smallGroup)}
	if g < len(d.Groups) {
		group.ID = d.Groups[g]
	}
	for i := range group.Members {
		group.Members[i] = grouped[g+i*d.smallGroups()]
	}
	return group
}

// Shares tell what the figures are of.
type Shares struct {
	Users int `json:"users"`
	// InGroups is how many of the users are in groups.
	InGroups int `json:"users_in_groups"`
	// Groups is how many groups of GroupSize there are, beside one of BigGroup.
	Groups    int `json:"groups"`
	GroupSize int `json:"group_size"`
	BigGroup  int `json:"big_group_size"`
}

// Shares tell what was loaded.
func (d Data) Shares() Shares {
	s := Shares{Users: len(d.Users)}
	if len(d.Groups) > 0 {
		s.InGroups, s.Groups, s.GroupSize = len(d.grouped()), len(d.Groups), smallGroup
	}
	if d.Big != "" {
		s.BigGroup = min(bigGroup, len(d.grouped()))
	}
	return s
}

func (s Shares) String() string {
	if s.Groups == 0 {
		return fmt.Sprintf("%d users, no groups", s.Users)
	}
	return fmt.Sprintf("%d users; %d of them (%d%%) are in groups: each in one of %d groups of %d, %d also in one group of %d",
		s.Users, s.InGroups, 100*s.InGroups/s.Users, s.Groups, s.GroupSize, s.BigGroup, s.BigGroup)
}

// pick gives the i-th of the ids, from the start again after the last.
func pick(ids []string, i int) string { return ids[i%len(ids)] }

// UserName is that of user i.
func (d Data) UserName(i int) string { return d.Prefix + "user" + strconv.Itoa(i) + "@bench.example" }

func (d Data) groupName(g int) string { return d.Prefix + "Group " + strconv.Itoa(g) }

// UserBody is the body that creates user i.
func (d Data) UserBody(i int) string { return d.userBody("user", i) }

// userBody is what Entra's default mapping sends for a person, with telephones. Kind
// tells the names of several series apart.
func (d Data) userBody(kind string, i int) string {
	return userBody(d.Prefix+kind, i, "Analyst")
}

func userBody(kind string, i int, title string) string {
	given, family := givenNames[i%len(givenNames)], familyNames[i/len(givenNames)%len(familyNames)]
	n := strconv.Itoa(i)
	name := kind + n + "@bench.example"
	return strings.Join([]string{
		`{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],`,
		`"externalId":"`, externalID(kind, i), `","userName":"`, name, `","active":true,`,
		`"displayName":"`, given, ` `, family, ` `, n, `","title":"`, title, `","preferredLanguage":"en-GB",`,
		`"name":{"givenName":"`, given, `","familyName":"`, family, `"},`,
		`"emails":[{"value":"`, name, `","type":"work","primary":true}],`,
		`"phoneNumbers":[{"value":"+442071838750","type":"work","primary":true},`,
		`{"value":"`, mobile(i), `","type":"mobile"}],`,
		`"addresses":[{"type":"work","streetAddress":"12 St James's Square","locality":"London","postalCode":"SW1Y 4JH","country":"GB"}],`,
		`"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"employeeNumber":"`, n,
		`","department":"Department `, strconv.Itoa(i % departments), `","costCenter":"4100","organization":"Bench"}}`,
	}, "")
}

func externalID(kind string, i int) string { return "external-" + kind + strconv.Itoa(i) }

func mobile(i int) string { return "+4474" + fmt.Sprintf("%08d", i%100_000_000) }

var (
	givenNames  = []string{"Ada", "Blaise", "Charles", "Dorothy", "Edsger", "Frances", "Grace", "Hedy", "Ivan", "Joan"}
	familyNames = []string{"Lovelace", "Pascal", "Babbage", "Vaughan", "Dijkstra", "Allen", "Hopper", "Lamarr", "Sutherland", "Clarke"}
)

func addMembers(ids ...string) string { return patchMembers("add", ids) }

func removeMembers(ids ...string) string { return patchMembers("remove", ids) }

func patchMembers(op string, ids []string) string {
	var b strings.Builder
	b.WriteString(patchBegin + `{"op":"` + op + `","path":"members","value":[`)
	for i, id := range ids {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`{"value":"` + id + `"}`)
	}
	b.WriteString(`]}]}`)
	return b.String()
}

// patchBegin begins the body of a PATCH, up to its first operation.
const patchBegin = `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[`

func patchTitle(i int) string {
	return patchBegin + `{"op":"replace","path":"title","value":"Analyst ` + strconv.Itoa(i) + `"}]}`
}
