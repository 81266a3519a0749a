package userimport

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/sallyport-auth/sallyport/internal/directory/local"
	"github.com/sallyport-auth/sallyport/internal/dn"
	"github.com/sallyport-auth/sallyport/internal/identity"
)

// The attributes that count, beside the one with the login.
func ldifAttributes() []string {
	return []string{
		"objectClass", "cn", "displayName", "mail", "userPassword", "memberOf", "member", "uniqueMember", "memberUid",
		"nsAccountLock", "userAccountControl", "pwdAccountLockedTime",
	}
}

// ldifFile is an LDIF file on its way to a File: members can name entries that
// come later.
type ldifFile struct {
	*File
	loginAttributes []string

	users  map[dn.Key]int    // index in File.Users
	groups map[dn.Key]string // names
	logins map[string]int    // folded: index in File.Users, or -1 for one at fault
	lines  map[string]int    // folded login: its line
	names  map[string]naming // folded name of a group

	groupEntries []*entry
}

// naming is which group was meant by a name, and where.
type naming struct {
	name string
	key  dn.Key
	line int
}

// readLDIF reads users and groups.
func readLDIF(f *File, text string, o Options) error {
	l := &ldifFile{
		File: f, loginAttributes: o.LoginAttributes,
		users: make(map[dn.Key]int), groups: make(map[dn.Key]string),
		logins: make(map[string]int), lines: make(map[string]int), names: make(map[string]naming),
	}
	if len(l.loginAttributes) == 0 {
		l.loginAttributes = []string{"sAMAccountName", "uid"}
	}
	wanted := make(map[string]bool)
	for _, name := range slices.Concat(ldifAttributes(), l.loginAttributes) {
		wanted[strings.ToLower(name)] = true
	}
	if err := parseLDIF(text, wanted, l.add, f.fault); err != nil {
		return fmt.Errorf("%s:%w", f.Name, err)
	}
	for _, e := range l.groupEntries {
		l.addMembers(e)
	}
	// A user may be in too many groups only now.
	good := f.Users[:0]
	for _, u := range f.Users {
		if err := u.check(); err != nil {
			f.fault(u.Line, u.Login, err)
			continue
		}
		good = append(good, u)
	}
	f.Users = good
	return nil
}

// add sorts an entry in: a group, a user, or neither.
func (l *ldifFile) add(e *entry) {
	classes := e.all("objectClass")
	is := func(names ...string) bool {
		return slices.ContainsFunc(classes, func(class string) bool {
			return slices.ContainsFunc(names, func(name string) bool { return strings.EqualFold(class, name) })
		})
	}
	members := len(e.all("member"))+len(e.all("uniqueMember"))+len(e.all("memberUid")) > 0
	switch {
	case is("groupOfNames", "groupOfUniqueNames", "groupOfMembers", "posixGroup", "group"),
		len(classes) == 0 && members:
		l.addGroup(e)
	case is("computer"):
		l.Ignored = append(l.Ignored, Note{e.line, e.dn, "a computer"})
	case e.first(l.loginAttributes...) != "":
		l.addUser(e)
	default:
		l.Ignored = append(l.Ignored, Note{e.line, e.dn, "neither a user nor a group"})
	}
}

func (l *ldifFile) addUser(e *entry) {
	u := User{Line: e.line}
	login, loginErr := e.login(l.loginAttributes)
	u.Login = login
	u.Name, u.Email = e.first("displayName", "cn"), e.first("mail")
	disabled, disabledErr := e.disabled()
	u.Disabled = disabled
	errs := []error{loginErr, disabledErr, u.takeUserPassword(e.all("userPassword"))}
	if loginErr == nil {
		errs = append(errs, u.check())
	}
	for _, value := range e.all("memberOf") {
		group, err := l.groupOf(value, e.line)
		if err != nil {
			errs = append(errs, fmt.Errorf("memberOf: %w", err))
			continue
		}
		u.join(group)
	}
	folded := identity.Fold(login)
	if first, twice := l.lines[folded]; twice && login != "" {
		errs = append(errs, fmt.Errorf("login: %q stands in line %d already (case does not count)", clip(login), first))
	} else {
		l.lines[folded], l.logins[folded] = e.line, -1
	}
	if err := errors.Join(errs...); err != nil {
		l.fault(e.line, cmp.Or(login, e.dn), err)
		l.users[e.parsed.Key()] = -1
		return
	}
	l.users[e.parsed.Key()], l.logins[folded] = len(l.Users), len(l.Users)
	l.Users = append(l.Users, u)
}

// login is the value of the first of the attributes that the entry has; of
// several values the one that the entry is named by.
func (e *entry) login(attributes []string) (string, error) {
	for _, attribute := range attributes {
		values := e.all(attribute)
		if len(values) == 0 {
			continue
		}
		if len(values) == 1 {
			return values[0], nil
		}
		for _, value := range values {
			if slices.ContainsFunc(e.parsed[0], func(a dn.AVA) bool { return strings.EqualFold(a.Attr, attribute) && a.Value == value }) {
				return value, nil
			}
		}
		return "", fmt.Errorf("%s: has %d values, and the DN does not say which one is the login; leave one", attribute, len(values))
	}
	return "", errors.New("there is no login") // add has looked
}

// disabled reports whether the account may not log in at all, in the words of 389
// Directory Server and FreeIPA, of Active Directory, and of OpenLDAP's ppolicy.
func (e *entry) disabled() (bool, error) {
	const accountDisable = 0x2 // ADS_UF_ACCOUNTDISABLE, MS-ADTS 2.2.16
	if value := e.first("userAccountControl"); value != "" {
		flags, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			return false, errors.New("userAccountControl: is no number")
		}
		if flags&accountDisable != 0 {
			return true, nil
		}
	}
	// The year 0 stands for a lock that does not end (draft-behera-ldap-password-policy
	// section 5.3.3); others are over when the import is.
	locked := strings.HasPrefix(e.first("pwdAccountLockedTime"), "000001010000")
	return locked || strings.EqualFold(e.first("nsAccountLock"), "true"), nil
}

// takeUserPassword takes a hash with its scheme, or a password in clear text.
func (u *User) takeUserPassword(values []string) error {
	const field = "userPassword"
	switch {
	case len(values) == 0 || len(values) == 1 && values[0] == "":
		return nil
	case len(values) > 1:
		return fmt.Errorf("%s: has %d values; leave one", field, len(values))
	}
	value := values[0]
	const cleartext = "{CLEARTEXT}"
	if len(value) > len(cleartext) && strings.EqualFold(value[:len(cleartext)], cleartext) {
		value = value[len(cleartext):]
	} else if local.LooksHashed(value) || strings.HasPrefix(value, "{") {
		return u.takeHash(field, value)
	}
	if err := local.CheckPassword(value); err != nil {
		return fmt.Errorf("%s: %w", field, err)
	}
	u.Password = identity.NewPassword(value)
	return nil
}
