package local

import (
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport/config"
)

// word is the password of all the vectors. They were made by OpenLDAP's
// slappasswd, libxcrypt and Python's hashlib.
const word = "pässword"

// vectors are hashes of word by scheme and maker.
func vectors() map[string]string {
	return map[string]string{
		"bcrypt 2a":              "$2a$05$abcdefghijklmnopqrstuucZGbUxuMlEqps0qcu2pjhO7vaatQZIC",
		"bcrypt 2b":              "$2b$05$abcdefghijklmnopqrstuucZGbUxuMlEqps0qcu2pjhO7vaatQZIC",
		"bcrypt 2y":              "$2y$04$abcdefghijklmnopqrstuum174eFeoTj0DHmtuueFaS3Wde4P7wHG",
		"bcrypt wrapped":         "{BCRYPT}$2y$04$abcdefghijklmnopqrstuum174eFeoTj0DHmtuueFaS3Wde4P7wHG",
		"sha256crypt":            "$5$saltsalt$rQBvFGQx3u6doxkk7cvWbhhnhS2qa1.FI.tt6NGFH66",
		"sha512crypt":            "$6$rounds=1000$saltsalt$GRg0cJEHso4LJZYmvs6cl1YziCrkl3pvdLeF58R.fERGV/fOgD8w6F4Ljko0wttVnHPN.v.Sy4JUmYierjxw6/",
		"sha512crypt wrapped":    "{crypt}$6$rounds=1000$saltsalt$GRg0cJEHso4LJZYmvs6cl1YziCrkl3pvdLeF58R.fERGV/fOgD8w6F4Ljko0wttVnHPN.v.Sy4JUmYierjxw6/",
		"yescrypt of Debian":     "$y$j9T$F5Jx5fExrKuPp53xLKQ..1$uDe9DzkRaoLcpK3XsX1COmq9ojeDZPPU7hopiHbrFR8",
		"yescrypt cheap":         "$y$j75$abcdefgh$Lbzf4wnUUxk0NqqqU7jPVuNNFoHuI2oej3gjRRzgJ07",
		"scrypt":                 "$scrypt$ln=10,r=8,p=1$c29tZXNhbHRzb21lc2FsdA$Isi9i1fZIzodmBsf7fJoTLdBxcHDB/GTpcdMlwiFroc",
		"pbkdf2":                 "$pbkdf2$1000$c29tZXNhbHRzb21lc2FsdA$Uccqc9q15s3T/e4DWYOkXBeY2rM",
		"pbkdf2-sha256":          "$pbkdf2-sha256$1000$c29tZXNhbHRzb21lc2FsdA$YM38eqQi1B3do2g0C8on9pJpcHlpPm7njbB0xiWc6cI",
		"pbkdf2-sha512":          "$pbkdf2-sha512$1000$c29tZXNhbHRzb21lc2FsdA$eaW.vVe6nW7bpC3u9RGCm9LPw/ggddn044K8Ea4XVrXtQe/OF5mBqtl2tF/7PZdl8AZK2mnxgTsrKuZuXqWKZg",
		"OpenLDAP PBKDF2":        "{PBKDF2}10000$.SXcN6TjRkh05Xcsn02N4Q$OJr6TwPx86KpaMqsoHmWSDH6mZ4",
		"OpenLDAP PBKDF2-SHA1":   "{PBKDF2-SHA1}10000$NWHkRacm8lwlCTHzL9DxPA$7TDX3ozaDyx2.5myM5qwCoaHMTk",
		"OpenLDAP PBKDF2-SHA256": "{PBKDF2-SHA256}10000$mpqqL9vS4OhM/A2ytIC2cQ$099u30CgS/sDGQLaAK3Sw.KOJE5R5l4YqUwvj3vrE3Q",
		"OpenLDAP PBKDF2-SHA512": "{PBKDF2-SHA512}10000$MKmC1tB4ZmaduINUB4qG3w$tchrycldj9mONDmpMe284KROlk0u3W0ljJyfN5IzzZNo.BEU/tTnFeTW70weKpDXDG79PyTOnw0eyqBjLfsAPQ",
		"OpenLDAP ARGON2":        "{ARGON2}$argon2i$v=19$m=4096,t=3,p=1$TKuOHHVFA9SQmOu3RyFcvg$GiyaAmOSNMGvGBYwO3Ncoo9a5O1aDbTtP4IfQcHTUMk",
		"OpenLDAP SSHA":          "{SSHA}/0WQZMZOkjhl11ys9d1hGhlript0n5vn",
		"SSHA in small letters":  "{ssha}/0WQZMZOkjhl11ys9d1hGhlript0n5vn",
		"OpenLDAP SSHA256":       "{SSHA256}FkCtX0Bgk7NKg9bUrmgWvnv2gilXyLHbggrQg+bRO+NWhwxZOLZ5mg==",
		"SSHA256 without =":      "{SSHA256}FkCtX0Bgk7NKg9bUrmgWvnv2gilXyLHbggrQg+bRO+NWhwxZOLZ5mg",
		"OpenLDAP SSHA384":       "{SSHA384}X4N5icfXVuV6Pfhbz36dGXyjbwD+Umrnr1hlXeEqPDAbhLZCqe7ZOcoJizwljJrCx+TBbQHbK7s=",
		"OpenLDAP SSHA512":       "{SSHA512}dx18XHUl/oN/TUguzyWfl+vgRlHoTwYmW5CHtc1rny1va6D24VeQVZEWFMX26/jIYZhic4TMsdwjvt+3G+WVDO3DGE5f09IQ",
	}
}

