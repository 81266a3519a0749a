package local

import (
	"crypto"
	_ "crypto/sha1" //nolint:gosec // {SSHA} is what directories hold; it is replaced at the first login
	_ "crypto/sha256"
	_ "crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"github.com/go-crypt/crypt/algorithm"
	"github.com/go-crypt/crypt/algorithm/argon2"
	"github.com/go-crypt/crypt/algorithm/bcrypt"
	"github.com/go-crypt/crypt/algorithm/pbkdf2"
	"github.com/go-crypt/crypt/algorithm/scrypt"
	"github.com/go-crypt/crypt/algorithm/shacrypt"
)

// The bounds of hashes that were made elsewhere: at most some five seconds of
// one processor and 256 MiB, and salts and keys long enough to be of use.
const (
	minBcryptCost = 4
	maxBcryptCost = 16
	bcryptLimit   = 72 // octets of a password that bcrypt looks at

	minRounds        = 1000 // sha-crypt
	maxRounds        = 1_000_000
	maxSHACryptSalt  = 16 // crypt(3) ignores what follows, others do not
	minPBKDF2        = 1000
	maxPBKDF2        = 5_000_000
	maxScryptMemory  = 256 << 20 // octets
	maxScryptWork    = 1 << 30   // octets written
	maxScryptLog     = 24        // 2^24 blocks of 128 octets exceed the memory
	maxScryptFactor  = 1 << 16
	minSalt          = 8
	minSaltOfOthers  = 4 // sha-crypt, yescrypt, {SSHA}: 4 is what slappasswd makes
	maxSaltOfSSHA    = 64
	minKey           = 16
	maxKey           = 64
	yescryptKey      = 32
	yescryptSettings = 3
)

// cryptAlphabet is the alphabet of crypt(3), in the order of its values.
const cryptAlphabet = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// costError says that a hash is not worth computing.
func costError(scheme, what string, is, least, most int) error {
	return fmt.Errorf("%s: %s is %d, not between %d and %d; set the password anew", scheme, what, is, least, most)
}

// readArgon2 reads the PHC strings of RFC 9106's functions.
func readArgon2(encoded string) (*storedHash, error) {
	d, err := argon2.Decode(encoded)
	if err != nil || len(d.Salt()) < minSalt || len(d.Key()) < minKey {
		return nil, errNoHash
	}
	id, _ := cryptID(encoded)
	// Encode writes what was understood, in one form whatever was read.
	var version, memory, iterations, parallelism int
	if _, err := fmt.Sscanf(d.Encode(), "$"+id+"$v=%d$m=%d,t=%d,p=%d$",
		&version, &memory, &iterations, &parallelism); err != nil {
		return nil, errNoHash
	}
	if err := checkCost(memory, iterations, parallelism); err != nil {
		return nil, fmt.Errorf("%s: %w; set the password anew", id, err)
	}
	s := &storedHash{Scheme: Scheme{Name: id}, digest: d}
	if id == argon2.AlgIdentifierVariantID {
		s.work = work(memory, iterations)
	}
	return s, nil
}

// readBcrypt reads $2a$, $2b$ and $2y$, which are the same but for faults of old
// programs.
func readBcrypt(encoded string) (*storedHash, error) {
	parts := strings.Split(encoded, "$")
	d, err := bcrypt.DecodeVariant(bcrypt.VariantStandard)(encoded)
	if err != nil || len(parts[2]) != len("10") || len(d.Salt()) != 16 {
		return nil, errNoHash
	}
	cost, err := strconv.Atoi(parts[2])
	if err != nil {
		return nil, errNoHash
	}
	if cost < minBcryptCost || cost > maxBcryptCost {
		return nil, costError("bcrypt", "the cost", cost, minBcryptCost, maxBcryptCost)
	}
	return &storedHash{Scheme: Scheme{Name: "bcrypt"}, digest: shortened{d}}, nil
}

// shortened refuses passwords of which bcrypt would not look at the end: with
// them, everything that begins like the password would be right.
type shortened struct{ algorithm.Digest }

// Match takes the same time for every password.
func (s shortened) Match(password string) bool {
	right := s.Digest.Match(password)
	return right && len(password) <= bcryptLimit
}

// readSHACrypt reads SHA-crypt, version 0.6 of its specification.
func readSHACrypt(encoded string) (*storedHash, error) {
	keys := map[string]int{"5": 43, "6": 86}
	names := map[string]string{"5": "sha256crypt", "6": "sha512crypt"}
	id, _ := cryptID(encoded)
	d, err := shacrypt.Decode(encoded)
	if err != nil || len(d.Key()) != keys[id] || strings.Trim(string(d.Key())+string(d.Salt()), cryptAlphabet) != "" ||
		len(d.Salt()) < minSaltOfOthers || len(d.Salt()) > maxSHACryptSalt {
		return nil, errNoHash
	}
	rounds := shacrypt.IterationsDefaultOmitted
	if strings.HasPrefix(d.Encode(), "$"+id+"$rounds=") {
		if _, err := fmt.Sscanf(d.Encode(), "$"+id+"$rounds=%d$", &rounds); err != nil {
			return nil, errNoHash
		}
	}
	if rounds < minRounds || rounds > maxRounds {
		return nil, costError(names[id], "rounds", rounds, minRounds, maxRounds)
	}
	return &storedHash{Scheme: Scheme{Name: names[id]}, digest: d}, nil
}

