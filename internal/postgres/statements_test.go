package postgres

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/filter"
	"github.com/purescim/purescim/internal/schema"
)

// acrossOrganisations names the statements that may leave the organisation out,
// and why.
var acrossOrganisations = map[string]string{
	"selectUndivided":   "finds for the background work which organisations have users without a division",
	"selectPending":     "finds for the background work which organisations have changes",
	"selectAllIssuers":  "finds the organisation that a token of another issuer is for",
	"selectCredentials": "finds what is to be sealed again with another key",
	"selectAllStreams":  "tells every server whose changes are to be told, without a question for each",
	"selectDue":         "finds for the background work whose events are to be pushed",
	"selectOpen":        "tells the background work whether anything is to be done, whoever asked",
	"selectNext":        "finds for the background work whose turn it is",
	"selectTime":        "asks for the time of PostgreSQL, and nothing of an organisation",
	"deleteFinished":    "takes away for the background work what nobody may fetch any more",
}

// ownTables hold rows of one organisation each. The other tables, orgs,
// oauth_clients, revocations and signing_keys, are small and looked up before an
// organisation is known.
var ownTables = []string{
	"users", "user_keys", "deleted_users", "modifications", "groups", "group_members", "catalogue", "counts", "count_changes",
	"access_tokens", "trusted_issuers", "client_assertions", "former_grants", "schemas",
	"event_streams", "event_progress", "events",
	"async_requests", "async_steps", "async_turns",
}

// Every statement of the package keeps the rules of the package comment.
func TestStatements_SayTheOrganisation(t *testing.T) {
	t.Parallel()
	statements := sourceStatements(t)
	if len(statements) < 40 {
		t.Fatalf("found only %d statements", len(statements))
	}
	maps.Copy(statements, listStatements(t))
	for name, sql := range statements {
		faults := faultsOf(sql)
		if reason, ok := acrossOrganisations[name]; ok {
			if len(faults) == 0 {
				t.Errorf("%s needs no exception (%s)", name, reason)
			}
			continue
		}
		for _, fault := range faults {
			t.Errorf("%s: %s\n%s", name, fault, sql)
		}
	}
}

// The check sees what it is there to see.
func TestStatements_FaultsAreFound(t *testing.T) {
	t.Parallel()
	for sql, want := range map[string]string{
		`select id from users where org_id = $1`:                                                              "",
		`select id from users where id = $1`:                                                                  "users",
		`select u.id from users u where u.org_id = $2`:                                                        "users",
		`select 1 from users u join groups g on g.id = u.id where u.org_id = $1`:                              "groups",
		`select 1 from users u, groups g where u.org_id = $1 and g.org_id = u.org_id`:                         "groups",
		`select 1 from users where org_id = $1 and exists (select from groups where true)`:                    "groups",
		`select 1 from users where org_id = $1 union all select 2 from users`:                                 "users",
		`with x as (delete from user_keys k using x where k.kind = 1) select 1`:                               "user_keys",
		`update users set doc = $2 where id = $1`:                                                             "users",
		`insert into users (org_id, id) values ($1, $2)`:                                                      "",
		`insert into users (id, org_id) values ($2, $1)`:                                                      "users",
		`insert into users (org_id, id) select $2, id from x`:                                                 "users",
		`update users set id = gen_random_uuid() where org_id = $1`:                                           "gen_random_uuid",
		`merge into users using x on true when matched then delete`:                                           "merge",
		`select 1 from users u join (select id from users where org_id = $1) p using (id) where id = p.id`:    "users u",
		`with g as (select id from groups where org_id = $1 for update) delete from groups where org_id = $1`: "",
	} {
		if faults := strings.Join(faultsOf(sql), "; "); want == "" && faults != "" || !strings.Contains(faults, want) {
			t.Errorf("%s: found %q, want %q", sql, faults, want)
		}
	}
}

var (
	tokens   = regexp.MustCompile(`'[^']*'|\$\d+|[a-z_][a-z0-9_]*(?:\.[a-z_][a-z0-9_]*)?|[^\s]`)
	isSQL    = regexp.MustCompile(`^\s*(select|with|insert into|delete from|merge|truncate|(alter|create) (table|index|trigger|function)|update\s+\w+(\s\w)?\s+set)\s`)
	banned   = regexp.MustCompile(`\b(merge|trigger|now|clock_timestamp|current_timestamp|statement_timestamp|random|gen_random_uuid|nextval)\b`)
	isName   = regexp.MustCompile(`^[a-z]+$`)
	inserted = regexp.MustCompile(`^( as [a-z]+| [a-z]+)? \( org_id , .*(select \$1 ,|values \( \$1 ,)`)
	before   = []string{"from", "join", "using", "update", "into", ","} // a table
	keywords = []string{"where", "on", "set", "using", "join", "left", "order", "group", "for", "returning", "union", "limit", "offset"}
)

