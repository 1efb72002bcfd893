package postgres

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/postgres/sqlrules"
)

// acrossOrganisations names the statements that may leave the organisation out,
// and why.
var acrossOrganisations = map[string]string{
	"selectUndivided":   "finds for the background work which organisations have users without a division",
	"selectSizes":       "tells the monitoring how large the organisations are",
	"selectLags":        "tells the monitoring how long events wait",
	"selectPending":     "finds for the background work which organisations have changes",
	"selectAllIssuers":  "finds the organisation that a token of another issuer is for",
	"selectCredentials": "finds what is to be sealed again with another key",
	"selectSealed":      "finds what of imports is to be sealed again with another key, whoever's it is",
	"selectAllStreams":  "tells every server whose changes are to be told, without a question for each",
	"selectSucceeded":   "finds for the background work which tokens of whichever organisation are to end",
	"selectDue":         "finds for the background work whose events are to be pushed",
	"selectOpen":        "tells the background work whether anything is to be done, whoever asked",
	"selectNext":        "finds for the background work whose turn it is",
	"selectIdle":        "finds for the background work which import nobody works on, whoever's it is",
	"forgetImports":     "takes away for the background work what nobody goes on with",
	"selectTime":        "asks for the time of PostgreSQL, and nothing of an organisation",
	"deleteFinished":    "takes away for the background work what nobody may fetch any more",
}

// Every statement of all rooms keeps the rules of the package comment.
func TestStatements_SayTheOrganisation(t *testing.T) {
	t.Parallel()
	statements := sourceStatements(t)
	if len(statements) < 40 {
		t.Fatalf("found only %d statements", len(statements))
	}
	for name, sql := range statements {
		faults := sqlrules.Faults(sql)
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

// ofOneMoment names the statements that lock or change a row, for which they may have
// waited, and read other rows as they were before; and why that is right.
var ofOneMoment = map[string]string{
	"addMembers":                  "compares the version of the group, and is done again",
	"removeMembers":               "compares the version of the group, and is done again",
	"changeMembers":               "compares the version of the group, and is done again",
	"mergedChange":                "compares the version of the group, and is done again",
	"updateDocument":              "changes nothing unless the version is one that was read before",
	"updateUser":                  "changes nothing unless the version is one that was read before",
	"updateUserAndKeys":           "changes nothing unless the version is one that was read before",
	"refoldUser":                  "changes nothing unless the version is one that was read before",
	"updateDocuments":             "changes nothing unless the version is one that was read before",
	"updateUsers":                 "changes nothing unless the version is one that was read before",
	"updateDocumentsWithGroups":   "the same; the groups are not of the user's version",
	"updateUsersWithGroups":       "the same; the groups are not of the user's version",
	"updateDocumentWithGroups":    "the same; the groups are not of the user's version",
	"updateUserWithGroups":        "the same; the groups are not of the user's version",
	"updateUserAndKeysWithGroups": "the same; the groups are not of the user's version",
	"lockUserAndGroups":           "the groups are not of the user's version",
	"updateGroup":                 "an earlier statement has locked the group",
	"updateWholeGroup":            "an earlier statement has locked the group",
	"deleteGroup":                 "follows the row of modifications to where it is now",
	"deleteUser":                  "an earlier statement has locked the user",
	"leaveGroups":                 "an earlier statement has locked the groups, and who is locked joins none",
	"lockUserGroups":              "locks a group too many at most: who is locked joins none",
	"lockReferenced":              "looks at each table alone",
	"lockUsersByKey":              "reads a user too many at most: nobody takes the name of an entry that is locked",
	"fillStream":                  "a bound of about so many: what is delivered meanwhile is seen by the next look",
	"resumeStream":                "adds to the number that is there now",
	"resumeEmptied":               "no server makes events while the stream is full",
	"finishRequest":               "leaves a step behind at most, of a request that nobody takes again",
	"cancelOfClient":              "an earlier statement has locked the requests",
	"acceptUsers":                 "a user of another name by now is refused until the next success",
	"refuseUsers":                 "who is erased while it waits has waited before for what servers have counted",
	"addLoops":                    "who is erased while it waits has waited before for what servers have counted",
	"foldCounts":                  "an earlier statement has locked the ranges of the organisation",
	"breakSeal":                   "an earlier statement has locked the ranges of the organisation",
	"dropRanges":                  "an earlier statement has locked the ranges of the organisation",
	"divideUsers":                 "an earlier statement has locked the ranges of the organisation",
	"divideGroups":                "an earlier statement has locked the ranges of the organisation",
	"spendBrake":                  "removals that are made at once do not wait for each other; near to the bound an earlier statement has taken the turn",
	"insertFormer":                "an earlier statement has locked the client; of the bound of sets a few may come on top",
	"insertFormerOfRole":          "an earlier statement has locked the role; of the bound of sets a few may come on top",
}

// A statement that waits for a row reads nothing beside it, or compares what it sees of
// the row with what it has locked, or is named above.
func TestStatements_AreOfOneMoment(t *testing.T) {
	t.Parallel()
	statements := sourceStatements(t)
	for name, sql := range statements {
		_, excused := ofOneMoment[name]
		switch beside := sqlrules.ReadBeside(sql); {
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
}

// Every key and index of a table with an organisation begins with it.
func TestTables_BeginWithTheOrganisation(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	named := func(sql string) []string {
		rows, err := o.Own().Query(t.Context(), sql)
		o.must(err)
		names, err := pgx.CollectRows(rows, pgx.RowTo[string])
		o.must(err)
		return names
	}
	tables := named(`
		select c.table_name::text
		from   information_schema.columns c
		where  c.table_schema = 'public' and c.column_name = 'org_id' and c.data_type = 'bigint' and c.is_nullable = 'NO'
		and    not exists (select from pg_inherits i where i.inhrelid = c.table_name::regclass)
		order  by c.table_name`)
	want := slices.Sorted(slices.Values(append([]string{"console_setups", "deleted_orgs", "oauth_clients", "orgs"}, sqlrules.OwnTables...)))
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
		order  by 1`), []string{
		"console_accounts_login", "console_accounts_pkey", "console_challenges_account", "console_challenges_expires", "console_challenges_pkey",
		"console_identities_account", "console_identities_pkey", "console_identities_provider", "console_identities_subject",
		"console_invitations_hash", "console_invitations_pkey",
		"console_passkeys_account", "console_passkeys_credential", "console_passkeys_pkey", "console_providers_pkey",
		"console_sessions_account", "console_sessions_hash", "console_sessions_identity", "console_sessions_pkey", "console_sessions_used",
		"console_setups_hash", "console_setups_pkey", "console_setups_session",
		"oauth_clients_pkey", "orgs_name", "revocations_pkey", "schema_needs_pkey", "secrets_pkey", "signing_keys_active", "signing_keys_pkey", "trusted_issuers_pins",
	})
	expect(t, "foreign keys that do not begin with org_id", named(`
		select f.conname::text
		from   pg_constraint f
		join   pg_attribute a on a.attrelid = f.conrelid and a.attnum = f.conkey[1]
		join   pg_attribute b on b.attrelid = f.confrelid and b.attnum = f.confkey[1]
		where  f.contype = 'f' and (a.attname <> 'org_id' or b.attname <> 'org_id')`), []string{
		"console_sessions_account_id_fkey", "console_setups_client_id_fkey", "console_passkeys_account_id_fkey", "console_challenges_account_id_fkey",
		"console_identities_provider_id_fkey", "console_identities_account_id_fkey",
	})
	expect(t, "triggers", named(`select tgname::text from pg_trigger where not tgisinternal`), []string{})
}
