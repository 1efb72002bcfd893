package filter_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/purescim/purescim/internal/filter"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// testURN is an extension with the kinds of attributes that the server's own
// schemas lack.
const testURN = "urn:example:params:scim:schemas:extension:test:2.0:User"

// oddURN has the characters that the parser does not take in a URN.
const oddURN = "urn:acme-corp:my_ext:1.0:User"

const enterprise = scim.EnterpriseUserURN

var testUser = schema.User.With(
	schema.NewExtension(schema.Schema{ID: testURN, Name: "TestUserExtension", Attributes: []*schema.Attribute{
		{Name: "level", Kind: schema.Integer},
		{Name: "score", Kind: schema.Decimal},
		{Name: "tags", Kind: schema.String, MultiValued: true},
		{Name: "badge", Kind: schema.String, CaseExact: true, Mutability: schema.Immutable},
	}}),
	schema.NewExtension(schema.Schema{ID: oddURN, Name: "Odd", Attributes: []*schema.Attribute{
		{Name: "shoe-size_eu", Kind: schema.String},
		{Name: "tags", Kind: schema.String},
	}}),
)

// spellings are filters over users and how they print.
var spellings = []struct{ text, print string }{
	// the RFC's grammar
	{`userName eq "bjensen"`, `userName eq "bjensen"`},
	{`name.familyName co "O'Malley"`, `name.familyName co "o'malley"`},
	{`urn:ietf:params:scim:schemas:core:2.0:User:userName sw "J"`, `userName sw "j"`},
	{`title pr`, `title pr`},
	{`meta.lastModified gt "2011-05-13T04:42:34Z"`, `meta.lastModified gt "2011-05-13T04:42:34Z"`},
	{`meta.created le "2011-05-13T04:42:34.123456789+02:00"`, `meta.created le "2011-05-13T02:42:34.123456789Z"`},
	{`title pr and userType eq "Employee"`, `title pr and userType eq "employee"`},
	{`title pr or userType eq "Intern" and active eq true`, `title pr or userType eq "intern" and active eq true`},
	{`(title pr or userType eq "Intern") and active eq true`, `(title pr or userType eq "intern") and active eq true`},
	{`((title pr)) and (userType pr and (active pr))`, `title pr and userType pr and active pr`},
	{`userType eq "E" and (emails co "a" or emails.value co "b")`, `userType eq "e" and (emails.value co "a" or emails.value co "b")`},
	{`not(active eq true)`, `not (active eq true)`},
	{`userName pr and not ( not (active eq true) or title pr )`, `userName pr and not (not (active eq true) or title pr)`},
	{
		`emails[type eq "work" and value co "@example.com"] or ims[type eq "xmpp"]`,
		`emails[type eq "work" and value co "@example.com"] or ims[type eq "xmpp"]`,
	},
	{`emails[type eq "a" and value pr and primary eq true]`, `emails[type eq "a" and value pr and primary eq true]`},
	{`emails[(type eq "a" or type eq "b") and not (value co "c")]`, `emails[(type eq "a" or type eq "b") and not (value co "c")]`},
	{`emails [ type eq "]" ]`, `emails[type eq "]"]`},
	{`nickName eq null`, `nickName eq null`},
	{`name pr and emails pr`, `name pr and emails pr`},
	{`schemas eq "urn:x:Y"`, `schemas eq "urn:x:Y"`},
	{testURN + `:level ge -7`, testURN + `:level ge -7`},
	{testURN + `:score lt 1.5e3`, testURN + `:score lt 1500`},

	// literals
	{`title eq "a\"b\\c\/\u00E9\u00e9\ud83d\ude00"`, `title eq "a\"b\\c/éé😀"`},
	{`title eq "Straße Ａ"`, `title eq "strasse ａ"`},
	{`title eq "and or not ( ) [ ] pr"`, `title eq "and or not ( ) [ ] pr"`},
	{`externalId eq "HR-77a"`, `externalId eq "HR-77a"`},
	{`title ne ""`, `title ne null`},
	{`title co ""`, `title co ""`},
	{`level eq 1e1`, testURN + `:level eq 10`},
	{`level eq 9007199254740993`, testURN + `:level eq 9007199254740993`},

	// spellings of clients (BEHAVIOUR 9)
	{" \tUSERNAME\n Eq  \"X\" ", `userName eq "x"`},
	{`Title PR aNd NOT (Active EQ TRUE) OR title pr`, `title pr and not (active eq true) or title pr`},
	{`userName eq search@sample.org`, `userName eq "search@sample.org"`},
	{`id eq 857449b0-a69c-44eb-9d1c-2fdd5d0f1b07`, `id eq "857449b0-a69c-44eb-9d1c-2fdd5d0f1b07"`},
	{`meta.lastModified gt 2011-05-13T04:42:34Z`, `meta.lastModified gt "2011-05-13T04:42:34Z"`},
	{`meta.version eq 3`, `meta.version eq "3"`},
	{`employeeNumber eq 5512`, enterprise + `:employeeNumber eq "5512"`},
	{`employeeNumber eq true`, enterprise + `:employeeNumber eq "true"`},
	{`employeeNumber eq NULL`, enterprise + `:employeeNumber eq null`},
	{`name.familyName eq O'Malley`, `name.familyName eq "o'malley"`},
	{`active eq "True"`, `active eq true`},
	{`active ne False`, `active ne false`},
	{`division eq "Home" and department pr`, enterprise + `:division eq "home" and ` + enterprise + `:department pr`},
	{`email Co "x"`, `emails.value co "x"`},
	{`emails eq "a@b.c"`, `emails.value eq "a@b.c"`},
	{enterprise + `.manager.value pr`, enterprise + `:manager.value pr`},
	{oddURN + `.shoe-size_eu pr or ` + scim.UserURN + `.title pr`, oddURN + `:shoe-size_eu pr or title pr`},
	{`id eq "U" and manager eq "M"`, `id eq "U" and ` + enterprise + `:manager.value eq "M"`},
	{enterprise + `:manager[value eq "M"]`, enterprise + `:manager pr and ` + enterprise + `:manager.value eq "M"`},
	{`emails[type eq "work"].value eq "x"`, `emails[type eq "work" and value eq "x"]`},
	{`emails[type eq "a" or type eq "b"].value pr`, `emails[(type eq "a" or type eq "b") and value pr]`},
	{`externalIds[authority eq "x"].value eq "Y"`, scim.GenesysUserURN + `:externalIds[authority eq "x" and value eq "Y"]`},
	{`phoneNumbers.value eq "+1 (317) 572-4245"`, `phoneNumbers.value eq "+13175724245"`},
	{`phoneNumbers[type eq "work"].value ne "tel:+13175724245"`, `phoneNumbers[type eq "work" and value ne "+13175724245"]`},
	{`phoneNumbers.value co "(317)"`, `phoneNumbers.value co "(317)"`},
	{`phoneNumbers.value eq "reception"`, `phoneNumbers.value eq "reception"`},
	{oddURN + `:shoe-size_eu eq 44`, oddURN + `:shoe-size_eu eq "44"`},
	{`SHOE-SIZE_EU eq "44"`, oddURN + `:shoe-size_eu eq "44"`},
}

