package local

import (
	"errors"
	"strings"

	"github.com/sallyport-auth/sallyport/config"
)

// Scheme is what is to be known of a hash before it is stored.
type Scheme struct {
	// Name is the name of the algorithm, for people.
	Name string
	// Weak marks a hash that is salted but quick to compute: whoever has a copy
	// of it tries billions of passwords a second.
	Weak bool
}

// Examine reads a hash as Verify does, and refuses one that Verify would not
// compute or that protects nothing. The error says why and what to do instead,
// and shows nothing of the hash.
func Examine(hash config.Secret) (Scheme, error) {
	s, err := decode(hash.Reveal())
	if err != nil {
		return Scheme{}, err
	}
	return s.Scheme, nil
}

// LooksHashed reports whether a text has the form of a hash, of a scheme that is
// taken or of another one. Taking it for a password would let in whoever knows
// the hash.
func LooksHashed(text string) bool {
	if name, rest, ok := ldapScheme(text); ok {
		return rest != "" && (ldapReader(name) != nil || refusal(name) != "")
	}
	id, ok := cryptID(text)
	return ok && (cryptReader(id) != nil || refusal("$"+id) != "")
}

// Matches reports whether a password is the one of a hash.
func Matches(hash config.Secret, password string) (bool, error) {
	s, err := decode(hash.Reveal())
	return err == nil && s.Match(password), err
}

// storedHash is a hash that was read and is worth computing.
type storedHash struct {
	Scheme
	digest
	work int // of argon2id as the function work has it; 0 for everything else
}

// digest compares a password with a hash, in a time that does not depend on how
// much of it is right.
type digest interface{ Match(password string) bool }

// maxEncoded is the length of the longest hash that is read, in octets.
const maxEncoded = 512

// errNoHash keeps quiet about what was read: it may be somebody's password.
var errNoHash = errors.New("not a hash of a scheme that is known here; set the password anew")

// decode reads a stored hash and refuses one that is not worth computing.
func decode(encoded string) (*storedHash, error) {
	if len(encoded) > maxEncoded {
		return nil, errNoHash
	}
	name, rest, wrapped := ldapScheme(encoded)
	if !wrapped {
		return decodeCrypt(encoded)
	}
	return readAs(name, ldapReader(name), rest)
}

// readAs reads a hash of the named scheme, or says why it does not.
func readAs(scheme string, read reader, encoded string) (*storedHash, error) {
	if read != nil {
		return read(encoded)
	}
	if reason := refusal(scheme); reason != "" {
		return nil, errors.New(reason)
	}
	return nil, errNoHash
}

// decodeCrypt reads a hash of the form $id$….
func decodeCrypt(encoded string) (*storedHash, error) {
	id, ok := cryptID(encoded)
	if !ok {
		return nil, refuseUnmarked(encoded)
	}
	return readAs("$"+id, cryptReader(id), encoded)
}

// refuseUnmarked says what a text without a scheme may be: what /etc/shadow holds
// for accounts without a password, or DES.
func refuseUnmarked(text string) error {
	const desLength = 13
	switch {
	case strings.HasPrefix(text, "!") || strings.HasPrefix(text, "*"):
		return errors.New("the mark of a locked account, not a hash; take the mark away and set disabled to true")
	case len(text) == desLength && strings.Trim(text, cryptAlphabet) == "":
		return errors.New(refusal("DES"))
	}
	return errNoHash
}

// ldapScheme splits {NAME}rest (RFC 2307 section 5.3). The name is returned in
// capitals; it is compared without case.
func ldapScheme(text string) (name, rest string, ok bool) {
	after, ok := strings.CutPrefix(text, "{")
	if !ok {
		return "", "", false
	}
	name, rest, ok = strings.Cut(after, "}")
	const longest = 32
	if !ok || name == "" || len(name) > longest || strings.ContainsAny(name, " {") {
		return "", "", false
	}
	return strings.ToUpper(name), rest, true
}

// cryptID returns the id of $id$….
func cryptID(text string) (string, bool) {
	after, ok := strings.CutPrefix(text, "$")
	if !ok {
		return "", false
	}
	id, _, ok := strings.Cut(after, "$")
	return id, ok && id != ""
}

// reader reads the hashes of one scheme.
type reader func(encoded string) (*storedHash, error)

// cryptReader returns the reader of the hashes of the form $id$…, nil for an id
// that is not taken.
func cryptReader(id string) reader {
	switch id {
	case "argon2id", "argon2i", "argon2d":
		return readArgon2
	case "2a", "2b", "2y":
		return readBcrypt
	case "5", "6":
		return readSHACrypt
	case "pbkdf2", "pbkdf2-sha1", "pbkdf2-sha256", "pbkdf2-sha512":
		return readPBKDF2
	case "scrypt":
		return readScrypt
	case "y":
		return readYescrypt
	}
	return nil
}

// ldapReader returns the reader of the hashes of the form {NAME}…, as OpenLDAP,
// 389 Directory Server and Dovecot write them; nil for a name that is not taken.
func ldapReader(name string) reader {
	switch name {
	case "CRYPT", "BCRYPT", "BLF-CRYPT", "SHA256-CRYPT", "SHA512-CRYPT", "ARGON2", "ARGON2I", "ARGON2ID":
		return decodeCrypt
	case "PBKDF2", "PBKDF2-SHA1", "PBKDF2-SHA256", "PBKDF2-SHA512":
		return func(rest string) (*storedHash, error) { return readPBKDF2("$" + strings.ToLower(name) + "$" + rest) }
	case "SSHA", "SSHA256", "SSHA384", "SSHA512":
		return func(rest string) (*storedHash, error) { return readSalted(name, rest) }
	}
	return nil
}

// refusal is why a scheme that is known is not taken: of a name as ldapScheme has
// it, or of $ and an id. It is empty for all others.
func refusal(scheme string) string {
	const setAnew = "; set the password anew, or leave it out and have the user get a new one"
	switch scheme {
	case "SHA", "SHA1", "SHA224", "SHA256", "SHA384", "SHA512", "MD5", "LANMAN", "NT", "$3":
		return scheme + " is a hash without a salt: equal passwords show, and ready-made tables break it" + setAnew
	case "DES", "SMD5", "$1", "$apr1", "$md5", "$2x":
		return scheme + " is broken: a machine of today tries all short passwords in no time" + setAnew
	case "CLEARTEXT", "CLEAR", "PLAIN":
		return scheme + " is the password itself and not a hash of it; give it as a password, and it is hashed"
	case "SASL", "KERBEROS", "UNIX":
		return scheme + " is no hash: the password is kept elsewhere" + setAnew
	case "$2", "$7", "$gy", "$sha1", "PBKDF2_SHA256", "SSHA224":
		return scheme + " is a scheme that is not supported" + setAnew
	}
	return ""
}
