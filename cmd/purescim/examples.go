package main

import (
	"strings"

	"github.com/alecthomas/kong"
)

// helpGroups are the groups in which --help shows the commands.
var helpGroups = []kong.Group{
	{Key: "server", Title: "A server:"},
	{Key: "connect", Title: "Who connects:"},
	{Key: "people", Title: "What organisations have:"},
	{Key: "happens", Title: "What happens:"},
	{Key: "upkeep", Title: "Upkeep:"},
	{Key: "program", Title: "This program:"},
}

// examples of each command stand below its help, and in the manual. A test parses them.
var examples = map[string][]string{
	"serve":   {"serve", "serve --demo", "serve --addr 0.0.0.0:8080 --public-url https://scim.example.org"},
	"migrate": {"migrate --database-url postgres://purescim@db.example.org/purescim"},
	"health":  {"health", "health --url https://scim.example.org --live"},

	"org list":   {"org list", "org list -o json"},
	"org show":   {"org show acme"},
	"org create": {"org create acme --with-client", "org create acme --region DE"},
	"org rename": {`org rename acme "Acme Ltd"`},
	"org set":    {"org set acme --region DE --removal-limit 5000", "org set acme --no-strict --tolerate manager,phoneNumbers"},
	"org delete": {"org delete acme", "org delete acme --force --yes"},

	"import": {"import people.csv --org acme", `import people.csv --org acme --map "Cost centre=costCenter" --map Notes= --apply`},
	"export": {"export people --org acme", `export people --org acme --filter "active eq false" -o jsonl`},

	"client list":          {"client list --org acme"},
	"client show":          {"client show Entra", "client show 0193b5c1-7a30-7c02-9d5e-0b1f4c7a2e11 -o json"},
	"client create":        {"client create --org acme --name Entra", "client create --org acme --name Ops --admin --validity 90d"},
	"client update":        {`client update Entra --name "Entra ID" --rate-limit 3000`, `client update Entra --role "SCIM Reader"`},
	"client rotate-secret": {"client rotate-secret Entra", "client rotate-secret Entra --overlap 7d"},
	"client set-keys":      {"client set-keys Entra --url https://idp.example.org/keys", "client set-keys Entra --file keys.json"},
	"client set-domain":    {"client set-domain Okta 0193b5c1-7a30-7c02-9d5e-0b1f4c7a2e11", "client set-domain Okta personnel"},
	"client disable":       {"client disable Entra"},
	"client enable":        {"client enable Entra"},
	"client delete":        {"client delete Entra"},

	"token list":    {"token list --client Entra"},
	"token renew":   {"token renew --client Entra --org acme", "token renew --client Entra --end-old 7d"},
	"token create":  {"token create --client Entra", "token create --client Entra --user 01890a5d-ac96-774b-bcce-b302099a8057"},
	"token revoke":  {"token revoke --client Entra 0193b5c1-7a30-7c02-9d5e-0b1f4c7a2e11", "token revoke --client Entra --all"},
	"issuer list":   {"issuer list --org acme"},
	"issuer add":    {"issuer add --org acme --issuer https://sts.windows.net/TENANT/ --audience AUDIENCE --tenant TENANT --subject-claim appid --subject CALLER --client 0193b5c1-7a30-7c02-9d5e-0b1f4c7a2e11"},
	"issuer remove": {"issuer remove --org acme 0193b5c1-7a30-7c02-9d5e-0b1f4c7a2e11"},
	"key list":      {"key list"},
	"key rotate":    {"key rotate"},
	"key rewrap":    {"key rewrap --key-file /etc/purescim/keys"},
	"guide":         {"guide", "guide entra --org acme --client Entra"},

	"group list":      {"group list --org acme"},
	"group show":      {`group show --org acme "Night Shift"`},
	"group create":    {`group create --org acme "Night Shift"`},
	"group rename":    {`group rename --org acme "Night Shift" "Late Shift"`},
	"group delete":    {`group delete --org acme "Late Shift"`},
	"group history":   {`group history --org acme "Night Shift"`},
	"group restore":   {`group restore --org acme "Night Shift" --at 30m`, `group restore --org acme "Night Shift" --at "2026-11-28 09:30" --apply`},
	"user list":       {"user list --org acme --state deleted"},
	"user show":       {"user show --org acme jane@example.org"},
	"user erase":      {"user erase --org acme jane@example.org"},
	"user restore":    {"user restore --org acme jane@example.org --with groups,roles --apply"},
	"user history":    {"user history --org acme jane@example.org"},
	"schema list":     {"schema list --org acme"},
	"schema show":     {"schema show --org acme urn:example:badge:1.0:User"},
	"schema add":      {"schema add --org acme badge.json", "schema add --org acme --type Group badge.json"},
	"schema replace":  {"schema replace --org acme urn:example:badge:1.0:User badge.json"},
	"schema remove":   {"schema remove --org acme urn:example:badge:1.0:User", "schema remove --org acme urn:example:badge:1.0:User --force"},
	"role list":       {"role list --org acme"},
	"role show":       {"role show --org acme Auditor"},
	"role create":     {"role create --org acme Auditor --permission directory:group:view"},
	"role delete":     {"role delete --org acme Auditor"},
	"permission list": {"permission list", "permission list --prefix directory:user"},
	"division list":   {"division list --org acme"},
	"division create": {"division create --org acme North"},
	"division delete": {"division delete --org acme North"},
	"skill list":      {"skill list --org acme --prefix Cla"},
	"skill create":    {`skill create --org acme Claims --description "Handles claims"`},
	"skill delete":    {"skill delete --org acme Claims"},
	"language list":   {"language list --org acme"},
	"language create": {"language create --org acme German"},
	"language delete": {"language delete --org acme German"},

	"admin invite": {"admin invite ada@example.org", "admin invite --org acme --role viewer ada@example.org"},
	"admin list":   {"admin list", "admin list --org acme"},
	"admin reset":  {"admin reset ada@example.org --public-url https://scim.example.org"},
	"admin remove": {"admin remove ada@example.org"},
	"admin oidc add": {
		`admin oidc add --org acme --name "Acme Okta" --issuer https://acme.okta.com --client-id 0oa8x --secret-file okta-secret`,
	},
	"admin oidc list":   {"admin oidc list", "admin oidc list --org acme"},
	"admin oidc remove": {"admin oidc remove 01a2243e-4720-7afd-822b-5e75d2936aa6"},

	"status":         {"status --org acme"},
	"log":            {"log --org acme", "log --org acme --refused --since 2h", "log --org acme --user jane@example.org", "log --org acme -f"},
	"hold list":      {"hold list --org acme", "hold list --org acme -o json"},
	"hold release":   {"hold release --org acme 01a2243e-4720-7afd-822b-5e75d2936aa6"},
	"hold reject":    {"hold reject --org acme 01a2243e-4720-7afd-822b-5e75d2936aa6"},
	"undo":           {"undo --org acme 01a2243e-4720-7afd-822b-5e75d2936aa6", "undo --org acme 01a2243e-4720-7afd-822b-5e75d2936aa6 --apply"},
	"events show":    {"events show --org acme"},
	"events set":     {"events set --org acme --push https://receiver.example/events --audience https://receiver.example", "events set --org acme --status paused"},
	"events remove":  {"events remove --org acme"},
	"events dead":    {"events dead --org acme"},
	"events requeue": {"events requeue --org acme --all"},
	"async list":     {"async list --org acme"},
	"async show":     {"async show --org acme 01890a5d-ac96-774b-bcce-b302099a8057"},
	"async cancel":   {"async cancel --org acme 01890a5d-ac96-774b-bcce-b302099a8057"},

	"verify": {"verify", "verify --org acme"},
	"exec":   {"exec -- sh -c 'psql $DATABASE_URL'"},
	"fold":   {"fold --org acme"},
	"bench":  {"bench --users 10000", "bench --url https://scim.example.org/api/v2/scim/v2"},

	"version":    {"version", "version -o json"},
	"completion": {"completion bash", "completion fish"},
	"manual":     {"manual"},
}

// showExamples puts the examples below the help of their commands.
func showExamples(app *kong.Application) {
	for _, command := range app.Leaves(true) {
		command.Detail = exampleText(command)
	}
}

// exampleText is the examples of a command as the help has them.
func exampleText(command *kong.Node) string {
	lines := examples[wordsOf(command)]
	if len(lines) == 0 {
		return ""
	}
	return "Examples:\n\n    purescim " + strings.Join(lines, "\n    purescim ")
}

// wordsOf are the words that choose a command.
func wordsOf(command *kong.Node) string {
	words := command.Name
	for n := command.Parent; n != nil && n.Type == kong.CommandNode; n = n.Parent {
		words = n.Name + " " + words
	}
	return words
}
