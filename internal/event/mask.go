package event

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// stems give a name away wherever they stand in it, also across the borders of
// words (pass_word), but not in noStems.
var (
	stems = []string{
		"password", "passwd", "passphrase", "passcode", "secret", "token", "signature",
		"credential", "cookie", "bearer", "authorization", "authorisation", "pincode",
	}
	noStems = strings.NewReplacer("secretary", "", "secretari", "")
)

// words give a name away when they are a whole word of it: too short to be looked
// for inside of others (rapid, author, spin).
var words = []string{"api", "key", "pass", "auth", "oauth", "authentication", "pwd", "pin", "otp", "private"}

// endings give a name away at the end of a word, for what is written together
// (sshkey, totp), unless the word is one of noEndings.
var (
	endings   = []string{"key", "pass", "pwd", "otp"}
	noEndings = []string{
		"donkey", "hockey", "jockey", "lackey", "malarkey", "mickey", "monkey", "turkey", "turnkey", "whiskey",
		"bypass", "compass", "encompass", "overpass", "surpass", "trespass", "underpass",
	}
)

// inputNames are those of the input of policies that hold no credential: how a
// password was verified, and when it was set.
var inputNames = []string{"auth_method", "password_change_time"}

// Mask reports whether what goes under a name is to be masked, because of a word
// of the name: api, token, key, secret, pass, signature, auth, cookie, pwd, pin,
// otp, credential, bearer, private, and what is made of them (password, apikey,
// totp, keys). Words end at whatever is neither a letter nor a digit, at digits,
// and where capitals begin (X-API-Key, clientSecret); case, accents, width and
// invisible characters do not matter. Words that merely contain such letters do
// not count: monkey, compass, rapid, passing, author. Two names of the input of
// policies, exactly as they are there, do not either: auth_method and
// password_change_time.
func Mask(name string) bool {
	if slices.Contains(inputNames, name) {
		return false
	}
	var letters strings.Builder
	for _, segment := range segments(name) {
		folded := fold(segment)
		letters.WriteString(folded)
		if isSecret(folded) || slices.ContainsFunc(humps(segment), func(hump string) bool { return isSecret(fold(hump)) }) {
			return true
		}
	}
	return hasStem(letters.String())
}

// isSecret judges one word.
func isSecret(word string) bool {
	if hasStem(word) {
		return true
	}
	if strings.HasSuffix(word, "s") && !strings.HasSuffix(word, "ss") {
		word = word[:len(word)-1] // one of several keys
	}
	return slices.Contains(words, word) || !slices.Contains(noEndings, word) &&
		slices.ContainsFunc(endings, func(end string) bool { return strings.HasSuffix(word, end) })
}

func hasStem(text string) bool {
	if strings.Contains(text, "secretar") {
		text = noStems.Replace(text)
	}
	return slices.ContainsFunc(stems, func(stem string) bool { return strings.Contains(text, stem) })
}

// segments splits a name into its runs of letters. Compatibility forms become
// ordinary letters; accents and invisible characters disappear.
func segments(name string) []string {
	for i := range len(name) {
		if name[i] >= utf8.RuneSelf {
			name = strings.Map(func(r rune) rune {
				if unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf) {
					return -1
				}
				return r
			}, norm.NFKD.String(name))
			break
		}
	}
	return strings.FieldsFunc(name, func(r rune) bool { return !unicode.IsLetter(r) })
}

// humps splits a run of letters where capitals begin: clientSecret, APIKey. The
// capitals in OTPvalue are OTP and V: which of them begins the next word is open,
// so both readings are words.
func humps(segment string) []string {
	runes := []rune(segment)
	var list []string
	start := 0
	for i := 1; i < len(runes); i++ {
		switch {
		case unicode.IsUpper(runes[i]) && !unicode.IsUpper(runes[i-1]):
			list = append(list, string(runes[start:i]))
			start = i
		case !unicode.IsUpper(runes[i]) && unicode.IsUpper(runes[i-1]) && i-1 > start:
			list = append(list, string(runes[start:i]), string(runes[start:i-1]))
			start = i - 1
		}
	}
	return append(list, string(runes[start:]))
}

// fold takes away the difference of case; the dotless ı is an i.
func fold(s string) string {
	return strings.Map(func(r rune) rune { return unicode.ToLower(unicode.ToUpper(r)) }, s)
}
