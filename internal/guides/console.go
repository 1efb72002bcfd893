package guides

import (
	"regexp"
	"strings"
)

// beginning is how each guide makes the connection that it is about.
const beginning = `- An organisation, and a connection of its own for this product, so that it can be renewed and ended alone: in the console *Connections*, *Connect a product*, or with

` + "```" + `
purescim org create ORGANISATION
purescim client create --org ORGANISATION --name CONNECTION
` + "```" + `

The second command prints the client id, the secret and an access token that lives 450 days. Secret and token are shown this once.
`

// made stands in its place where the connection is there already.
const made = "- The connection CONNECTION of ORGANISATION, which is there already. Its secret and its token were shown when they were made; others can be made at any time.\n"

// unmade stands there in the console where it is not.
const unmade = "- A connection of its own for this product: [Connections](console:connections), *Connect a product*. Its values are shown there.\n"

// example is the schema that each guide declares.
const example = "An attribute that neither the core nor the two extensions have is declared once, as a schema. `badge.json`:\n\n" + "```" + `json
{
  "id": "urn:ietf:params:scim:schemas:extension:badge:2.0:User",
  "name": "Badge",
  "attributes": [{"name": "number", "type": "string", "description": "The number on the badge"}]
}
` + "```\n\n```" + `
purescim schema add --org ORGANISATION --type User badge.json
` + "```\n"

// declared stands in its place in the console where the organisation has attributes of its own.
const declared = "The table names the attributes that the organisation has declared. Others are added in the [Catalogue](console:catalogue/schemas), *Schemas*.\n"

// consoleWays are what the guides do with commands, and how the console does the same. Words
// in brackets lead to its pages.
var consoleWays = strings.NewReplacer(
	block("purescim division create --org ORGANISATION Sales", "purescim skill create --org ORGANISATION Billing", "purescim language create --org ORGANISATION German"),
	"They are made in the [Catalogue](console:catalogue/divisions).\n",
	block("purescim role create --org ORGANISATION Supervisor"),
	"Roles are made in the [Catalogue](console:catalogue/roles).\n",
	block("purescim schema add --org ORGANISATION --type User badge.json"),
	"It is added in the [Catalogue](console:catalogue/schemas), *Schemas*: fill in the fields there, or paste the document.\n",
	block(`purescim group create --org ORGANISATION "Claims Team"`),
	"Paste the names of your groups under [Groups](console:groups).\n",
	block("purescim org set ORGANISATION --group-lifecycle"),
	"[Settings](console:settings), *Groups*: tick *Products make and delete groups*.\n",
	block("purescim log --org ORGANISATION --refused --since 2h", "purescim log --org ORGANISATION --show ENTRY_ID"),
	"[Activity](console:activity?q=result:refused) has them.\n",
	item("purescim token renew --client CLIENT_ID"),
	"   It is made on the [page of the connection](console:connection), with *Renew the token*.\n",
	item("purescim token list --client CLIENT_ID")+"\n   Where both are in use for a while, `--end-old 7d` of *renew* ends the old one then instead.\n",
	"",
	"`last used` of the list tells:", "The [page of the connection](console:connection) tells when each was used last.",
	"`purescim status` and the server's log", "the [Overview](console:)",
	"`purescim org set ORGANISATION --region DE`", "[Settings](console:settings), *Values*",
	"`purescim org set ORGANISATION --removal-limit 5000` sets another limit", "The [Settings](console:settings) have that limit",
	"`purescim org set ORGANISATION --rate-limit 12000` allows more", "The [Settings](console:settings) allow more",
	"`purescim org set ORGANISATION --tolerate manager,phoneNumbers,division`", "[Settings](console:settings), *Values*",
	"(`purescim org set ORGANISATION --strict`)", "([Settings](console:settings), *Strict*)",
	"`purescim token list --client CLIENT_ID` tells the state of each", "the [page of the connection](console:connection) tells the state of each",
	"To change the secret, run `purescim client rotate-secret CLIENT_ID` and paste", "To change the secret, make another on the [page of the connection](console:connection) and paste",
	"`purescim client disable CLIENT_ID`", "*Disable* on the [page of the connection](console:connection)",
	"(`purescim client enable CLIENT_ID`, then `purescim token create --client CLIENT_ID`)", "(*Enable*, then *Make a token*)",
	"`purescim user restore NAME --with groups,roles --org ORGANISATION` tells what would come back, and brings it back with `--apply`",
	"*Restore* on the page of the person, which the box at the top finds by the login, tells what would come back, and brings it back",
	"`purescim group history NAME --org ORGANISATION` tells when they were there, `purescim group restore NAME --at TIME --org ORGANISATION --apply` makes the group what it was then",
	"*History* on the page of the [group](console:groups) tells when they were there, *Restore* makes the group what it was then",
	"`purescim log --org ORGANISATION` shows it with its id, and `purescim undo ID --org ORGANISATION --apply` takes it back", "[Activity](console:activity) shows it, and *Take it back* does so",
	"`purescim group restore NAME --at TIME --org ORGANISATION --apply`", "*Restore* on the page of the [group](console:groups)",
	issuer("https://sts.windows.net/TENANT_ID/", "TENANT_ID", "8adf8e6e-67b2-4cf2-a259-e3dc5476c621", "appid", "00000014-0000-0000-c000-000000000000"),
	trust("https://sts.windows.net/TENANT_ID/", "TENANT_ID", "8adf8e6e-67b2-4cf2-a259-e3dc5476c621", "appid", "00000014-0000-0000-c000-000000000000"),
	issuer("https://DOMAIN/oauth2/SERVER_ID", "", "AUDIENCE", "cid", "APPLICATION_ID"),
	trust("https://DOMAIN/oauth2/SERVER_ID", "", "AUDIENCE", "cid", "APPLICATION_ID"),
)