func TestForeignHashes(t *testing.T) {
	own, err := NewHasher(cheap())
	if err != nil {
		t.Fatal(err)
	}
	for name, encoded := range vectors() {
		s, err := decode(encoded)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !s.Match(word) {
			t.Errorf("%s: the password does not match", name)
		}
		for _, wrong := range []string{"", word + " "} {
			if s.Match(wrong) {
				t.Errorf("%s: %q matches", name, wrong)
			}
		}
		if !own.outdated(s) {
			t.Errorf("%s would be kept", name)
		}
		if weak := strings.Contains(strings.ToUpper(name), "SSHA"); s.Weak != weak {
			t.Errorf("%s: weak %v", name, s.Weak)
		}
		if !LooksHashed(encoded) {
			t.Errorf("%s looks like a password", name)
		}
	}
}

func TestRefusedHashes(t *testing.T) {
	const salt, key = "c29tZXNhbHRzYWx0", "c29tZWtleXNvbWVrZXlzb21la2V5"
	longKey := strings.Repeat("x", 86)
	for _, c := range []struct{ name, encoded, want string }{
		{"SHA", "{SHA}EfatjsUqKYSrqv18O1FlA3hcIHI=", "SHA is a hash without a salt"},
		{"SHA256", "{SHA256}NHgme1YSeRtAmIkGs6eJfrarUB4EuV7TL5nQr99mnZw=", "without a salt"},
		{"MD5", "{MD5}ICy5YqxZB1uWSwcVLSNLcA==", "without a salt"},
		{"SMD5", "{SMD5}dvgopBjjyntRI/nbp778MZX3Cg8=", "SMD5 is broken"},
		{"md5crypt", "$1$saltsalt$QgbQ7EUpcKNQTLgSVL4qr/", "$1 is broken"},
		{"md5crypt wrapped", "{CRYPT}$1$saltsalt$QgbQ7EUpcKNQTLgSVL4qr/", "$1 is broken"},
		{"DES", "abRy4/6THFs9U", "DES is broken"},
		{"DES wrapped", "{CRYPT}HO6W5EgCMUSJQ", "DES is broken"},
		{"cleartext", "{CLEARTEXT}secret", "is the password itself"},
		{"SASL", "{SASL}alice@EXAMPLE.ORG", "kept elsewhere"},
		{"old bcrypt", "$2x$05$abcdefghijklmnopqrstuucZGbUxuMlEqps0qcu2pjhO7vaatQZIC", "broken"},
		{"crypt 7", "$7$C6..../....SodiumChloride$njOKR18iRzP2JKZ0ZFMjoIUahypkwbt85JNWXT5FxJ8", "not supported"},
		{"gost", "$gy$j9T$F5Jx5fExrKuPp53xLKQ..1$Sw1G2iShtA8O4l2j7TrxftwtcNb2LbyJ944GqZnYy55", "not supported"},
		{"389", "{PBKDF2_SHA256}AAAgAAAA", "not supported"},
		{"locked", "!$6$saltsalt$x", "locked account"},
		{"no login", "*", "locked account"},
		{"unknown scheme", "{FOO}secret", "not a hash"},
		{"unknown id", "$99$secret$secret", "not a hash"},
		{"text", "secret", "not a hash"},
		{"empty", "", "not a hash"},
		{"nothing in it", "{SSHA}", "not a hash"},
		{"wrapped twice", "{CRYPT}{SSHA}/0WQZMZOkjhl11ys9d1hGhlript0n5vn", "not a hash"},
		{"SSHA without salt", "{SSHA}EfatjsUqKYSrqv18O1FlA3hcIHI=", "not a hash"},
		{"SSHA with long salt", "{SSHA}" + strings.Repeat("A", 200), "not a hash"},
		{"SSHA no base64", "{SSHA}*secret*", "not a hash"},
		{"bcrypt cost 17", "$2b$17$abcdefghijklmnopqrstuucZGbUxuMlEqps0qcu2pjhO7vaatQZIC", "the cost is 17, not between 4 and 16"},
		{"bcrypt cost 31", "$2b$31$abcdefghijklmnopqrstuucZGbUxuMlEqps0qcu2pjhO7vaatQZIC", "the cost is 31"},
		{"bcrypt cost 3", "$2b$03$abcdefghijklmnopqrstuucZGbUxuMlEqps0qcu2pjhO7vaatQZIC", "the cost is 3"},
		{"bcrypt cost negative", "$2b$-1$abcdefghijklmnopqrstuucZGbUxuMlEqps0qcu2pjhO7vaatQZIC", "the cost is -1"},
		{"bcrypt cut", "$2b$05$abcdefghijklmnopqrstuucZGbUxuMlEqps0qcu2pjhO7vaatQZI", "not a hash"},
		{"bcrypt bad alphabet", "$2b$05$!!!!!!!!!!!!!!!!!!!!!!!cZGbUxuMlEqps0qcu2pjhO7vaatQZIC", "not a hash"},
		{"rounds too many", "$6$rounds=1000001$saltsalt$" + longKey, "rounds is 1000001, not between 1000 and 1000000"},
		{"rounds most", "$6$rounds=4294967295$saltsalt$" + longKey, "rounds is 4294967295"},
		{"rounds too few", "$6$rounds=999$saltsalt$" + longKey, "rounds is 999"},
		{"rounds twice", "$6$rounds=5000,rounds=999999999$saltsalt$" + longKey, "rounds is 999999999"},
		{"sha-crypt cut", "$6$saltsalt$" + longKey[1:], "not a hash"},
		{"sha-crypt without salt", "$6$$" + longKey, "not a hash"},
		{"sha-crypt with long salt", "$6$saltsaltsaltsalts$" + longKey, "not a hash"},
		{"PBKDF2 dear", "$pbkdf2-sha256$5000001$" + salt + "$" + key, "iterations is 5000001"},
		{"PBKDF2 cheap", "$pbkdf2-sha256$999$" + salt + "$" + key, "iterations is 999"},
		{"PBKDF2 negative", "$pbkdf2-sha256$-1$" + salt + "$" + key, "iterations is -1"},
		{"PBKDF2 short salt", "$pbkdf2-sha256$1000$c2FsdA$" + key, "not a hash"},
		{"PBKDF2 short key", "$pbkdf2-sha256$1000$" + salt + "$c2FsdA", "not a hash"},
		{"PBKDF2 long key", "$pbkdf2-sha256$1000$" + salt + "$" + strings.Repeat("A", 100), "not a hash"},
		{"scrypt much memory", "$scrypt$ln=19,r=8,p=1$" + salt + "$" + key, "512 MiB of memory"},
		{"scrypt many lanes", "$scrypt$ln=16,r=8,p=17$" + salt + "$" + key, "64 MiB of memory 17 times"},
		{"scrypt overflow", "$scrypt$ln=63,r=8,p=1$" + salt + "$" + key, "not a hash"},
		{"scrypt large r", "$scrypt$ln=4,r=4294967296,p=1$" + salt + "$" + key, "not a hash"},
		{"scrypt no lanes", "$scrypt$ln=4,r=8,p=0$" + salt + "$" + key, "not a hash"},
		{"yescrypt much memory", "$y$jET$F5Jx5fExrKuPp53xLKQ..1$uDe9DzkRaoLcpK3XsX1COmq9ojeDZPPU7hopiHbrFR8", "MiB of memory"},
		{"yescrypt other flavor", "$y$k9T$F5Jx5fExrKuPp53xLKQ..1$uDe9DzkRaoLcpK3XsX1COmq9ojeDZPPU7hopiHbrFR8", "not a hash"},
		{"yescrypt cut", "$y$j9T$F5Jx5fExrKuPp53xLKQ..1$uDe9DzkRaoLcpK3XsX1COmq9oje", "not a hash"},
		{"argon2 memory", "{ARGON2}$argon2i$v=19$m=1048577,t=1,p=1$" + salt + "$" + key, "memory is 1048577 KiB"},
	} {
		_, err := Examine(config.NewSecret(c.encoded))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v; want %q", c.name, err, c.want)
		}
		if err != nil && (strings.Contains(err.Error(), "salts") || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), key)) {
			t.Errorf("%s: the error shows the hash: %v", c.name, err)
		}
	}
}

