package bench

import (
	"fmt"
	"strconv"
	"strings"
)

// Data is what was loaded, the same for both sides.
type Data struct {
	// Users are the ids in the order of the list; user i is not the i-th that was sent.
	Users []string
	// Groups are the small ones. Their members are those of grouped at even places.
	Groups []string
}

// grouped are the users who are in groups, the middle fifth. All of them are in
// the big group, as far as it goes.
func (d Data) grouped() []string { return d.Users[len(d.Users)*2/5 : len(d.Users)*3/5] }

// lonely are users who are in no group: the last two fifths.
func (d Data) lonely() []string { return d.Users[len(d.Users)*3/5:] }

// members are the ids of small group g.
func (d Data) members(g int) []string {
	ids := make([]string, smallGroup)
	for i := range ids {
		ids[i] = d.grouped()[2*(g*smallGroup+i)]
	}
	return ids
}

// bigMembers are the ids of the big group, spread evenly.
func (d Data) bigMembers() []string {
	grouped := d.grouped()
	ids := make([]string, min(bigGroup, len(grouped)))
	for i := range ids {
		ids[i] = grouped[i*len(grouped)/len(ids)]
	}
	return ids
}

const (
	smallGroup = 5
	bigGroup   = 1000

	departments = 50

	// MinUsers is the least number of users that all lines can work with: a page
	// of those in groups.
	MinUsers = 5 * pageSize
)

// smallGroups is how many small groups there are beside so many users.
func smallGroups(users int) int { return users / 5 / (2 * smallGroup) }

func (d Data) userName(i int) string { return userName(i % len(d.Users)) }

// pick gives the i-th of the ids, from the start again after the last.
func pick(ids []string, i int) string { return ids[i%len(ids)] }

func userName(i int) string { return "user" + strconv.Itoa(i) + "@bench.example" }

// userBody is what Entra's default mapping sends for a person, with telephones.
func userBody(i int) string {
	given, family := givenNames[i%len(givenNames)], familyNames[i/len(givenNames)%len(familyNames)]
	name, n := userName(i), strconv.Itoa(i)
	return strings.Join([]string{
		`{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],`,
		`"externalId":"external-`, n, `","userName":"`, name, `","active":true,`,
		`"displayName":"`, given, ` `, family, ` `, n, `","title":"Analyst","preferredLanguage":"en-GB",`,
		`"name":{"givenName":"`, given, `","familyName":"`, family, `"},`,
		`"emails":[{"value":"`, name, `","type":"work","primary":true}],`,
		`"phoneNumbers":[{"value":"+442071838750","type":"work","primary":true},`,
		`{"value":"+4474`, fmt.Sprintf("%08d", i%100_000_000), `","type":"mobile"}],`,
		`"addresses":[{"type":"work","streetAddress":"12 St James's Square","locality":"London","postalCode":"SW1Y 4JH","country":"GB"}],`,
		`"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"employeeNumber":"`, n,
		`","department":"Department `, strconv.Itoa(i % departments), `","costCenter":"4100","organization":"Bench"}}`,
	}, "")
}

var (
	givenNames  = []string{"Ada", "Blaise", "Charles", "Dorothy", "Edsger", "Frances", "Grace", "Hedy", "Ivan", "Joan"}
	familyNames = []string{"Lovelace", "Pascal", "Babbage", "Vaughan", "Dijkstra", "Allen", "Hopper", "Lamarr", "Sutherland", "Clarke"}
)

// groupBody is what the platform's endpoint takes: SCIM makes no groups.
func groupBody(name string) string {
	return `{"name":"` + name + `","type":"official","visibility":"public","rulesVisible":true}`
}

func addMembers(ids ...string) string {
	var b strings.Builder
	b.WriteString(`{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"add","path":"members","value":[`)
	for i, id := range ids {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`{"value":"` + id + `"}`)
	}
	b.WriteString(`]}]}`)
	return b.String()
}
