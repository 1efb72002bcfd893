package accounts

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"golang.org/x/crypto/argon2"

	"github.com/purescim/purescim/internal/fairshare"
	"github.com/purescim/purescim/internal/guesses"
	"github.com/purescim/purescim/internal/scim"
)

// What hashing a password costs (argon2id, RFC 9106): some 50 ms of one core.
const (
	passwordMemory = 19 << 10 // KiB
	passwordPasses = 2
	passwordLanes  = 1
	passwordSalt   = 16 // bytes
	passwordKey    = 32 // bytes
)

// Passwords are hashed on half of the cores, one for each source at a time: simultaneous
// guesses count like consecutive ones, and a source that sends many delays only itself.
const (
	hashQueue = 10 // of a source wait at most
	hashWait  = 10 * time.Second
)

// enter waits for a place to hash in, which leave gives back.
func (s *Service) enter(ctx context.Context, source string) (leave func(), err error) {
	switch err := s.hashing.Enter(ctx, source); {
	case errors.Is(err, fairshare.ErrFull), errors.Is(err, fairshare.ErrWaited):
		return nil, scim.TooManyRequests("too many passwords are checked at the moment; wait some seconds, and try again then").Because(err)
	case err != nil:
		return nil, fmt.Errorf("hash password: %w", err)
	}
	return func() { s.hashing.Leave(source) }, nil
}

const (
	minPassword = 12   // characters
	maxPassword = 1000 // bytes
)

// checkPassword refuses a password that is easily guessed.
func checkPassword(login, password string) error {
	name, _, _ := strings.Cut(strings.ToLower(login), "@")
	switch {
	case utf8.RuneCountInString(password) < minPassword:
		return scim.InvalidValue("the password is too short: at least %d characters are needed; a few words do well", minPassword)
	case len(password) > maxPassword:
		return scim.InvalidValue("the password is too long: at most %d bytes are allowed", maxPassword)
	case name != "" && len(name) > 3 && strings.Contains(strings.ToLower(password), name):
		return scim.InvalidValue("the password holds the name of your e-mail address; choose one that does not")
	default:
		return nil
	}
}

// hashPassword gives the hash with its salt and costs, in the usual spelling.
func (s *Service) hashPassword(ctx context.Context, password string, from From) (string, error) {
	leave, err := s.enter(ctx, guesses.SourceOf(from.Address))
	if err != nil {
		return "", err
	}
	defer leave()
	salt := make([]byte, passwordSalt)
	_, _ = rand.Read(salt) // never fails, as crypto/rand documents
	key := argon2.IDKey([]byte(password), salt, passwordPasses, passwordMemory, passwordLanes, passwordKey)
	text := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, passwordMemory, passwordPasses, passwordLanes, text(salt), text(key)), nil
}

// nobody is the hash that the password of an unknown login, or of one without a password,
// is compared with, so that it takes as long as that of another.
const nobody = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

// isPassword reports whether a password is that of the hash. It takes a place to hash in.
func isPassword(password, hash string) (bool, error) {
	parts := strings.Split(hash, "$")
	if len(password) > maxPassword || len(parts) != 6 {
		return false, nil
	}
	var memory, passes uint32
	var lanes uint8
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &memory, &passes, &lanes); err != nil {
		return false, fmt.Errorf("read password hash: %w", err)
	}
	salt, err := base64.RawStdEncoding.DecodeString(parts[4])
	if err != nil {
		return false, fmt.Errorf("read password hash: %w", err)
	}
	want, err := base64.RawStdEncoding.DecodeString(parts[5])
	if err != nil {
		return false, fmt.Errorf("read password hash: %w", err)
	}
	key := argon2.IDKey([]byte(password), salt, passes, memory, lanes, passwordKey)
	return subtle.ConstantTimeCompare(key, want) == 1, nil
}

// ChangePassword gives an account another password, if it knows the one so far. Its other
// sessions end.
func (s *Service) ChangePassword(ctx context.Context, a Account, session uuid.UUID, old, password string, from From) error {
	if _, err := s.prove(ctx, a.Login, old, from); err != nil {
		return err
	}
	if err := checkPassword(a.Login, password); err != nil {
		return err
	}
	hash, err := s.hashPassword(ctx, password, from)
	if err != nil {
		return err
	}
	return s.ending(ctx, s.store.UpdateAccount(ctx, a.Org, a.ID, true, session, func(a *Account) error {
		a.Password = hash
		return nil
	}))
}