// faultsOf lists what breaks the rules.
func faultsOf(sql string) (faults []string) {
	if word := banned.FindString(sql); word != "" {
		faults = append(faults, word+" is not allowed")
	}
	var open [][]string
	part := []string{}
	for _, word := range tokens.FindAllString(sql, -1) {
		switch {
		case word == "(":
			open, part = append(open, part), []string{}
		case word == ")" && len(open) > 0:
			inner := part
			part, open = open[len(open)-1], open[:len(open)-1]
			if isQuery(inner) {
				faults = append(faults, faultsOfPart(inner)...)
				part = append(part, "query")
			} else {
				part = append(append(append(part, "("), inner...), ")")
			}
		case word == "union":
			faults, part = append(faults, faultsOfPart(part)...), []string{}
		default:
			part = append(part, word)
		}
	}
	return append(faults, faultsOfPart(part)...)
}

func isQuery(words []string) bool {
	return len(words) > 0 && slices.Contains([]string{"select", "with", "insert", "update", "delete", "all"}, words[0])
}

// faultsOfPart checks one query without those inside of it.
func faultsOfPart(words []string) (faults []string) {
	text := strings.Join(words, " ") + " "
	tables := 0
	for _, word := range words {
		if slices.Contains(ownTables, word) {
			tables++
		}
	}
	for i := 1; i < len(words); i++ {
		if !slices.Contains(ownTables, words[i]) || !slices.Contains(before, words[i-1]) {
			continue
		}
		table, alias := words[i], aliasOf(words[i+1:])
		said := alias != "" && strings.Contains(text, " "+alias+".org_id = $1 ") ||
			alias == "" && tables == 1 && strings.Contains(text, " org_id = $1 ")
		if words[i-1] == "into" {
			_, rest, _ := strings.Cut(text, "into "+table)
			said = inserted.MatchString(rest)
		}
		if !said {
			faults = append(faults, fmt.Sprintf("%s %s is read or written without org_id = $1", table, alias))
		}
	}
	return faults
}

// aliasOf reads the name that a statement gives a table.
func aliasOf(next []string) string {
	if len(next) > 1 && next[0] == "as" {
		next = next[1:]
	}
	if len(next) == 0 || !isName.MatchString(next[0]) || slices.Contains(keywords, next[0]) {
		return ""
	}
	return next[0]
}

// sourceStatements reads the statements from the package's own source.
func sourceStatements(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	constants := map[string]ast.Expr{}
	var literals []ast.Expr
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.ValueSpec:
				for i, name := range n.Names {
					if i < len(n.Values) {
						constants[name.Name] = n.Values[i]
					}
				}
				return false
			case *ast.BasicLit:
				literals = append(literals, n)
			}
			return true
		})
	}
	statements := map[string]string{}
	for name, value := range constants {
		if text := textOf(value, constants); isSQL.MatchString(text) {
			statements[name] = text
		}
	}
	for _, literal := range literals {
		if text := textOf(literal, nil); isSQL.MatchString(text) {
			t.Errorf("a statement is hidden inside a function: %s", text)
		}
	}
	return statements
}

// textOf gives the value of a constant string, or "".
func textOf(e ast.Expr, constants map[string]ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, _ := strconv.Unquote(e.Value)
		return text
	case *ast.Ident:
		return textOf(constants[e.Name], constants)
	case *ast.BinaryExpr:
		return textOf(e.X, constants) + textOf(e.Y, constants)
	default:
		return ""
	}
}