func TestBcryptDoesNotCut(t *testing.T) {
	// Of 72 and of 73 octets "x", by libxcrypt: bcrypt makes one hash of both.
	const encoded = "$2b$04$abcdefghijklmnopqrstuubzadhGtS2zEF.gu0yd0opP6cVzb.e0i"
	s, err := decode(encoded)
	if err != nil {
		t.Fatal(err)
	}
	for length, want := range map[int]bool{71: false, 72: true, 73: false, 500: false} {
		if got := s.Match(strings.Repeat("x", length)); got != want {
			t.Errorf("%d octets: %v", length, got)
		}
	}
}

func TestLooksHashed(t *testing.T) {
	for text, want := range map[string]bool{
		"secret": false, "": false, "$": false, "$$": false, "$secret": false, "$a$b": false, "{}": false,
		"{secret}": false, "{secret}x": false, "{SHA}": false, "{a secret}b": false,
		"{SHA}EfatjsUqKYSrqv18O1FlA3hcIHI=": true, "{cleartext}x": true, "{SASL}x": true,
		"$1$saltsalt$QgbQ7EUpcKNQTLgSVL4qr/": true, "$6$x": true,
	} {
		if got := LooksHashed(text); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

func TestOutdated(t *testing.T) {
	h, err := NewHasher(&config.Argon2{Memory: 64, Iterations: 2, Parallelism: 1})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		cost config.Argon2
		want bool
	}{
		{config.Argon2{Memory: 64, Iterations: 2, Parallelism: 1}, false},
		{config.Argon2{Memory: 64, Iterations: 1, Parallelism: 1}, true},
		{config.Argon2{Memory: 32, Iterations: 3, Parallelism: 1}, true},
		{config.Argon2{Memory: 32, Iterations: 4, Parallelism: 4}, false},
		{config.Argon2{Memory: 128, Iterations: 1, Parallelism: 1}, false},
		{config.Argon2{Memory: 128, Iterations: 3, Parallelism: 1}, false},
	} {
		s, err := decode(hash(t, &c.cost, "x").Reveal())
		if err != nil {
			t.Fatal(err)
		}
		if got := h.outdated(s); got != c.want {
			t.Errorf("%+v: %v", c.cost, got)
		}
	}
	// A hash made now must not be made again at every login.
	odd, err := NewHasher(&config.Argon2{Memory: 100, Iterations: 1, Parallelism: 3})
	if err != nil {
		t.Fatal(err)
	}
	own, err := odd.Hash("x")
	if err != nil {
		t.Fatal(err)
	}
	if s, err := decode(own.Reveal()); err != nil || odd.outdated(s) {
		t.Errorf("its own hash is outdated (%v)", err)
	}
}

func FuzzDecode(f *testing.F) {
	for _, encoded := range vectors() {
		f.Add(encoded)
	}
	for _, s := range []string{"{", "{}", "{CRYPT}", "$", "$y$j", "$y$j9T$$", "$6$rounds=$x$y", "$scrypt$ln=,r=,p=$$", "{SSHA}=", "$2b$", "$argon2id$$$$"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, encoded string) {
		s, err := decode(encoded)
		if (s == nil) == (err == nil) {
			t.Fatalf("%v, %v", s, err)
		}
		if s != nil && (s.Name == "" || !LooksHashed(encoded)) {
			t.Errorf("%q: name %q", encoded, s.Name)
		}
	})
}
