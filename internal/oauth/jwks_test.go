package oauth

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/lestrrat-go/jwx/v3/jwk"
)

// webKeyOf is a key as JSON with other members.
func webKeyOf(t testing.TB, key any, members map[string]any) map[string]any {
	t.Helper()
	made, err := jwk.Import(key)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(made)
	if err != nil {
		t.Fatal(err)
	}
	var object map[string]any
	if err := json.Unmarshal(text, &object); err != nil {
		t.Fatal(err)
	}
	maps.Copy(object, members)
	return object
}

func setOf(t testing.TB, keys ...map[string]any) []byte {
	t.Helper()
	text, err := json.Marshal(map[string]any{"keys": keys})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func made[K any](key K, err error) K {
	if err != nil {
		panic(err)
	}
	return key
}

func TestVerifiers(t *testing.T) {
	t.Parallel()
	strong := made(rsa.GenerateKey(rand.Reader, 2048))
	p256, p384 := made(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)), made(ecdsa.GenerateKey(elliptic.P384(), rand.Reader))
	p521 := made(ecdsa.GenerateKey(elliptic.P521(), rand.Reader))
	ed, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	exchange := made(p256.ECDH()).PublicKey()
	broken := webKeyOf(t, p256.Public(), nil)
	broken["x"] = broken["y"] // no point of the curve
	short := make([]byte, 128)
	short[0], short[127] = 0x80, 1
	weak := map[string]any{"kty": "RSA", "e": "AQAB", "n": base64.RawURLEncoding.EncodeToString(short)}
	long := make([]byte, 2048)
	long[0], long[2047] = 0x80, 1
	heavy := map[string]any{"kty": "RSA", "e": "AQAB", "n": base64.RawURLEncoding.EncodeToString(long)}
	renamed := func(name, other string) map[string]any {
		key := webKeyOf(t, strong.Public(), map[string]any{"use": "sig"})
		key[other] = key[name]
		delete(key, name)
		return key
	}
	for name, test := range map[string]struct {
		key  map[string]any
		want []string
	}{
		"RSA, KTY":                  {renamed("kty", "KTY"), nil},
		"RSA, N":                    {renamed("n", "N"), nil},
		"RSA, u\u017fe":             {webKeyOf(t, strong.Public(), map[string]any{"u\u017fe": "enc", "ALG": "PS256"}), rsaAlgorithms},
		"RSA":                       {webKeyOf(t, strong.Public(), nil), rsaAlgorithms},
		"RSA for one algorithm":     {webKeyOf(t, strong.Public(), map[string]any{"alg": "PS256"}), []string{"PS256"}},
		"RSA for a wrong algorithm": {webKeyOf(t, strong.Public(), map[string]any{"alg": "ES256"}), nil},
		"RSA for HMAC":              {webKeyOf(t, strong.Public(), map[string]any{"alg": "HS256"}), nil},
		"RSA for signatures":        {webKeyOf(t, strong.Public(), map[string]any{"use": "sig", "key_ops": []string{"verify"}}), rsaAlgorithms},
		"RSA for encryption":        {webKeyOf(t, strong.Public(), map[string]any{"use": "enc"}), nil},
		"RSA to wrap keys":          {webKeyOf(t, strong.Public(), map[string]any{"key_ops": []string{"wrapKey"}}), nil},
		"RSA private":               {webKeyOf(t, strong, nil), nil},
		"RSA weak":                  {weak, nil},
		"RSA of 16,384 bits":        {heavy, nil},
		"P-256":                     {webKeyOf(t, p256.Public(), nil), []string{"ES256"}},
		"P-384":                     {webKeyOf(t, p384.Public(), nil), []string{"ES384"}},
		"P-384 for P-256":           {webKeyOf(t, p384.Public(), map[string]any{"alg": "ES256"}), nil},
		"P-521":                     {webKeyOf(t, p521.Public(), nil), nil},
		"P-256 off the curve":       {broken, nil},
		"Ed25519":                   {webKeyOf(t, ed, nil), []string{"EdDSA"}},
		"Ed25519 by its new name":   {webKeyOf(t, ed, map[string]any{"alg": "Ed25519"}), []string{"EdDSA"}},
		"Ed25519 private":           {webKeyOf(t, private, nil), nil},
		"secret":                    {webKeyOf(t, []byte("a secret of many bytes that nobody knows"), nil), nil},
		"ECDH":                      {webKeyOf(t, exchange, map[string]any{"use": "enc"}), nil},
		"of a type to come":         {map[string]any{"kty": "AKP", "alg": "ML-DSA-44", "pub": "AAAA"}, nil},
		"without a type":            {map[string]any{"n": "AQAB"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// Beside another key, which it must not disturb.
			set, err := parseKeySet(setOf(t, test.key, webKeyOf(t, ed, map[string]any{"kid": "other"})))
			if err != nil {
				t.Fatal(err)
			}
			keys := verifiers(set)
			if !keys.has("other") {
				t.Fatal("the other key is lost")
			}
			keys = slices.DeleteFunc(keys, func(k foreignKey) bool { return k.id == "other" })
			var got []string
			if len(keys) > 0 {
				got = keys[0].algorithms
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("algorithms (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseKeySet_Refuses(t *testing.T) {
	t.Parallel()
	ed, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{
		"nothing":       nil,
		"no JSON":       []byte("<html>"),
		"a list":        []byte("[]"),
		"another thing": []byte(`{"issuer": "x"}`),
		"no list":       []byte(`{"keys": {}}`),
		"other case":    []byte(`{"KEYS": []}`),
		"twice":         []byte(`{"keys": [], "keys": []}`),
		"inside twice":  []byte(`{"keys": [{"kty": "OKP", "kty": "RSA"}]}`),
		"too many":      setOf(t, slices.Repeat([]map[string]any{webKeyOf(t, ed, nil)}, maxForeignKeys+1)...),
	} {
		if set, err := parseKeySet(text); err == nil {
			t.Errorf("%s is read, as %d keys", name, len(set))
		}
	}
}

func TestForeignKeys_Fitting(t *testing.T) {
	t.Parallel()
	keys := foreignKeys{
		{id: "a", algorithms: rsaAlgorithms, public: "rsa"},
		{id: "a", algorithms: p256Algorithms, public: "ec"},
		{id: "b", algorithms: p256Algorithms, public: "other ec"},
		{id: "", algorithms: ed25519Algorithms, public: "ed"},
	}
	for _, test := range []struct {
		id, algorithm string
		want          []string
	}{
		{"a", "RS256", []string{"rsa"}},
		{"a", "ES256", []string{"ec"}},
		{"b", "RS256", nil},
		{"c", "RS256", nil},
		{"a", "HS256", nil},
		{"a", "none", nil},
		{"", "ES256", []string{"ec", "other ec"}},
		{"", "EdDSA", []string{"ed"}},
	} {
		var got []string
		for _, key := range keys.fitting(test.id, test.algorithm) {
			got = append(got, key.(string))
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("kid %q, %s (-want +got):\n%s", test.id, test.algorithm, diff)
		}
	}
}

func FuzzParseKeySet(f *testing.F) {
	ed, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	p256 := made(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	f.Add(setOf(f, webKeyOf(f, ed, map[string]any{"kid": "a", "use": "sig"}), webKeyOf(f, p256.Public(), map[string]any{"alg": "ES256"})))
	f.Add(setOf(f, webKeyOf(f, private, nil), webKeyOf(f, []byte("secret"), nil)))
	f.Add([]byte(`{"keys": [{"kty": "RSA", "n": "AQAB", "e": "AQAB", "key_ops": ["verify"], "x5c": ["AA=="]}]}`))
	f.Add([]byte(`{"keys": [null, 1, {}]}`))
	f.Add([]byte(`{"Keys": [], "keys": [{"KTY": "OKP", "kty": "OKP", "crv": "Ed25519", "x": "", "X": ""}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		set, err := parseKeySet(text)
		if err != nil {
			return
		}
		for _, key := range verifiers(set) {
			if len(key.algorithms) == 0 {
				t.Errorf("a key without an algorithm: %+v", key)
			}
			for _, name := range key.algorithms {
				if !slices.Contains(foreignAlgorithms, name) {
					t.Errorf("a key for %s", name)
				}
			}
			switch key.public.(type) {
			case *rsa.PublicKey, *ecdsa.PublicKey, ed25519.PublicKey:
			default:
				t.Errorf("a key that is a %T", key.public)
			}
			if _, ok := key.public.(crypto.Signer); ok {
				t.Error("a private key")
			}
		}
	})
}
