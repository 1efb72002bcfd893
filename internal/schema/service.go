package schema

import "github.com/purescim/purescim/internal/scim"

// Service is what the server offers of the protocol's options.
type Service struct {
	DocumentationURI string // absolute; may be empty
	Patch            bool
	// MaxBulkOperations and MaxBulkPayload (bytes) limit one bulk request; bulk
	// is off when they are 0.
	MaxBulkOperations, MaxBulkPayload int
	// MaxResults is the greatest page; filters are off when it is 0.
	MaxResults            int
	ChangePassword        bool
	Sort                  bool
	ETag                  bool
	AuthenticationSchemes []AuthenticationScheme
}

// AuthenticationScheme is a way to authenticate (RFC 7643 section 5).
type AuthenticationScheme struct {
	Type             string `json:"type"`
	Name             string `json:"name"`
	Description      string `json:"description"`
	SpecURI          string `json:"specUri,omitempty"`
	DocumentationURI string `json:"documentationUri,omitempty"`
	Primary          bool   `json:"primary,omitempty"`
}

// BearerToken and ClientCredentials are the schemes that the server knows.
var (
	BearerToken = AuthenticationScheme{
		Type: "oauthbearertoken", Name: "OAuth Bearer Token",
		Description: "An access token in the Authorization header of each request.",
		SpecURI:     "https://www.rfc-editor.org/info/rfc6750", Primary: true,
	}
	ClientCredentials = AuthenticationScheme{
		Type: "oauth2", Name: "OAuth 2.0 Client Credentials",
		Description: "The access token comes from the token endpoint, for the id and secret of an OAuth client.",
		SpecURI:     "https://www.rfc-editor.org/info/rfc6749",
	}
)

// DefaultService is what the server offers unless it is configured otherwise.
var DefaultService = Service{
	Patch: true, MaxBulkOperations: 1000, MaxBulkPayload: 8 << 20,
	MaxResults: 1000, ChangePassword: true, ETag: true,
	AuthenticationSchemes: []AuthenticationScheme{BearerToken, ClientCredentials},
}

// ServiceProviderConfig is the resource of /ServiceProviderConfig (RFC 7643
// section 5). What is off still gives its numbers, as 0.
type ServiceProviderConfig struct {
	Schemas               []string               `json:"schemas"`
	DocumentationURI      string                 `json:"documentationUri,omitempty"`
	Patch                 Feature                `json:"patch"`
	Bulk                  BulkFeature            `json:"bulk"`
	Filter                FilterFeature          `json:"filter"`
	ChangePassword        Feature                `json:"changePassword"`
	Sort                  Feature                `json:"sort"`
	ETag                  Feature                `json:"etag"`
	AuthenticationSchemes []AuthenticationScheme `json:"authenticationSchemes"`
	Meta                  MetaDocument           `json:"meta"`
}

// Feature is an option without limits.
type Feature struct {
	Supported bool `json:"supported"`
}

// BulkFeature is the option bulk with its limits.
type BulkFeature struct {
	Supported      bool `json:"supported"`
	MaxOperations  int  `json:"maxOperations"`
	MaxPayloadSize int  `json:"maxPayloadSize"`
}

// FilterFeature is the option filter with its limit.
type FilterFeature struct {
	Supported  bool `json:"supported"`
	MaxResults int  `json:"maxResults"`
}

// Describe gives the resource of /ServiceProviderConfig. mount is the absolute
// URL of the SCIM root.
func (s Service) Describe(mount string) ServiceProviderConfig {
	return ServiceProviderConfig{
		Schemas:               []string{scim.ServiceProviderConfigURN},
		DocumentationURI:      s.DocumentationURI,
		Patch:                 Feature{s.Patch},
		Bulk:                  BulkFeature{s.MaxBulkOperations > 0, s.MaxBulkOperations, s.MaxBulkPayload},
		Filter:                FilterFeature{s.MaxResults > 0, s.MaxResults},
		ChangePassword:        Feature{s.ChangePassword},
		Sort:                  Feature{s.Sort},
		ETag:                  Feature{s.ETag},
		AuthenticationSchemes: append([]AuthenticationScheme{}, s.AuthenticationSchemes...),
		Meta:                  MetaDocument{"ServiceProviderConfig", mount + ServiceProviderConfigEndpoint},
	}
}
