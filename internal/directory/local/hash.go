package local

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/go-crypt/crypt/algorithm"
	"github.com/go-crypt/crypt/algorithm/argon2"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/identity"
)

// MaxPassword is the length of the longest password, in octets. Hashing reads
// all of it, so that what comes from the network has to have a limit.
const MaxPassword = 1024

// The bounds of an argon2 hash that is worth computing. A file that was tampered
// with must not make the server spend gigabytes and minutes on one login.
const (
	maxMemory      = 1 << 20 // KiB
	maxIterations  = 64
	maxParallelism = 16
	maxWork        = 4 << 20 // KiB written in all passes: some five seconds of one processor
)

// The cost of a hash when the configuration does not say it: the first choice
// of OWASP's password storage cheat sheet.
const (
	defaultMemory      = 19 * 1024 // KiB
	defaultIterations  = 2
	defaultParallelism = 1
)

// Hasher makes hashes of new passwords.
type Hasher struct {
	cost   config.Argon2
	argon2 *argon2.Hasher
}

// NewHasher makes a Hasher of the given cost; nil means the default: 19 MiB, two
// passes, one lane.
func NewHasher(cost *config.Argon2) (*Hasher, error) {
	if cost == nil {
		cost = &config.Argon2{Memory: defaultMemory, Iterations: defaultIterations, Parallelism: defaultParallelism}
	}
	if err := checkCost(cost.Memory, cost.Iterations, cost.Parallelism); err != nil {
		return nil, fmt.Errorf("argon2: %w", err)
	}
	h, err := argon2.New(
		argon2.WithVariantID(),
		argon2.WithMemoryInKiB(uint32(cost.Memory)),
		argon2.WithIterations(cost.Iterations),
		argon2.WithParallelism(cost.Parallelism),
	)
	if err != nil {
		return nil, err
	}
	return &Hasher{cost: *cost, argon2: h}, nil
}

// checkCost refuses what RFC 9106 section 3.1 forbids and what is absurd.
func checkCost(memory, iterations, parallelism int) error {
	var errs []error
	if parallelism < 1 || parallelism > maxParallelism {
		errs = append(errs, fmt.Errorf("parallelism is %d, not between 1 and %d", parallelism, maxParallelism))
	} else if memory < 8*parallelism || memory > maxMemory {
		errs = append(errs, fmt.Errorf("memory is %d KiB, not between %d (8 times parallelism) and %d", memory, 8*parallelism, maxMemory))
	}
	if iterations < 1 || iterations > maxIterations {
		errs = append(errs, fmt.Errorf("iterations is %d, not between 1 and %d", iterations, maxIterations))
	} else if memory <= maxMemory && work(memory, iterations) > maxWork {
		errs = append(errs, fmt.Errorf("%d iterations over %d KiB take a processor too long: memory times iterations is at most %d", iterations, memory, maxWork))
	}
	return errors.Join(errs...)
}

// Hash hashes a new password, for store.User. It refuses what CheckPassword
// refuses.
func (h *Hasher) Hash(password string) (config.Secret, error) {
	if err := CheckPassword(password); err != nil {
		return config.Secret{}, err
	}
	return h.hash(password)
}

// hash hashes a password that is known to be somebody's.
func (h *Hasher) hash(password string) (config.Secret, error) {
	digest, err := h.argon2.Hash(password)
	if err != nil {
		return config.Secret{}, fmt.Errorf("hash password: %w", err)
	}
	return config.NewSecret(digest.Encode()), nil
}

// CheckPassword refuses passwords with which nobody could log in. It does not
// judge whether a password is good.
func CheckPassword(password string) error {
	switch {
	case password == "":
		return errors.New("the password is empty")
	case len(password) > MaxPassword:
		return fmt.Errorf("the password is longer than %d octets", MaxPassword)
	case !utf8.ValidString(password):
		return errors.New("the password is not valid UTF-8")
	case strings.ContainsRune(password, 0):
		return errors.New("the password has a NUL character")
	}
	return nil
}

// outdated reports whether a password that matches the hash should get a new one:
// the hash is no argon2id, or one that costs less than those made now.
func (h *Hasher) outdated(s *storedHash) bool {
	return s.work < work(h.memory(), h.cost.Iterations)
}

// memory is the memory of a hash in KiB, rounded as RFC 9106 section 3.2 has it.
func (h *Hasher) memory() int { return h.cost.Memory - h.cost.Memory%(4*h.cost.Parallelism) }

// work is what the time of an argon2 hash grows with. Lanes only share it out.
func work(memory, iterations int) int { return memory * iterations }

// decoy is a hash of the same cost that no password has: its key is random.
func (h *Hasher) decoy() string {
	random := func(n int) string {
		b := make([]byte, n)
		_, _ = rand.Read(b) // never fails
		return base64.RawStdEncoding.EncodeToString(b)
	}
	return fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s", h.memory(), h.cost.Iterations, h.cost.Parallelism,
		random(algorithm.SaltLengthDefault), random(argon2.KeyLengthDefault))
}

// possible reports whether anybody could have this password. One with NUL would
// match where it must not: bcrypt repeats its key after a NUL, and HMAC, which
// PBKDF2 and scrypt are made of, fills its key up with them.
func possible(p identity.Password) bool {
	return !p.Empty() && len(p.Reveal()) <= MaxPassword && strings.IndexByte(p.Reveal(), 0) < 0
}
