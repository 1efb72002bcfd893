package directory

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"runtime"
	"strings"

	"golang.org/x/crypto/argon2"

	"github.com/purescim/purescim/internal/fairshare"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// The argon2id parameters that OWASP recommends: 19 MiB, two passes, one lane.
const (
	argonMemory  = 19 * 1024 // KiB
	argonPasses  = 2
	argonLanes   = 1
	argonKey     = 32
	argonSalt    = 16
	maxPassword  = 1024 // bytes: hashing cost grows with the length
	argonVersion = argon2.Version
)

// newHashing bounds the memory that hashes take at once, and the processors. Organisations
// take turns: one that sets many passwords holds up its own.
func newHashing() *fairshare.Gate[org.ID] {
	slots := runtime.GOMAXPROCS(0)
	return fairshare.New[org.ID](fairshare.Options{Slots: slots, Share: slots, Queue: computingWaiting, MaxWait: longestWait})
}

// hasher hashes a password that replaces the one of a hash.
type hasher func(old, password string) (string, error)

// hash is newPasswordHash in turn, for as long as somebody waits for it.
func (d *Directory) hash(ctx context.Context, o org.ID) hasher {
	return func(old, password string) (string, error) {
		if password == "" {
			return "", nil
		}
		if err := d.hashing.Enter(ctx, o); err != nil {
			return "", Refused(err, "the hashing of passwords", longestWait)
		}
		defer d.hashing.Leave(o)
		return newPasswordHash(old, password)
	}
}

// newPasswordHash hashes a password that was sent. It returns "" when none was
// sent, or when it is the one that old is the hash of: that is no change.
func newPasswordHash(old, password string) (string, error) {
	if password == "" {
		return "", nil
	}
	if len(password) > maxPassword {
		return "", scim.InvalidValue("%s is longer than the %d bytes allowed", schema.Password, maxPassword)
	}
	if CheckPassword(old, password) {
		return "", nil
	}
	salt := make([]byte, argonSalt)
	_, _ = rand.Read(salt) // never fails, as crypto/rand documents
	key := argon2.IDKey([]byte(password), salt, argonPasses, argonMemory, argonLanes, argonKey)
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argonVersion, argonMemory, argonPasses, argonLanes,
		base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(key)), nil
}

// CheckPassword reports whether hash, in the PHC string format, is of password.
func CheckPassword(hash, password string) bool {
	parts := strings.Split(hash, "$")
	if len(parts) != 6 || parts[1] != "argon2id" {
		return false
	}
	var memory, passes uint32
	var lanes uint8
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &memory, &passes, &lanes); err != nil {
		return false
	}
	salt, err := base64.RawStdEncoding.DecodeString(parts[4])
	if err != nil {
		return false
	}
	want, err := base64.RawStdEncoding.DecodeString(parts[5])
	if err != nil || len(want) == 0 {
		return false
	}
	got := argon2.IDKey([]byte(password), salt, passes, memory, lanes, uint32(len(want)))
	return subtle.ConstantTimeCompare(got, want) == 1
}
