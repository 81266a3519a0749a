package local

import (
	"strings"
	"testing"

	"github.com/go-crypt/crypt/algorithm/argon2"

	"github.com/sallyport-auth/sallyport/config"
)

func TestHash(t *testing.T) {
	h, err := NewHasher(nil)
	if err != nil {
		t.Fatal(err)
	}
	one, err := h.Hash("pässword")
	if err != nil {
		t.Fatal(err)
	}
	if want := "$argon2id$v=19$m=19456,t=2,p=1$"; !strings.HasPrefix(one.Reveal(), want) {
		t.Errorf("%s does not begin with %s", one.Reveal(), want)
	}
	if two, err := h.Hash("pässword"); err != nil || one.Reveal() == two.Reveal() {
		t.Errorf("no salt: %v", err)
	}
	for name, password := range map[string]string{
		"empty": "", "too long": strings.Repeat("x", MaxPassword+1), "not UTF-8": "\xff", "NUL": "a\x00b",
	} {
		if _, err := h.Hash(password); err == nil {
			t.Errorf("%s: hashed", name)
		}
	}
}

func TestDecode(t *testing.T) {
	const salt, key = "c29tZXNhbHRzYWx0", "c29tZWtleXNvbWVrZXlzb21la2V5"
	for _, c := range []struct {
		name, encoded string
		good          bool
	}{
		{"most memory", "$argon2id$v=19$m=1048576,t=4,p=16$" + salt + "$" + key, true},
		{"most iterations", "$argon2id$v=19$m=65536,t=64,p=1$" + salt + "$" + key, true},
		{"more than a minute", "$argon2id$v=19$m=1048576,t=64,p=1$" + salt + "$" + key, false},
		{"a little too long", "$argon2i$v=19$m=1048576,t=5,p=16$" + salt + "$" + key, false},
		{"smallest", "$argon2id$v=19$m=8,t=1,p=1$" + salt + "$" + key, true},
		{"empty", "", false},
		{"text", "alice-pw", false},
		{"other variant", "$argon2i$v=19$m=64,t=1,p=1$" + salt + "$" + key, true},
		{"no variant", "$argon2x$v=19$m=64,t=1,p=1$" + salt + "$" + key, false},
		{"other version", "$argon2id$v=16$m=64,t=1,p=1$" + salt + "$" + key, false},
		{"memory", "$argon2id$v=19$m=1048577,t=1,p=1$" + salt + "$" + key, false},
		{"largest memory", "$argon2id$v=19$m=4294967295,t=1,p=1$" + salt + "$" + key, false},
		{"too little memory", "$argon2id$v=19$m=15,t=1,p=2$" + salt + "$" + key, false},
		{"iterations", "$argon2id$v=19$m=64,t=65,p=1$" + salt + "$" + key, false},
		{"largest iterations", "$argon2id$v=19$m=64,t=4294967295,p=1$" + salt + "$" + key, false},
		{"parallelism", "$argon2id$v=19$m=1024,t=1,p=17$" + salt + "$" + key, false},
		{"parameter twice", "$argon2id$v=19$m=64,m=4294967295,t=1,p=1$" + salt + "$" + key, false},
		{"no key", "$argon2id$v=19$m=64,t=1,p=1$" + salt + "$", false},
		{"short key", "$argon2id$v=19$m=64,t=1,p=1$" + salt + "$c29tZQ", false},
		{"short salt", "$argon2id$v=19$m=64,t=1,p=1$c2FsdA$" + key, false},
		{"long", "$argon2id$v=19$m=64,t=1,p=1$" + salt + "$" + strings.Repeat("A", maxEncoded), false},
	} {
		_, err := decode(c.encoded)
		if (err == nil) != c.good {
			t.Errorf("%s: %v", c.name, err)
		}
		if err != nil && (strings.Contains(err.Error(), key) || strings.Contains(err.Error(), "alice")) {
			t.Errorf("%s: the error shows what is stored: %v", c.name, err)
		}
	}
}

func TestDecoy(t *testing.T) {
	for _, cost := range []config.Argon2{*cheap(), {Memory: 100, Iterations: 3, Parallelism: 4}} {
		h, err := NewHasher(&cost)
		if err != nil {
			t.Fatal(err)
		}
		genuine, err := h.Hash("x")
		if err != nil {
			t.Fatal(err)
		}
		digest, err := decode(h.decoy())
		if err != nil {
			t.Fatal(err)
		}
		if digest.Match("") || digest.Match("x") {
			t.Error("the decoy matches")
		}
		// Same cost and same lengths, so same work.
		parameters := func(s string) string { return strings.Join(strings.Split(s, "$")[:4], "$") }
		decoy := digest.digest.(*argon2.Digest).Encode()
		if got, want := parameters(decoy), parameters(genuine.Reveal()); got != want || len(decoy) != len(genuine.Reveal()) {
			t.Errorf("decoy %s (%d), real %s (%d)", got, len(decoy), want, len(genuine.Reveal()))
		}
	}
}

func BenchmarkVerifyDefaultCost(b *testing.B) {
	digest, err := decode(hash(b, nil, "x").Reveal())
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		digest.Match("y")
	}
}
