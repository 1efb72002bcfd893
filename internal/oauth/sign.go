package oauth

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"

	"github.com/golang-jwt/jwt/v5"
)

// AppendSigned appends a JWT of another type than that of access tokens to dst, signed with
// the key that signs those and published with the others. Its type, the `typ` of the
// header, keeps it from being taken for one of them. The claims are a JSON object, which
// may be large: they are copied once, into the token.
func (s *Service) AppendSigned(ctx context.Context, dst []byte, typ string, claims []byte) ([]byte, error) {
	keys, err := s.keys.signing(ctx)
	if err != nil {
		return dst, err
	}
	header, err := json.Marshal(map[string]string{"alg": jwt.SigningMethodEdDSA.Alg(), "kid": keys.signerID, "typ": typ})
	if err != nil {
		return dst, err
	}
	begin := len(dst)
	dst = append(base64.RawURLEncoding.AppendEncode(dst, header), '.')
	dst = base64.RawURLEncoding.AppendEncode(dst, claims)
	signature := ed25519.Sign(keys.signer, dst[begin:])
	return base64.RawURLEncoding.AppendEncode(append(dst, '.'), signature), nil
}
