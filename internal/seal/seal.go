// Package seal encrypts values before they are stored, with keys from outside the database,
// so that a dump alone reveals none of them (AES-256-GCM).
//
// Which values are sealed, and where they are kept, is left to the callers.
package seal

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"strings"
)

const (
	keySize = 32 // bytes: AES-256
	idSize  = 8  // bytes of the hash of a key that name it
	// magic begins an envelope, and nothing that is kept in the clear: neither DER,
	// nor the header of HTTP, nor, but for one in 2^80, random bytes. Its last byte
	// is the version.
	magic = "\x01pscim\x01\x02\x03\x01"
)

// Head is how many bytes of what is kept tell whether it is sealed, and with which key.
const Head = len(magic) + idSize

// The reasons for which an envelope cannot be opened.
var (
	ErrNoKey   = errors.New("it is sealed with a key that is not among those of PURESCIM_KEY_FILE")
	ErrChanged = errors.New("what is sealed was changed, or belongs to another place")
)

// Keys seal and open. Nil leaves everything in the clear.
type Keys struct {
	first [idSize]byte
	all   map[[idSize]byte]cipher.AEAD
}

// ReadFile reads keys: one a line, 32 bytes in base64, the first seals. Blank
// lines and those that begin with # say nothing.
func ReadFile(name string) (*Keys, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	k := &Keys{all: map[[idSize]byte]cipher.AEAD{}}
	for i, line := range strings.Split(string(text), "\n") {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		key, err := base64.StdEncoding.DecodeString(line)
		if err != nil || len(key) != keySize {
			return nil, fmt.Errorf("%s: line %d is not a key, which is 32 bytes in base64", name, i+1)
		}
		if err := k.add(key); err != nil {
			return nil, err
		}
	}
	if len(k.all) == 0 {
		return nil, fmt.Errorf("%s holds no key; 'openssl rand -base64 32' makes one", name)
	}
	return k, nil
}

func (k *Keys) add(key []byte) error {
	block, err := aes.NewCipher(key)
	if err != nil {
		return err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(append([]byte("purescim key id"), key...))
	id := [idSize]byte(sum[:])
	if len(k.all) == 0 {
		k.first = id
	}
	k.all[id] = aead
	return nil
}

// Seal gives the envelope of a value, which opens for the same place alone: the
// table, row and column. Nil keys, and an empty value, leave it as it is.
func (k *Keys) Seal(place string, value []byte) []byte {
	if k == nil || len(value) == 0 {
		return value
	}
	envelope := append([]byte(magic), k.first[:]...)
	// The nonce is 96 random bits, made by GCM and put in front.
	return k.all[k.first].Seal(envelope, nil, value, []byte(magic+place)) //nolint:gosec // the nonce is not here
}

// Open gives the value of an envelope, or what is in the clear. Errors are
// ErrNoKey and ErrChanged.
func (k *Keys) Open(place string, kept []byte) ([]byte, error) {
	if !Sealed(kept) {
		return kept, nil
	}
	rest := kept[len(magic):]
	if k == nil || len(rest) < idSize {
		return nil, ErrNoKey
	}
	aead, ok := k.all[[idSize]byte(rest)]
	if !ok {
		return nil, ErrNoKey
	}
	value, err := aead.Open(nil, nil, rest[idSize:], []byte(magic+place))
	if err != nil {
		return nil, ErrChanged
	}
	return value, nil
}

// Sealed reports whether what is kept is an envelope.
func Sealed(kept []byte) bool { return bytes.HasPrefix(kept, []byte(magic)) }

// Current reports whether what is kept need not be sealed again. Its Head is enough.
func (k *Keys) Current(kept []byte) bool {
	if k == nil || len(kept) == 0 {
		return !Sealed(kept)
	}
	return bytes.HasPrefix(kept, append([]byte(magic), k.first[:]...))
}

// Rand makes a key as it stands in a file.
func Rand() string {
	var key [keySize]byte
	_, _ = rand.Read(key[:]) // never fails, as crypto/rand documents
	return base64.StdEncoding.EncodeToString(key[:])
}
