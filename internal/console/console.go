// Package console is the door for people: the pages at /console that tell an organisation's
// administrators what provisioning did, what is there, and how a product is connected.
//
// A page is made on the server and complete without JavaScript; the one script adds what a
// page can do without. Who may use the console is left to package accounts, what a change
// may be to the packages that own it, how an answer travels to httpapi.
package console

import (
	"context"
	"log/slog"
	"net/http"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/purescim/purescim/internal/accounts"
	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/events"
	"github.com/purescim/purescim/internal/fairshare"
	"github.com/purescim/purescim/internal/httpapi"
	"github.com/purescim/purescim/internal/oauth"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/provisioning"
	"github.com/purescim/purescim/internal/transfer"
)

// Path is where the console is; all of it is below.
const Path = "/console"

// InvitationPath is where the link of an invitation leads, with its secret behind.
const InvitationPath = Path + "/invitation/"

// Organisations are those that the console shows.
type Organisations interface {
	// Org reads one, or returns oauth.ErrNotFound.
	Org(ctx context.Context, id org.ID) (org.Org, error)
	// ListOrgs lists all by name.
	ListOrgs(ctx context.Context) ([]org.Org, error)
	// SetOrg stores the settings of one.
	SetOrg(ctx context.Context, o org.Org) error
}

// Parts are what the console is made of.
type Parts struct {
	Accounts      *accounts.Service
	Organisations Organisations
	Directory     *directory.Directory
	OAuth         *oauth.Service
	Events        *events.Service
	Provisioning  *provisioning.Log
	Uploads       *transfer.Uploads
	// PublicURL is the scheme and host that people use; empty means those of the request.
	PublicURL string
	Log       *slog.Logger
}

// console serves the pages.
type console struct {
	Parts
	frame  *httpapi.Frame
	origin *http.CrossOriginProtection
	live   *fairshare.Gate[org.ID]
	states readStates
}

// bodyLimit is how many bytes a form may have, but for a file that comes with it.
const bodyLimit = 256 << 10

// uploads is where files are sent.
const uploads = "/o/{org}/imports"

// Mount serves the console below r.
func Mount(r chi.Router, frame *httpapi.Frame, p Parts) {
	c := &console{Parts: p, frame: frame, origin: http.NewCrossOriginProtection(), live: newLive(), states: newReadStates()}
	if p.PublicURL != "" {
		_ = c.origin.AddTrustedOrigin(strings.TrimRight(p.PublicURL, "/")) // which was checked to be one
	}
	byPath := map[string]map[string]httpapi.Handler{}
	for _, route := range c.routes() {
		method, path, _ := strings.Cut(route.call, " ")
		if byPath[path] == nil {
			byPath[path] = map[string]httpapi.Handler{}
		}
		byPath[path][method] = c.admit(route)
	}
	for path, methods := range byPath {
		limit := int64(bodyLimit)
		if path == uploads {
			limit += transfer.MaxFile
		}
		frame.Handle(r, Path+path, httpapi.Route{
			Protocol: httpapi.Platform, Public: true, BodyLimit: limit, Methods: methods, WriteError: c.writeError,
		})
	}
}

// A route is one call of the console, and the permission it takes.
type route struct {
	call string // such as "POST /o/{org}/groups"
	may  permission
	do   func(v *visit) error
}

// permission is who may make a call.
type permission int

const (
	files     permission = iota // asked for by every page, and the same for all
	anybody                     // who has no account, too
	anyone                      // who is signed in
	viewers                     // of the organisation in the path
	changers                    // its administrators and owners
	owners                      // of the organisation in the path, or of all
	operators                   // who see all organisations
)