// readPBKDF2 reads the form of passlib, which OpenLDAP's {PBKDF2-…} share.
func readPBKDF2(encoded string) (*storedHash, error) {
	d, err := pbkdf2.Decode(encoded)
	if err != nil || len(d.Salt()) < minSalt || len(d.Key()) < minKey || len(d.Key()) > maxKey {
		return nil, errNoHash
	}
	id, _ := cryptID(d.Encode())
	var iterations int
	if _, err := fmt.Sscanf(d.Encode(), "$"+id+"$%d$", &iterations); err != nil {
		return nil, errNoHash
	}
	if iterations < minPBKDF2 || iterations > maxPBKDF2 {
		return nil, costError("pbkdf2", "iterations", iterations, minPBKDF2, maxPBKDF2)
	}
	return &storedHash{Scheme: Scheme{Name: id}, digest: d}, nil
}

// readScrypt reads the form of passlib.
func readScrypt(encoded string) (*storedHash, error) {
	d, err := scrypt.DecodeVariant(scrypt.VariantScrypt)(encoded)
	if err != nil || len(d.Salt()) < minSalt || len(d.Key()) < minKey || len(d.Key()) > maxKey {
		return nil, errNoHash
	}
	var log, block, lanes int
	if _, err := fmt.Sscanf(d.Encode(), "$scrypt$ln=%d,r=%d,p=%d$", &log, &block, &lanes); err != nil {
		return nil, errNoHash
	}
	if err := checkScrypt(log, block, lanes); err != nil {
		return nil, fmt.Errorf("scrypt: %w", err)
	}
	return &storedHash{Scheme: Scheme{Name: "scrypt"}, digest: d}, nil
}

// readYescrypt reads what Debian and Fedora write to /etc/shadow: $y$j, a
// character for N and one for r. Settings with more are not made by any of them.
func readYescrypt(encoded string) (*storedHash, error) {
	parts := strings.Split(encoded, "$")
	if len(parts) != 5 || len(parts[2]) != yescryptSettings || strings.Trim(parts[3]+parts[4], cryptAlphabet) != "" {
		return nil, errNoHash
	}
	d, err := scrypt.DecodeVariant(scrypt.VariantYescrypt)(encoded)
	if err != nil || len(d.Salt()) < minSaltOfOthers || len(d.Salt()) > maxKey || len(d.Key()) != yescryptKey {
		return nil, errNoHash
	}
	log := strings.IndexByte(cryptAlphabet, parts[2][1]) + 1
	block := strings.IndexByte(cryptAlphabet, parts[2][2]) + 1
	if err := checkScrypt(log, block, 1); err != nil {
		return nil, fmt.Errorf("yescrypt: %w", err)
	}
	return &storedHash{Scheme: Scheme{Name: "yescrypt"}, digest: d}, nil
}

// checkScrypt bounds 2^log blocks of 128 times block octets, in so many lanes
// (RFC 7914 section 2).
func checkScrypt(log, block, lanes int) error {
	if log < 1 || log > maxScryptLog || block < 1 || block > maxScryptFactor || lanes < 1 || lanes > maxScryptFactor {
		return errNoHash
	}
	memory := 128 * block << log
	if memory > maxScryptMemory || memory*lanes > maxScryptWork {
		return fmt.Errorf("takes %d MiB of memory %d times, more than %d MiB or %d MiB in all; set the password anew",
			memory>>20, lanes, maxScryptMemory>>20, maxScryptWork>>20)
	}
	return nil
}

// salted is a hash of the password and then the salt: {SSHA} and its kin, as
// OpenLDAP's contrib/slapd-modules/passwd/sha2 and RFC 2307's successors have it.
type salted struct {
	sum       crypto.Hash
	key, salt []byte
}

// Match implements digest.
func (s salted) Match(password string) bool {
	h := s.sum.New()
	_, _ = h.Write([]byte(password)) // never fails
	_, _ = h.Write(s.salt)
	return subtle.ConstantTimeCompare(h.Sum(nil), s.key) == 1
}

// readSalted reads what follows {SSHA} or one of its kin.
func readSalted(name, rest string) (*storedHash, error) {
	sum := map[string]crypto.Hash{"SSHA": crypto.SHA1, "SSHA256": crypto.SHA256, "SSHA384": crypto.SHA384, "SSHA512": crypto.SHA512}[name]
	// Some programs leave the padding out.
	octets, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(rest, "="))
	size := sum.Size()
	if err != nil || len(octets) < size+minSaltOfOthers || len(octets) > size+maxSaltOfSSHA {
		return nil, errNoHash
	}
	return &storedHash{Scheme: Scheme{Name: name, Weak: true}, digest: salted{sum, octets[:size], octets[size:]}}, nil
}