func TestParse(t *testing.T) {
	t.Parallel()
	checkSpellings(t, spellings, filter.Parse, func(a, b *filter.Filter) bool { return a.String() == b.String() })
}

// checkSpellings parses texts, and what they print as, which must be the same thing.
func checkSpellings[T fmt.Stringer](t *testing.T, cases []struct{ text, print string },
	parse func(t *schema.Type, text string) (T, error), same func(a, b T) bool,
) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.text, func(t *testing.T) {
			t.Parallel()
			parsed, err := parse(testUser, c.text)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.print, parsed.String()); diff != "" {
				t.Errorf("print (-want +got)\n%s", diff)
			}
			again, err := parse(testUser, parsed.String())
			if err != nil {
				t.Fatalf("the print is not read: %v", err)
			}
			if !same(parsed, again) {
				t.Errorf("%s is read as something else, %s", parsed, again)
			}
		})
	}
}

func TestParsePrecedence(t *testing.T) {
	t.Parallel()
	f, err := filter.Parse(testUser, `title pr or not (nickName pr) and locale pr`)
	if err != nil {
		t.Fatal(err)
	}
	present := func(name string) filter.Node { return filter.Present{Attr: testUser.Attribute(name)} }
	want := filter.Or{
		Left:  present("title"),
		Right: filter.And{Left: filter.Not{Node: present("nickName")}, Right: present("locale")},
	}
	if f.Root() != filter.Node(want) {
		t.Errorf("tree %#v, want %#v", f.Root(), want)
	}
}

func TestParseWithRegion(t *testing.T) {
	t.Parallel()
	const text = `phoneNumbers[value eq "(317) 572-4245"]`
	for region, want := range map[string]string{
		"US": `phoneNumbers[value eq "+13175724245"]`,
		"":   `phoneNumbers[value eq "(317) 572-4245"]`,
	} {
		f, err := filter.ParseWith(schema.User, text, schema.Options{Region: region})
		if err != nil {
			t.Fatal(err)
		}
		if f.String() != want {
			t.Errorf("region %q: %s, want %s", region, f, want)
		}
	}
}