// block is a block of commands.
func block(commands ...string) string {
	return "```\n" + strings.Join(commands, "\n") + "\n```\n"
}

// item is a block of one command in an item of a list.
func item(command string) string { return "   ```\n   " + command + "\n   ```\n" }

// issuer is the command that trusts tokens of another issuer.
func issuer(name, tenant, audience, claim, value string) string {
	if tenant != "" {
		tenant = " --tenant " + tenant
	}
	return block("purescim issuer add --org ORGANISATION --client CLIENT_ID --issuer " + name + tenant + " --audience " + audience + " --subject-claim " + claim + " --subject " + value)
}

// trust is the same in the console.
func trust(name, tenant, audience, claim, value string) string {
	rows := "| Issuer | `" + name + "` |\n| Audience | `" + audience + "` |\n"
	if tenant != "" {
		rows += "| Tenant | `" + tenant + "` |\n"
	}
	return "[Settings](console:issuers), *Trusted issuers*:\n\n| box | value |\n|---|---|\n" + rows +
		"| Claim that names the caller | `" + claim + "` |\n| Its value | `" + value + "` |\n| Connection that its tokens act as | CONNECTION |\n"
}

// toConsole finds links to pages of the console.
var toConsole = regexp.MustCompile(`<a href="console:([^"]*)">([^<]*)</a>`)

// linked leads the links of HTML to the pages of the console. Who has no account there reads
// their names.
func (v Values) linked(page string) string {
	if v.Home == "" {
		return toConsole.ReplaceAllString(page, `<em>$2</em>`)
	}
	connection := "connections"
	if v.ClientID != "" {
		connection += "/" + v.ClientID
	}
	return toConsole.ReplaceAllStringFunc(page, func(link string) string {
		to := toConsole.FindStringSubmatch(link)
		path := to[1]
		if path == "connection" {
			path = connection
		}
		return `<a href="` + strings.TrimSuffix(v.Home+"/"+path, "/") + `">` + to[2] + `</a>`
	})
}