// listStatements are those that lists put together.
func listStatements(t *testing.T) map[string]string {
	t.Helper()
	v := (&Store{}).view(1)
	statements := map[string]string{}
	for _, c := range []struct {
		typ    *schema.Type
		filter string
	}{
		{schema.User, ""},
		{schema.Group, ""},
		{schema.User, `userName sw "a" and not (emails.value eq "b" or roles[value eq "c" and primary eq true])`},
		{schema.User, `groups[display sw "a"] and meta.created gt "2026-01-01T00:00:00Z" and title co "b"`},
		{schema.User, `meta.lastModified ge "2026-01-01T00:00:00Z" and title pr and not (meta.lastModified gt "2026-02-01T00:00:00Z")`},
		{schema.Group, `members[display sw "a" and value ne "b"] or not (members.value pr) or members pr`},
	} {
		q := directory.Query{Start: 3, Count: 2, ActiveOnly: true, Links: true}
		if c.filter != "" {
			q.Filter = parsed(t, c.typ, c.filter)
		}
		s := v.listing(c.typ, q)
		name := c.typ.Plural + " " + c.filter
		statements[name+" counted"] = s.count
		statements[name+" few"], _ = s.fewOf(q, few)
		if s.withLinks {
			statements[name+" links"] = s.linksOf(givenIDs)
		}
		for way, marked := range map[string]bool{" by offset": false, " by bookmark": true} {
			page := s.span(q, bookmark{}, marked)
			statements[name+way] = s.pageOf(s.records(), page)
			if s.linked != "" {
				statements[name+way+" with links"] = s.pageOf(s.linked, page)
			}
			if s.withLinks {
				statements[name+way+" linked"] = s.linksWithin(page)
			}
		}
	}
	maps.Copy(statements, rankingStatements(t, v))
	return statements
}

// rankingStatements are those of sorted lists.
func rankingStatements(t *testing.T, v view) map[string]string {
	t.Helper()
	statements := map[string]string{}
	types := []*schema.Type{schema.User, schema.Group}
	for _, by := range []string{"userName", "externalId", "emails", "members.display", "groups.type", "meta.lastModified", "active", "meta.created", "schemas"} {
		for _, order := range []string{"ascending", "descending"} {
			sorts, err := filter.ParseSort(types, by, order)
			if err != nil {
				t.Fatal(err)
			}
			var list []directory.TypeQuery
			for i, typ := range types {
				list = append(list, directory.TypeQuery{Type: typ, Query: directory.Query{Filter: parsed(t, typ, `displayName co "a"`), Sort: &sorts[i], Links: true}})
			}
			r := v.ranking(list, v.inPieces(list[0].Query))
			for i, from := range []directory.Position{{}, {ID: uuid.New(), Value: "x"}, {ID: uuid.New(), Absent: true}} {
				for j, s := range r.behind(from) {
					name := fmt.Sprint(by, " ", order, " ", i, " ", j)
					statements[name], _ = r.page(s, 10)
				}
			}
			statements["place by "+by+" "+order], _ = r.place(3)
		}
	}
	return statements
}

// ofOneMoment names the statements that lock or change a row, for which they may have
// waited, and read other rows as they were before; and why that is right.
var ofOneMoment = map[string]string{
	"changeMembers":        "compares the version of the group, and is done again",
	"mergedChange":         "compares the version of the group, and is done again",
	"insertUser":           "stores nothing while it sees a user of the name, and is done again",
	"reviveUser":           "stores nothing while it sees a user of the name, and is done again",
	"updateUser":           "changes nothing unless the version is one that was read before",
	"updateUserAndKeys":    "changes nothing unless the version is one that was read before",
	"updateUserAndReturn":  "changes nothing unless the version is one that was read before",
	"updateKeysAndReturn":  "changes nothing unless the version is one that was read before",
	"updateUserWithGroups": "the same; the groups are not of the user's version",
	"updateKeysWithGroups": "the same; the groups are not of the user's version",
	"lockUserAndGroups":    "the groups are not of the user's version",
	"updateGroup":          "an earlier statement has locked the group",
	"updateWholeGroup":     "an earlier statement has locked the group",
	"deleteGroup":          "follows the row of modifications to where it is now",
	"deleteUser":           "an earlier statement has locked the user",
	"leaveGroups":          "an earlier statement has locked the groups, and who is locked joins none",
	"lockUserGroups":       "locks a group too many at most: who is locked joins none",
	"lockReferenced":       "looks at each table alone",
	"lockUsersByKey":       "reads a user too many at most: nobody takes the name of an entry that is locked",
	"fillStream":           "a bound of about so many: what is delivered meanwhile is seen by the next look",
	"resumeStream":         "adds to the number that is there now",
	"resumeEmptied":        "no server makes events while the stream is full",
	"finishRequest":        "leaves a step behind at most, of a request that nobody takes again",
	"cancelOfClient":       "an earlier statement has locked the requests",
}

