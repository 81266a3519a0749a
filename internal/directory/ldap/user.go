package ldap

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/sallyport-auth/sallyport/internal/identity"
)

// Attributes in which servers keep whether an account may be used, and when its
// password was changed.
const (
	attrAccountControl = "userAccountControl"   // Active Directory
	attrLockedTime     = "pwdAccountLockedTime" // OpenLDAP and others with ppolicy
	attrAccountLock    = "nsAccountLock"        // 389-ds, FreeIPA
	attrPwdLastSet     = "pwdLastSet"           // Active Directory
	attrPwdChanged     = "pwdChangedTime"       // ppolicy
	attrKrbChanged     = "krbLastPwdChange"     // FreeIPA
)

func stateAttributes() []string  { return []string{attrAccountControl, attrLockedTime, attrAccountLock} }
func changeAttributes() []string { return []string{attrPwdLastSet, attrPwdChanged, attrKrbChanged} }

// user makes the User of an entry, without groups.
func (s *settings) user(e *entry, directory string) (*identity.User, error) {
	login := s.loginOf(e)
	if login == "" {
		return nil, fmt.Errorf("%q was found, but none of %s can be read from it: the service account needs the right to read login_attribute",
			cleanText(e.dn), strings.Join(s.logins, ", "))
	}
	attributes, err := further(e, s.attributes)
	if err != nil {
		return nil, err
	}
	return &identity.User{
		ID:              s.idOf(e),
		Login:           login,
		Directory:       directory,
		DN:              e.dn,
		Name:            e.first(s.names),
		Email:           e.first(s.emails),
		Active:          active(e),
		Attributes:      attributes,
		PasswordChanged: passwordChanged(e),
	}, nil
}

// loginOf is the one name of a user, whichever attribute the login was found by.
func (s *settings) loginOf(e *entry) string {
	for _, a := range s.logins {
		if v := e.one(a); v != "" {
			return v
		}
	}
	if s.template != nil {
		return e.inName(s.template.attribute)
	}
	return ""
}

// idOf is the key that never changes.
func (s *settings) idOf(e *entry) string {
	if id := e.id(s.ids); id != "" {
		return id
	}
	return e.dn
}

// id is the first value of the first of these attributes that the entry has.
func (e *entry) id(attributes []string) string {
	for _, a := range attributes {
		if values := valuesText(a, e.raw(a)); len(values) > 0 && values[0] != "" {
			return values[0]
		}
	}
	return ""
}

// further collects attributes that the configuration names.
func further(e *entry, attributes []string) (map[string][]string, error) {
	if len(attributes) == 0 {
		return nil, nil
	}
	all := make(map[string][]string, len(attributes))
	for _, a := range attributes {
		if e.cut[strings.ToLower(a)] {
			return nil, fmt.Errorf("%q has more values of %s than the server sends at once: policies would see only a part; take it out of attributes or group_attributes",
				cleanText(e.dn), a)
		}
		if values := valuesText(a, e.raw(a)); len(values) > 0 {
			all[a] = values
		}
	}
	return all, nil
}

// valuesText writes the values of an attribute as text: GUID and SID in their
// usual form, text as it is, and if a single value is not text, all as base64.
func valuesText(attribute string, values [][]byte) []string {
	form := func(v []byte) (string, bool) { return string(v), isText(v) }
	switch {
	case strings.EqualFold(attribute, "objectGUID"):
		form = guidText
	case strings.EqualFold(attribute, attrObjectSID):
		form = sidText
	}
	list := make([]string, len(values))
	for i, v := range values {
		text, ok := form(v)
		if !ok {
			return base64Texts(values)
		}
		list[i] = text
	}
	return list
}

func base64Texts(values [][]byte) []string {
	list := make([]string, len(values))
	for i, v := range values {
		list[i] = base64.StdEncoding.EncodeToString(v)
	}
	return list
}

// active reports whether the directory has switched the account off. A lock
// that ends by itself is left to the bind, which knows the hour.
func active(e *entry) bool {
	const (
		accountDisable = 2                 // [MS-ADTS] section 2.2.16, ADS_UF_ACCOUNT_DISABLE
		forGood        = "000001010000Z"   // draft-behera-ldap-password-policy-10 section 5.3.3
		forGoodLong    = "00000101000000Z" // the same moment with seconds
	)
	for _, text := range e.texts(attrAccountControl) {
		if flags, err := strconv.ParseInt(text, 10, 64); err != nil || flags&accountDisable != 0 {
			return false
		}
	}
	for _, text := range e.texts(attrLockedTime) {
		if text == forGood || text == forGoodLong {
			return false
		}
	}
	for _, text := range e.texts(attrAccountLock) {
		if !strings.EqualFold(text, "FALSE") {
			return false
		}
	}
	return true
}

// passwordChanged is zero when the directory does not tell.
func passwordChanged(e *entry) time.Time {
	for _, text := range e.texts(attrPwdLastSet) {
		if t, ok := fileTime(text); ok {
			return t
		}
	}
	for _, a := range []string{attrPwdChanged, attrKrbChanged} {
		for _, text := range e.texts(a) {
			if t, ok := generalizedTime(text); ok {
				return t
			}
		}
	}
	return time.Time{}
}

// fileTime reads the count of 100 ns since 1601 in which Active Directory keeps
// time. Zero means never.
func fileTime(text string) (time.Time, bool) {
	const (
		perSecond = 10_000_000
		toUnix    = 11_644_473_600 // seconds from 1601 to 1970
		forever   = 1<<63 - 1
	)
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n <= 0 || n == forever {
		return time.Time{}, false
	}
	return time.Unix(n/perSecond-toUnix, n%perSecond*100).UTC(), true
}

// generalizedTime reads the form in which servers write it (RFC 4517 section
// 3.3.13): in UTC, to the second or finer.
func generalizedTime(text string) (time.Time, bool) {
	for _, layout := range []string{"20060102150405Z", "20060102150405.999999999Z", "200601021504Z"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}
