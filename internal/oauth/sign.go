package oauth

import (
	"context"
	"fmt"

	"github.com/golang-jwt/jwt/v5"
)

// Sign makes a JWT of another type than that of access tokens, signed with the
// key that signs those and published with the others. Its type, the `typ` of the
// header, keeps it from being taken for one of them.
func (s *Service) Sign(ctx context.Context, typ string, claims map[string]any) (string, error) {
	keys, err := s.keys.signing(ctx)
	if err != nil {
		return "", err
	}
	unsigned := jwt.NewWithClaims(jwt.SigningMethodEdDSA, jwt.MapClaims(claims))
	unsigned.Header["kid"], unsigned.Header["typ"] = keys.signerID, typ
	token, err := unsigned.SignedString(keys.signer)
	if err != nil {
		return "", fmt.Errorf("sign %s: %w", typ, err)
	}
	return token, nil
}
