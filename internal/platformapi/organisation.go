package platformapi

import "net/http"

// organisationAnswer is the platform's Organization.
type organisationAnswer struct {
	ID                 string `json:"id"`
	Name               string `json:"name"`
	DefaultCountryCode string `json:"defaultCountryCode"`
	State              string `json:"state"`
	Version            int    `json:"version"`
	SelfURI            string `json:"selfUri"`
}

// myOrganisation answers with the organisation that the client acts for.
func myOrganisation(w http.ResponseWriter, r *http.Request) error {
	o := organisation(r)
	return write(w, organisationAnswer{
		ID: o.ID.String(), Name: o.Name, DefaultCountryCode: o.Settings.DefaultRegion,
		State: "active", Version: 1, SelfURI: organisationPath,
	})
}