// refusals are filters over users and what their error tells.
var refusals = []struct{ text, detail string }{
	// syntax
	{``, `the filter is empty`},
	{" \t", `the filter is empty`},
	{`()`, `")" where a condition`},
	{`userName`, `"userName" is followed by no operator; one of eq, ne, co, sw, ew, gt, ge, lt, le or pr is expected`},
	{`userName eq`, `"userName" eq must be followed by a value`},
	{`userName eq )`, `"userName" eq must be followed by a value`},
	{`userName like "x"`, `"userName" is followed by "like", which is not an operator`},
	{`userName eq "x" and`, `ends too early`},
	{`and userName eq "x"`, `no condition before "and"`},
	{`userName eq "x" or and title pr`, `no condition before "and"`},
	{`(userName eq "x"`, `1 opening parentheses without a closing one`},
	{`userName eq "x")`, `closing parenthesis without an opening one`},
	{`not active eq true`, `"not" must be followed by parentheses`},
	{`userName eq "x" title pr`, `after the condition on "userName", "and", "or" or the end of the filter is expected`},
	{`displayName eq Jane Doe`, `must be in double quotes`},
	{`userName eq "x" and "y"`, `has "\"" where a condition`},
	{`userName eq 'x'`, `the value of "userName" is in single quotes; put it in double quotes`},
	{`userName eq “x”`, `typographic quotes`},
	{`userName eq "x`, `the value of "userName" has no closing double quote`},
	{`userName eq "\x"`, `is not a valid JSON string`},
	{`userName eq "\ud800"`, `is not a valid JSON string`},
	{"userName eq \"a\tb\"", `is not a valid JSON string`},
	{`userName eq "\u0000"`, `NUL`},
	{"userName eq \"\x00\"", `NUL`},
	{"userName eq \"\xff\"", `UTF-8`},
	{`emails[]`, `the brackets after "emails" are empty`},
	{`emails[type eq "work"`, `the bracket after "emails" is not closed`},
	{`emails[type eq "work"]. eq "x"`, `emails[...]. must be followed by the name of a sub-attribute`},
	{`emails[type eq "work"] eq "x"`, `after the condition on "emails"`},
	{`emails[type eq "work"]]`, `after the condition on "emails"`},
	{`emails[(type eq "work"]`, `without a closing one`},
	{`emails[type eq "work" and value[type eq "x"]]`, `emails[...]: brackets inside brackets`},

	// names
	{`shoeSize eq "x"`, `"shoeSize" is not an attribute of User`},
	{strings.Repeat("é", 81) + ` pr`, `"` + strings.Repeat("é", 80) + `…" is not an attribute`},
	{`t0 pr`, `"t0" is not an attribute of User`},
	{`$vp0 pr`, `"$vp0" is not an attribute of User`},
	{`tags eq "x"`, `"tags" is not an attribute of User`},
	{`userName.first eq "x"`, `userName has no sub-attributes`},
	{`name.first eq "x"`, `"first" is not a sub-attribute of name; allowed are formatted, familyName`},
	{`name.familyName.x pr`, `"familyName.x" is not a sub-attribute of name`},
	{enterprise + `:manager.x pr`, `"x" is not a sub-attribute of ` + enterprise + `:manager; allowed are value`},
	{`urn:x:User:title pr`, `"urn:x:User" is not a schema of User; allowed are ` + scim.UserURN + `, ` + enterprise},
	{`urn:ietf:params:scim:schemas:extension:enterprise.manager pr`, `extension" is not a schema of User`},
	{enterprise + `:x pr`, `:x" is not an attribute of User`},
	{enterprise + ` pr`, `is a whole schema`},
	{`emails[shoe eq "x"]`, `"shoe" is not a sub-attribute of emails; allowed are value, display, type, primary`},
	{`emails[type pr].shoe eq "x"`, `"shoe" is not a sub-attribute of emails`},
	{`name[givenName eq "x"]`, `name has one value only`},
	{`title[value eq "x"]`, `title has no sub-attributes`},

	// meaning
	{`name eq "x"`, `name has sub-attributes and is not compared itself; name one of them: formatted`},
	{`addresses co "x"`, `addresses has sub-attributes`},
	{`password eq "x"`, `password is never returned`},
	{`password pr`, `password is never returned`},
	{`manager.$ref pr`, `:manager.$ref is computed and cannot be filtered on; use ` + enterprise + `:manager.value`},
	{`groups[$ref eq "x"]`, `groups.$ref is computed and cannot be filtered on; use groups.value`},
	{`meta.location eq "x"`, `meta.location is computed and cannot be filtered on; use id`},
	{`meta eq "x"`, `meta has sub-attributes`},
	{`meta.version gt "1"`, `meta.version cannot be compared with gt; allowed are eq, ne and pr`},
	{`active gt false`, `active cannot be compared with gt; allowed are eq, ne and pr`},
	{`active co "t"`, `active cannot be compared with co`},
	{`active eq "yes"`, `active cannot be compared with "yes"; true or false is expected`},
	{`active eq ""`, `active cannot be compared with ""`},
	{`x509Certificates ge "MIIB"`, `x509Certificates.value cannot be compared with ge`},
	{`meta.created co "2024"`, `meta.created cannot be compared with co; allowed are eq, ne, gt, ge, lt, le and pr`},
	{`meta.created gt "last tuesday"`, `meta.created cannot be compared with "last tuesday"; a date with time such as "2026`},
	{`meta.created gt "9999-12-31T23:59:59-01:00"`, `a date with time`},
	{`level eq "7"`, `:level cannot be compared with "7"; a whole number without quotes is expected`},
	{`level eq 7.5`, `a whole number`},
	{`level eq seven`, `:level cannot be compared with seven`},
	{`level eq 99999999999999999999`, `a whole number`},
	{`score eq 0x10`, `a number without quotes is expected`},
	{`score eq 1e999`, `a number without quotes`},
	{`level sw 7`, `:level cannot be compared with sw`},
	{`title gt null`, `title gt null: null is compared with eq and ne only`},
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range refusals {
		t.Run(c.text, func(t *testing.T) {
			t.Parallel()
			_, err := filter.Parse(testUser, c.text)
			checkError(t, err, scim.TypeInvalidFilter, c.detail)
		})
	}
}

