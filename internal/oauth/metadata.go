package oauth

import (
	"encoding/base64"
	"net/http"
)

// The paths of the endpoints. The well-known ones are those of RFC 8414 and
// RFC 9728 for an issuer and a resource without a path.
const (
	TokenPath            = "/oauth/token"
	RevokePath           = "/oauth/revoke"
	IntrospectPath       = "/oauth/introspect"
	KeysPath             = "/.well-known/jwks.json"
	MetadataPath         = "/.well-known/oauth-authorization-server"
	ResourceMetadataPath = "/.well-known/oauth-protected-resource"
)

// authenticationMethods are the ways in which clients may authenticate.
var authenticationMethods = []string{"client_secret_basic", "client_secret_post", "private_key_jwt"}

// serverMetadata is that of RFC 8414 section 2. There are no response types,
// since there is no authorization endpoint; an empty list is left out.
type serverMetadata struct {
	Issuer                string   `json:"issuer"`
	TokenEndpoint         string   `json:"token_endpoint"`
	TokenMethods          []string `json:"token_endpoint_auth_methods_supported"`
	TokenAlgorithms       []string `json:"token_endpoint_auth_signing_alg_values_supported"`
	GrantTypes            []string `json:"grant_types_supported"`
	Keys                  string   `json:"jwks_uri"`
	RevocationEndpoint    string   `json:"revocation_endpoint"`
	RevocationMethods     []string `json:"revocation_endpoint_auth_methods_supported"`
	RevocationAlgorithms  []string `json:"revocation_endpoint_auth_signing_alg_values_supported"`
	IntrospectionEndpoint string   `json:"introspection_endpoint"`
	IntrospectionMethods  []string `json:"introspection_endpoint_auth_methods_supported"`
	IntrospectAlgorithms  []string `json:"introspection_endpoint_auth_signing_alg_values_supported"`
}

// Metadata answers GET /.well-known/oauth-authorization-server. The issuer is
// the URL that the server is reached under. It is not the `iss` of the tokens,
// which is a name: tokens are for this server alone and opaque to all others
// (RFC 6749 section 1.4), and a change of the URL must end none of them.
func (e Endpoints) Metadata(w http.ResponseWriter, r *http.Request) error {
	base := e.BaseURL(r)
	return answer(w, serverMetadata{
		Issuer:                base,
		TokenEndpoint:         base + TokenPath,
		TokenMethods:          authenticationMethods,
		TokenAlgorithms:       foreignAlgorithms,
		GrantTypes:            []string{"client_credentials"},
		Keys:                  base + KeysPath,
		RevocationEndpoint:    base + RevokePath,
		RevocationMethods:     authenticationMethods,
		RevocationAlgorithms:  foreignAlgorithms,
		IntrospectionEndpoint: base + IntrospectPath,
		IntrospectionMethods:  authenticationMethods,
		IntrospectAlgorithms:  foreignAlgorithms,
	}, nil)
}

// resourceMetadata is that of RFC 9728 section 2.
type resourceMetadata struct {
	Resource             string   `json:"resource"`
	AuthorizationServers []string `json:"authorization_servers"`
	BearerMethods        []string `json:"bearer_methods_supported"`
	Name                 string   `json:"resource_name"`
}

// ResourceMetadata answers GET /.well-known/oauth-protected-resource.
func (e Endpoints) ResourceMetadata(w http.ResponseWriter, r *http.Request) error {
	base := e.BaseURL(r)
	return answer(w, resourceMetadata{
		Resource: base, AuthorizationServers: []string{base}, BearerMethods: []string{"header"}, Name: "purescim",
	}, nil)
}

// webKey is an Ed25519 key of RFC 8037.
type webKey struct {
	Type      string `json:"kty"`
	Curve     string `json:"crv"`
	X         string `json:"x"`
	ID        string `json:"kid"`
	Algorithm string `json:"alg"`
	Use       string `json:"use"`
}

// Keys answers GET /.well-known/jwks.json: the keys that verify tokens, the
// retired ones among them (RFC 7517).
func (e Endpoints) Keys(w http.ResponseWriter, r *http.Request) error {
	set, err := e.Service.keys.fresh(r.Context())
	if err != nil {
		return err
	}
	keys := make([]webKey, len(set.public))
	for i, k := range set.public {
		keys[i] = webKey{"OKP", "Ed25519", base64.RawURLEncoding.EncodeToString(k.key), k.id, "EdDSA", "sig"}
	}
	return answer(w, map[string][]webKey{"keys": keys}, nil)
}
