// Package sqlrules is for tests: the rules that every statement keeps, as the package comment
// of postgres has them.
//
// Which statements there are is left to the tests of the rooms that have them.
package sqlrules

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// OwnTables hold rows of one organisation each. The other tables, orgs,
// oauth_clients, revocations and signing_keys, are small and looked up before an
// organisation is known.
var OwnTables = []string{
	"users", "user_keys", "deleted_users", "modifications", "groups", "group_members", "catalogue", "counts", "count_changes", "count_ranges",
	"access_tokens", "trusted_issuers", "client_assertions", "former_grants", "schemas",
	"event_streams", "event_progress", "events",
	"async_requests", "async_steps", "async_turns",
	"provisioning_log", "provisioning_counts", "refused_users", "provisioning_loops", "brake_counts", "holds",
	"imports", "import_parts",
}

var (
	tokens   = regexp.MustCompile(`'[^']*'|\$\d+|[a-z_][a-z0-9_]*(?:\.[a-z_][a-z0-9_]*)?|[^\s]`)
	banned   = regexp.MustCompile(`\b(merge|trigger|now|clock_timestamp|current_timestamp|statement_timestamp|random|gen_random_uuid|nextval)\b`)
	isName   = regexp.MustCompile(`^[a-z]+$`)
	inserted = regexp.MustCompile(`^( as [a-z]+| [a-z]+)? \( org_id , .*(select \$1 ,|values \( \$1 ,)`)
	before   = []string{"from", "join", "using", "update", "into", ","} // a table
	keywords = []string{"where", "on", "set", "using", "join", "left", "order", "group", "for", "returning", "union", "limit", "offset"}
)

// Faults lists what breaks the rules.
func Faults(sql string) (faults []string) {
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
		if slices.Contains(OwnTables, word) {
			tables++
		}
	}
	for i := 1; i < len(words); i++ {
		if !slices.Contains(OwnTables, words[i]) || !slices.Contains(before, words[i-1]) {
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

var (
	waits   = regexp.MustCompile(`\bfor\s+(no key update|update|share|key share)\b|\b(update|delete from)\s+\w+`)
	touched = regexp.MustCompile(`\b(from|join|update|using)\s+([a-z_]+)`)
)

// ReadBeside lists the tables that a statement reads or changes by what it sees, beside
// the one for which it waits; none when it waits for nothing.
func ReadBeside(sql string) (beside []string) {
	if !waits.MatchString(sql) {
		return nil
	}
	tables := map[string]bool{}
	for _, word := range touched.FindAllStringSubmatch(sql, -1) {
		if slices.Contains(OwnTables, word[2]) || word[2] == "orgs" || word[2] == "oauth_clients" {
			tables[word[2]] = true
		}
	}
	if len(tables) > 1 {
		beside = slices.Sorted(maps.Keys(tables))
	}
	return beside
}