// routes are all calls of the console.
func (c *console) routes() []route { //nolint:funlen // a table
	return []route{
		{"GET ", anyone, start},
		{"GET /static/{file}", files, serveAsset},
		{"POST /theme", anybody, chooseTheme},
		{"GET /signin", anybody, showSignIn},
		{"POST /signin", anybody, signIn},
		{"POST /signin/passkey", anybody, signInByPasskey},
		{"POST /signin/challenge", anybody, askPasskey},
		{"GET /signin/providers/{id}", anybody, signInByProvider},
		{"GET /signin/answer", anybody, comeBack},
		{"GET /signin/answer/{of}", anybody, comeBack},
		{"POST /signout", anyone, signOut},
		{"GET /invitation/{secret}", anybody, showInvitation},
		{"POST /invitation/{secret}", anybody, acceptInvitation},
		{"GET /invitation/{secret}/providers/{id}", anybody, acceptByProvider},
		{"GET /account", anyone, showAccount},
		{"POST /account/access", anyone, openAPI},
		{"POST /account/password", anyone, changePassword},
		{"POST /account/passkeys", anyone, addPasskey},
		{"POST /account/challenge", anyone, askNewPasskey},
		{"POST /account/passkeys/{id}/remove", anyone, sure(askRemovePasskey, removePasskey)},
		{"POST /account/identities", anyone, addIdentity},
		{"POST /account/identities/{id}/remove", anyone, sure(askRemoveIdentity, removeIdentity)},
		{"POST /account/sessions/end", anyone, sure(askEndSessions, endSessions)},
		{"POST /account/sessions/{id}/end", anyone, sure(askEndSession, endSession)},
		{"GET /organisations", operators, listOrganisations},
		{"GET /administrators", owners, showAdministrators},
		{"POST /administrators", owners, invite},
		{"POST /administrators/{id}/role", owners, changeRole},
		{"POST /administrators/{id}/reset", owners, sure(askReset, resetAdministrator)},
		{"POST /administrators/{id}/remove", owners, sure(askRemove, removeAdministrator)},
		{"POST /invitations/{id}/withdraw", owners, sure(askWithdraw, withdrawInvitation)},
		{"GET /providers", owners, showProviders},
		{"POST /providers", owners, addProvider},
		{"POST /providers/{id}/remove", owners, sure(askRemoveProvider, removeProvider)},
		{"GET /o/{org}/providers", owners, showProviders},
		{"POST /o/{org}/providers", owners, addProvider},
		{"POST /o/{org}/providers/{id}/remove", owners, sure(askRemoveProvider, removeProvider)},
		{"GET /o/{org}/administrators", owners, showAdministrators},
		{"POST /o/{org}/administrators", owners, invite},
		{"POST /o/{org}/administrators/{id}/role", owners, changeRole},
		{"POST /o/{org}/administrators/{id}/reset", owners, sure(askReset, resetAdministrator)},
		{"POST /o/{org}/administrators/{id}/remove", owners, sure(askRemove, removeAdministrator)},
		{"POST /o/{org}/invitations/{id}/withdraw", owners, sure(askWithdraw, withdrawInvitation)},
		{"GET /o/{org}", viewers, showOverview},
		{"GET /o/{org}/search", viewers, find},
		{"GET /o/{org}/activity", viewers, showActivity},
		{"GET /o/{org}/activity/new", viewers, watchActivity},
		{"GET /o/{org}/activity/export", viewers, exportActivity},
		{"GET /o/{org}/activity/{id}", viewers, showEntry},
		{"GET /o/{org}/activity/{id}/undo", changers, previewUndo},
		{"POST /o/{org}/activity/{id}/undo", changers, undo},
		{"GET /o/{org}/holds", viewers, showHolds},
		{"POST /o/{org}/holds/{id}/release", changers, sure(askRelease, decide("released", (*provisioning.Log).Release))},
		{"POST /o/{org}/holds/{id}/reject", changers, sure(askReject, decide("rejected", (*provisioning.Log).Reject))},
		{"GET /o/{org}/people", viewers, showPeople},
		{"GET /o/{org}/people/{id}", viewers, showPerson},
		{"GET /o/{org}/people/{id}/restore", changers, previewRestorePerson},
		{"POST /o/{org}/people/{id}/restore", changers, restorePerson},
		{"POST /o/{org}/people/{id}/erase", changers, sure(askErase, erasePerson)},
		{"GET /o/{org}/people/{id}/try", changers, showTrial(triedPerson)},
		{"POST /o/{org}/people/{id}/try", changers, try(triedPerson)},
		{"GET /o/{org}/transfer", viewers, showTransfer},
		{"GET /o/{org}/export/{what}", viewers, export},
		{"POST " + uploads, changers, upload},
		{"GET /o/{org}/imports/{id}", changers, showImport},
		{"GET /o/{org}/imports/{id}/live", changers, watchImport},
		{"POST /o/{org}/imports/{id}/check", changers, checkImport},
		{"POST /o/{org}/imports/{id}/apply", changers, applyImport},
		{"POST /o/{org}/imports/{id}/stop", changers, stopImport},
		{"POST /o/{org}/imports/{id}/remove", changers, sure(askRemoveImport, removeImport)},
		{"GET /o/{org}/groups", viewers, showGroups},
		{"POST /o/{org}/groups", changers, createGroups},
		{"GET /o/{org}/groups/{id}", viewers, showGroup},
		{"POST /o/{org}/groups/{id}", changers, sure(askRename, renameGroup)},
		{"GET /o/{org}/groups/{id}/delete", changers, askDelete},
		{"POST /o/{org}/groups/{id}/delete", changers, deleteGroup},
		{"GET /o/{org}/groups/{id}/restore", changers, previewRestoreGroup},
		{"POST /o/{org}/groups/{id}/restore", changers, restoreGroup},
		{"GET /o/{org}/groups/{id}/try", changers, showTrial(triedGroup)},
		{"POST /o/{org}/groups/{id}/try", changers, try(triedGroup)},
		{"GET /o/{org}/guides/{guide}", viewers, showGuide},
		{"GET /o/{org}/connections", viewers, showConnections},
		{"POST /o/{org}/connections", changers, createConnection},
		{"GET /o/{org}/connections/new", changers, showNewConnection},
		{"GET /o/{org}/connections/{id}", viewers, showConnection},
		{"GET /o/{org}/connections/{id}/values", viewers, showStep(2)},
		{"GET /o/{org}/connections/{id}/guide", viewers, showStep(3)},
		{"GET /o/{org}/connections/{id}/check", viewers, showStep(4)},
		{"GET /o/{org}/connections/{id}/live", viewers, watchChecks},
		{"POST /o/{org}/connections/{id}/token", changers, renewToken},
		{"POST /o/{org}/connections/{id}/secret", changers, sure(askSecret, rotateSecret)},
		{"POST /o/{org}/connections/{id}/state", changers, sure(askState, setClientState)},
		{"POST /o/{org}/connections/{id}/delete", changers, sure(askDeleteClient, deleteClient)},
		{"POST /o/{org}/connections/{id}/tokens/{token}/revoke", changers, sure(askRevoke, revokeToken)},
		{"POST /o/{org}/connections/{id}/links", changers, makeSetup},
		{"POST /o/{org}/connections/{id}/links/{link}/end", changers, sure(askEndSetup, endSetup)},
		{"GET /o/{org}/catalogue", viewers, showCatalogue},
		{"GET /o/{org}/catalogue/schemas", viewers, showSchemas},
		{"POST /o/{org}/catalogue/schemas", changers, createSchema},
		{"GET /o/{org}/catalogue/schemas/new", changers, showNewSchema},
		{"GET /o/{org}/catalogue/schemas/{id}", viewers, showSchema},
		{"POST /o/{org}/catalogue/schemas/{id}", changers, sure(askChangeSchema, changeSchema)},
		{"GET /o/{org}/catalogue/schemas/{id}/edit", changers, showEditSchema},
		{"GET /o/{org}/catalogue/schemas/{id}/document", viewers, sendSchema},
		{"POST /o/{org}/catalogue/schemas/{id}/delete", changers, sure(askDeleteSchema, deleteSchema)},
		{"GET /o/{org}/catalogue/{kind}", viewers, showCatalogue},
		{"POST /o/{org}/catalogue/{kind}", changers, createEntry},
		{"GET /o/{org}/catalogue/{kind}/{id}", viewers, showCatalogueEntry},
		{"POST /o/{org}/catalogue/{kind}/{id}", changers, sure(askRenameEntry, renameEntry)},
		{"POST /o/{org}/catalogue/{kind}/{id}/delete", changers, sure(askDeleteEntry, deleteEntry)},
		{"GET /o/{org}/settings", viewers, showSettings},
		{"POST /o/{org}/settings", changers, sure(askSettings, changeSettings)},
		{"GET /o/{org}/events", viewers, showStream},
		{"POST /o/{org}/events", changers, setStream},
		{"POST /o/{org}/events/status", changers, sure(askStatus, setStatus)},
		{"POST /o/{org}/events/requeue", changers, requeue},
		{"POST /o/{org}/events/remove", changers, sure(askRemoveStream, removeStream)},
		{"GET /o/{org}/issuers", viewers, showIssuers},
		{"POST /o/{org}/issuers", changers, addIssuer},
		{"POST /o/{org}/issuers/{id}/remove", changers, sure(askRemoveIssuer, removeIssuer)},
		{"GET /setup/{secret}", anybody, showSetup},
		{"POST /setup/{secret}", anybody, openSetup},
		{"GET /setup/values", anybody, outsideStep(2)},
		{"GET /setup/guide", anybody, outsideStep(3)},
		{"GET /setup/check", anybody, outsideStep(4)},
		{"GET /setup/live", anybody, outside(outsideLive)},
		{"POST /setup/token", anybody, outside(outsideToken)},
		{"GET /*", anybody, nowhere},
		{"POST /*", anybody, nowhere},
	}
}
