package platformapi

import (
	"net/http"
	"slices"
	"strings"

	"github.com/purescim/purescim/internal/oauth"
)

const (
	permissionsPath = "/api/v2/authorization/permissions"
	productsPath    = "/api/v2/authorization/products"
)

// permissionAnswer is the platform's DomainPermission.
type permissionAnswer struct {
	Domain           string `json:"domain"`
	EntityType       string `json:"entityType"`
	Action           string `json:"action"`
	Label            string `json:"label"`
	AllowsConditions bool   `json:"allowsConditions"`
	DivisionAware    bool   `json:"divisionAware"`
}

// domainAnswer is the platform's DomainPermissionCollection.
type domainAnswer struct {
	ID            string                        `json:"id"`
	Name          string                        `json:"name"`
	Domain        string                        `json:"domain"`
	PermissionMap map[string][]permissionAnswer `json:"permissionMap"`
	SelfURI       string                        `json:"selfUri"`
}

// listPermissions answers with the permissions that a role may name, by domain; the total
// is that of the domains. No permission is limited by a condition or a division here.
func listPermissions(w http.ResponseWriter, r *http.Request) error {
	q, err := readQuery(r)
	if err != nil {
		return err
	}
	page := q.page(r)
	byPermission := q.word("queryType", "domain", "domain", "permission") == "permission"
	wanted := q.list("query")
	if q.err != nil {
		return q.err
	}
	domains := make([]domainAnswer, 0, page.size)
	for _, d := range oauth.Domains() {
		switch {
		case byPermission && wanted != nil:
			if answer := answerDomain(d, wanted); len(answer.PermissionMap) > 0 {
				domains = append(domains, answer)
			}
		case wanted == nil || slices.Contains(wanted, d.Name):
			domains = append(domains, answerDomain(d, nil))
		}
	}
	return writeListing(w, page, len(domains), slicePage(page, domains))
}

// answerDomain gives a domain with those of its permissions that are wanted, nil for all.
func answerDomain(d oauth.Domain, wanted []string) domainAnswer {
	answer := domainAnswer{ID: d.Name, Name: d.Name, Domain: d.Name, PermissionMap: make(map[string][]permissionAnswer, len(d.Entities)), SelfURI: permissionsPath + "?queryType=domain&query=" + d.Name}
	for _, e := range d.Entities {
		for _, action := range e.Actions {
			if wanted == nil || slices.Contains(wanted, strings.Join([]string{d.Name, e.Name, action}, ":")) {
				answer.PermissionMap[e.Name] = append(answer.PermissionMap[e.Name], permissionAnswer{
					Domain: d.Name, EntityType: e.Name, Action: action, Label: e.Name + " " + action,
				})
			}
		}
	}
	return answer
}

// slicePage is the part of a whole list that is on a page.
func slicePage[T any](p page, all []T) []T {
	from := min(p.offset(), len(all))
	return all[from:min(from+p.size, len(all))]
}

// productAnswer is the platform's DomainOrganizationProduct.
type productAnswer struct {
	ID string `json:"id"`
}

// products are those of the platform that an organisation has here: its directory.
var products = []productAnswer{{"collaborateFree"}}

func listProducts(w http.ResponseWriter, r *http.Request) error {
	page, err := readPage(r)
	if err != nil {
		return err
	}
	return writeListing(w, page, len(products), slicePage(page, products))
}