func checkError(t *testing.T, err error, want scim.ErrorType, detail string) {
	t.Helper()
	var e *scim.Error
	if !errors.As(err, &e) {
		t.Fatalf("error %v is not a *scim.Error", err)
	}
	if e.Type != want || e.Status != 400 {
		t.Errorf("error of type %q with status %d, want %q with 400", e.Type, e.Status, want)
	}
	if !strings.Contains(e.Detail, detail) {
		t.Errorf("detail %q does not tell %q", e.Detail, detail)
	}
}

func TestRefusalHidesPassword(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`password eq "hunter2"`, `password eq hunter2`, `password eq x hunter2`, `password eq 'hunter2'`, `password eq "hunter2`,
		`password eq "\hunter2"`, `password gt "hunter2"`,
	} {
		_, err := filter.Parse(testUser, text)
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: error %v", text, err)
		}
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	nested := func(n int) string { return strings.Repeat("(", n) + "title pr" + strings.Repeat(")", n) }
	terms := func(n int) string { return "title pr" + strings.Repeat(" or title pr", n-1) }
	quoted := func(n int) string { return `title eq "` + strings.Repeat("x", n-len(`title eq ""`)) + `"` }
	for name, c := range map[string]struct{ within, beyond, detail string }{
		"depth":             {nested(16), nested(17), "deeper than the 16 levels"},
		"depth of not":      {strings.Repeat("not(", 16) + "title pr" + strings.Repeat(")", 16), strings.Repeat("not(", 17), "16 levels"},
		"depth of brackets": {"emails[" + strings.Replace(nested(15), "title", "type", 1) + "]", "emails[" + nested(16) + "]", "16 levels"},
		"depth of both":     {nested(15) + " and (emails[(type pr)])", strings.Repeat("(", 16) + "emails[type pr]", "16 levels"},
		"terms":             {terms(64), terms(65), "more than the 64 conditions"},
		"terms in brackets": {
			terms(61) + ` or emails[type pr and value pr]`, terms(62) + ` or emails[type pr and value pr]`, "64 conditions",
		},
		"length": {quoted(4096), quoted(4097), "longer than the 4096 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := filter.Parse(testUser, c.within); err != nil {
				t.Errorf("at the limit: %v", err)
			}
			_, err := filter.Parse(testUser, c.beyond)
			checkError(t, err, scim.TypeInvalidFilter, c.detail)
		})
	}
	t.Run("what kills the parser", func(t *testing.T) {
		t.Parallel()
		_, err := filter.Parse(testUser, strings.Repeat("(", 1<<20))
		checkError(t, err, scim.TypeInvalidFilter, "longer than")
	})
}

// TestManyShapes has goroutines read more shapes than are kept.
func TestManyShapes(t *testing.T) {
	t.Parallel()
	ops := []string{"eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"}
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for i := range 1500 {
				text := fmt.Sprintf(`title %s "%d" and title %s "b" or title %s "c" and title %s "d"`,
					ops[i%9], i, ops[i/9%9], ops[i/81%9], ops[i/729%9])
				f, err := filter.Parse(testUser, text)
				if err != nil {
					t.Error(err)
				} else if f.String() != text {
					t.Errorf("%s was read as %s", text, f)
				}
			}
		})
	}
	group.Wait()
}

func BenchmarkParse(b *testing.B) {
	for _, text := range []string{
		`userName eq "a@b.c"`,
		enterprise + `:employeeNumber eq "5512"`,
		`emails[type eq "work" and value eq "a@b.c"] and (active eq true or title co "x")`,
	} {
		b.Run(text, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := filter.Parse(schema.User, text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
