package console

import "github.com/purescim/purescim/internal/provisioning"

// piece is a part of a text; one with a link leads to a page.
type piece struct{ Text, Link string }

// actionPages are the pages where people do what advice names.
var actionPages = map[provisioning.Action]struct{ path, name string }{
	provisioning.ReleaseHold:         {"/holds", "What is held"},
	provisioning.CreateGroup:         {"/groups", "Groups"},
	provisioning.AllowGroupLifecycle: {"/settings", "Settings"},
	provisioning.CreateRole:          {"/catalogue/roles", "Catalogue"},
	provisioning.CreateDivision:      {"/catalogue/divisions", "Catalogue"},
	provisioning.CreateSkill:         {"/catalogue/skills", "Catalogue"},
	provisioning.CreateLanguage:      {"/catalogue/languages", "Catalogue"},
	provisioning.SetRegion:           {"/settings", "Settings"},
	provisioning.SetRemovalLimit:     {"/settings", "Settings"},
	provisioning.CreateClient:        {"/connections/new", "Connections"},
	provisioning.AddSchema:           {"/catalogue/schemas", "Catalogue"},
	provisioning.LeaveStrictMode:     {"/settings", "Settings"},
}

// advice is what to do about a refusal, with a page of the console for each action. To
// somebody without an account the page is named, but there is no link to it.
func (v *visit) advice(e provisioning.Entry) (pieces []piece) {
	advice, _ := e.Advice()
	for _, part := range advice.Parts {
		if part.Action == "" {
			pieces = append(pieces, piece{Text: part.Text})
			continue
		}
		page := actionPages[part.Action]
		place := piece{Text: page.name}
		if !v.isOutside() {
			place.Link = v.home(page.path)
		}
		pieces = append(pieces, piece{Text: "under "}, place)
	}
	return pieces
}
