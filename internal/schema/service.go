package schema

import (
	"time"

	"github.com/purescim/purescim/internal/scim"
)

// Service is what the server offers of the protocol's options.
type Service struct {
	DocumentationURI string // absolute; may be empty
	Patch            bool
	// MaxBulkOperations and MaxBulkPayload (bytes) limit one bulk request; bulk
	// is off when they are 0.
	MaxBulkOperations, MaxBulkPayload int
	// MaxResults is the greatest page; filters are off when it is 0. DefaultResults
	// is the size of a page when the client names none.
	MaxResults, DefaultResults int
	// CursorTimeout is how long a cursor is good at least; pages are asked for by
	// index alone when it is 0.
	CursorTimeout         time.Duration
	ChangePassword        bool
	Sort                  bool
	ETag                  bool
	AuthenticationSchemes []AuthenticationScheme
	// Pagination and Roles tell whether it is said how lists are paged (RFC 9865) and
	// that /Roles lists those that users may have. RFC 7643 knows neither, and some
	// clients stop at what they do not know.
	Pagination, Roles bool
	// EventURIs are the security events that the organisation's stream tells of; empty
	// means that there is none.
	EventURIs []string
}

// Plain is the service as RFC 7643 section 5 has it, without what other documents add.
func (s Service) Plain() Service {
	s.Pagination, s.Roles, s.EventURIs = false, false, nil
	return s
}

// hides reports whether an attribute of ServiceProviderConfig is not in Describe's.
func (s Service) hides(attribute string) bool {
	switch attribute {
	case "pagination":
		return !s.Pagination
	case "RolesAndEntitlements":
		return !s.Roles
	case "securityEvents":
		return len(s.EventURIs) == 0
	default:
		return false
	}
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
	MaxResults: 1000, DefaultResults: 25, CursorTimeout: time.Hour,
	ChangePassword: true, Sort: true, ETag: true,
	AuthenticationSchemes: []AuthenticationScheme{BearerToken, ClientCredentials},
	Pagination:            true,
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
	Pagination            *PaginationFeature     `json:"pagination,omitempty"`
	AuthenticationSchemes []AuthenticationScheme `json:"authenticationSchemes"`
	RolesAndEntitlements  *RolesAndEntitlements  `json:"RolesAndEntitlements,omitempty"`
	SecurityEvents        *SecurityEvents        `json:"securityEvents,omitempty"`
	Meta                  MetaDocument           `json:"meta"`
}

// SecurityEvents are those that may be told (RFC 9967 section 4).
type SecurityEvents struct {
	AsyncRequest string   `json:"asyncRequest"` // which requests are answered by an event
	EventURIs    []string `json:"eventUris"`
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

// PaginationFeature are the ways to page, with their limits (RFC 9865 section 4).
type PaginationFeature struct {
	Cursor                  bool   `json:"cursor"`
	Index                   bool   `json:"index"`
	DefaultPaginationMethod string `json:"defaultPaginationMethod"`
	DefaultPageSize         int    `json:"defaultPageSize"`
	MaxPageSize             int    `json:"maxPageSize"`
	CursorTimeout           int    `json:"cursorTimeout"` // seconds
}

// RolesAndEntitlements tells what can be listed that the roles and entitlements of
// users may be (draft-ietf-scim-roles-entitlements-01 section 3.1).
type RolesAndEntitlements struct {
	Roles        RolesFeature `json:"roles"`
	Entitlements Feature      `json:"entitlements"`
}

// RolesFeature is the list of roles, and what the roles of a user may be.
type RolesFeature struct {
	Feature
	Multiple bool `json:"multipleRolesSupported"`
	Primary  bool `json:"primarySupported"`
	Type     bool `json:"typeSupported"`
}

// Describe gives the resource of /ServiceProviderConfig. mount is the absolute
// URL of the SCIM root.
func (s Service) Describe(mount string) ServiceProviderConfig {
	c := ServiceProviderConfig{
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
	if s.Pagination {
		c.Pagination = &PaginationFeature{
			Cursor: s.CursorTimeout > 0, Index: true, DefaultPaginationMethod: "index",
			DefaultPageSize: s.DefaultResults, MaxPageSize: s.MaxResults, CursorTimeout: int(s.CursorTimeout.Seconds()),
		}
	}
	if s.Roles {
		c.RolesAndEntitlements = &RolesAndEntitlements{
			Roles: RolesFeature{Feature{true}, Roles.MultiValued, Roles.SubAttribute("primary") != nil, Roles.SubAttribute("type") != nil},
		}
	}
	if len(s.EventURIs) > 0 {
		c.SecurityEvents = &SecurityEvents{AsyncRequest: "request", EventURIs: s.EventURIs} // Bulk is answered later where a client asks for it
	}
	return c
}