// A statement that waits for a row reads nothing beside it, or compares what it sees of
// the row with what it has locked, or is named above.
func TestStatements_AreOfOneMoment(t *testing.T) {
	t.Parallel()
	statements := sourceStatements(t)
	for name, sql := range statements {
		_, excused := ofOneMoment[name]
		switch beside := readBeside(sql); {
		case len(beside) > 0 && !excused:
			t.Errorf("%s waits for a row and reads %v as before (docs/architecture.md, \"one moment\"):\n%s", name, beside, sql)
		case len(beside) == 0 && excused:
			t.Errorf("%s needs no exception (%s)", name, ofOneMoment[name])
		}
	}
	for name := range ofOneMoment {
		if statements[name] == "" {
			t.Errorf("%s is no statement", name)
		}
	}
	for sql, want := range map[string]int{
		`select id from users u where u.org_id = $1 for update of u`:                                        0,
		`select id from users u join groups g on g.org_id = $1 where u.org_id = $1 for update of u`:         1,
		`with x as (select id from groups where id = $2 for update) delete from group_members m using x`:    1,
		`with x as (update users set a = 1 returning id) insert into counts select id from x`:               0,
		`with x as (update users set a = 1 returning id) delete from user_keys k using x where k.id = x.id`: 1,
		`select id from users u join groups g on g.org_id = $1 where u.org_id = $1`:                         0,
	} {
		if beside := readBeside(sql); min(len(beside), 1) != want {
			t.Errorf("%s: found %v", sql, beside)
		}
	}
}

var (
	waits   = regexp.MustCompile(`\bfor\s+(no key update|update|share|key share)\b|\b(update|delete from)\s+\w+`)
	touched = regexp.MustCompile(`\b(from|join|update|using)\s+([a-z_]+)`)
)

// readBeside lists the tables that a statement reads or changes by what it sees, beside
// the one for which it waits; none when it waits for nothing.
func readBeside(sql string) (beside []string) {
	if !waits.MatchString(sql) {
		return nil
	}
	tables := map[string]bool{}
	for _, word := range touched.FindAllStringSubmatch(sql, -1) {
		if slices.Contains(ownTables, word[2]) || word[2] == "orgs" || word[2] == "oauth_clients" {
			tables[word[2]] = true
		}
	}
	if len(tables) > 1 {
		beside = slices.Sorted(maps.Keys(tables))
	}
	return beside
}

// Every key and index of a table with an organisation begins with it.
func TestTables_BeginWithTheOrganisation(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	named := func(sql string) []string {
		rows, err := o.pool.Query(t.Context(), sql)
		o.must(err)
		names, err := pgx.CollectRows(rows, pgx.RowTo[string])
		o.must(err)
		return names
	}
	tables := named(`
		select c.table_name::text
		from   information_schema.columns c
		where  c.table_schema = 'public' and c.column_name = 'org_id' and c.data_type = 'bigint' and c.is_nullable = 'NO'
		order  by c.table_name`)
	want := slices.Sorted(slices.Values(append([]string{"oauth_clients", "orgs"}, ownTables...)))
	if diff := cmp.Diff(want, tables); diff != "" {
		t.Errorf("tables with an organisation (-want +got):\n%s", diff)
	}
	expect(t, "indexes that do not begin with org_id", named(`
		select c.relname::text
		from   pg_index i
		join   pg_class c on c.oid = i.indexrelid
		join   pg_class r on r.oid = i.indrelid
		join   pg_namespace n on n.oid = r.relnamespace and n.nspname = 'public'
		left   join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
		where  a.attname is distinct from 'org_id' and r.relname not like 'goose%'
		order  by 1`), []string{"oauth_clients_pkey", "orgs_name", "revocations_pkey", "secrets_pkey", "signing_keys_active", "signing_keys_pkey", "trusted_issuers_pins"})
	expect(t, "foreign keys that do not begin with org_id", named(`
		select f.conname::text
		from   pg_constraint f
		join   pg_attribute a on a.attrelid = f.conrelid and a.attnum = f.conkey[1]
		join   pg_attribute b on b.attrelid = f.confrelid and b.attnum = f.confkey[1]
		where  f.contype = 'f' and (a.attname <> 'org_id' or b.attname <> 'org_id')`), []string{})
	expect(t, "triggers", named(`select tgname::text from pg_trigger where not tgisinternal`), []string{})
}
