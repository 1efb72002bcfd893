package oauth

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/golang-jwt/jwt/v5"
)

// registeredClaims are those of RFC 7519 section 4.1, by their exact names.
type registeredClaims struct{ jwt.RegisteredClaims }

// UnmarshalJSON implements json.Unmarshaler.
func (c *registeredClaims) UnmarshalJSON(text []byte) error {
	return json.Unmarshal(text, &c.RegisteredClaims)
}

// claims are what a token of ours says.
type claims struct {
	jwt.RegisteredClaims
	Org string `json:"org"`
}

// UnmarshalJSON implements json.Unmarshaler. Names count in their exact spelling.
func (c *claims) UnmarshalJSON(text []byte) error {
	type plain claims
	return json.Unmarshal(text, (*plain)(c))
}

// issued is the `iat`, which no token of ours lacks.
func (c *claims) issued() time.Time {
	if c.IssuedAt == nil {
		return time.Time{}
	}
	return c.IssuedAt.UTC()
}

// errNames says that two readers could understand a token in two ways.
var errNames = errors.New("its header or its claims are not UTF-8 or name a key twice")

// checkNames returns an error that wraps errNames when the header or the claims of
// a JWT, which package jwt could read, name a key twice (RFC 7515 section 4, RFC 7519
// section 4) or hold what is not UTF-8: package jwt takes the last of the keys and
// replaces the rest.
func checkNames(token string) error {
	for _, part := range strings.SplitN(token, ".", 3)[:2] {
		text, err := base64.RawURLEncoding.DecodeString(part)
		if err == nil && !jsontext.Value(text).IsValid() {
			err = errNames
		}
		if err != nil {
			return fmt.Errorf("check the names of a token: %w", err)
		}
	}
	return nil
}
