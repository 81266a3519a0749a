package ldap

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"

	goldap "github.com/go-ldap/ldap/v3"

	"github.com/sallyport-auth/sallyport/internal/directory/ldap/upstream"
	"github.com/sallyport-auth/sallyport/internal/identity"
)

// Step is one step of a diagnosis: what was tried, what came back, and in words
// what to change when it is not what it should be.
type Step = upstream.Step

// Diagnose tries out the directory step by step and reports each step as it
// ends: the servers (connect, TLS, service bind, root DSE), then, unless login is
// empty, the search for that user, the groups, and, unless password is nil, a
// bind with what password returns, which is asked only when there is a user.
// The error says that something is wrong; the report has told what.
func (d *Directory) Diagnose(ctx context.Context, login string, password func() (identity.Password, error), report func(Step)) error {
	wrong := 0
	tell := func(s Step) {
		if s.Err != nil {
			wrong++
		}
		report(s)
	}
	d.cluster.Diagnose(ctx, tell)
	if login != "" {
		if u := d.diagnoseUser(ctx, login, tell); u != nil && password != nil {
			if err := d.diagnosePassword(ctx, u, password, tell); err != nil {
				return err
			}
		}
	}
	if wrong > 0 {
		return fmt.Errorf("directory %s: steps that failed: %d", d.name, wrong)
	}
	return nil
}

// diagnoseUser looks for a user and the groups; nil if there is none.
func (d *Directory) diagnoseUser(ctx context.Context, login string, report func(Step)) *identity.User {
	begin := time.Now()
	step := Step{Name: "search", Tried: d.searchTried(login)}
	end := func(got string, err error, advice string) {
		step.Got, step.Err, step.Advice, step.Took = got, err, advice, time.Since(begin)
		report(step)
	}
	if !plausibleLogin(login) {
		end("", identity.ErrNotFound, "such a login is refused without asking: it is blank, has control characters or more than 255 octets")
		return nil
	}
	if d.settings.template != nil && d.settings.anonymous {
		u, err := d.unseen(login)
		if err != nil {
			end("", err, "the login has blanks or characters that servers do not tell apart; only its plain spelling is taken")
			return nil
		}
		end(fmt.Sprintf("no look-up is configured; the DN is %s if there is such a user", plain(u.DN)), nil, "")
		return u
	}
	found, err := d.find(ctx, login)
	if err != nil {
		end("", err, d.searchAdvice(err))
		return nil
	}
	u, err := d.settings.user(found.entry, d.name)
	if err != nil {
		end("one entry, "+plain(found.entry.dn), err, "no login gets past that")
		return nil
	}
	end(d.foundText(found, u), nil, stateAdvice(u))
	d.diagnoseGroups(ctx, found.entry, u, report)
	return u
}

// searchTried says what is searched, with the filter as it is sent.
func (d *Directory) searchTried(login string) string {
	if !plausibleLogin(login) {
		return "nothing"
	}
	if d.settings.template != nil && d.settings.anonymous {
		return "user_dn filled in, without bind_dn"
	}
	var tried []string
	for _, req := range d.settings.requests(login) {
		tried = append(tried, fmt.Sprintf("base %s, scope %s, filter %s", plain(req.BaseDN), strings.ToLower(goldap.ScopeMap[req.Scope]), req.Filter))
	}
	return strings.Join(tried, "; then ")
}

// foundText says who was found and why.
func (d *Directory) foundText(found match, u *identity.User) string {
	text := fmt.Sprintf("one entry, %s: login %q, id %s, name %q, email %q", plain(u.DN), u.Login, plain(u.ID), u.Name, u.Email)
	switch {
	case found.attribute < len(d.settings.logins):
		text += fmt.Sprintf("; matched by %s=%q", d.settings.logins[found.attribute], found.value)
	case d.settings.template == nil:
		text += "; matched by the server's own rules, no value is the same but for case"
	}
	return text
}

// plain puts a DN in quotes as it is: it has backslashes of its own, which a second
// layer of them would make unreadable. What cannot be seen is escaped.
func plain(name string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range strings.ToValidUTF8(name, "\uFFFD") {
		if unicode.IsPrint(r) {
			b.WriteRune(r)
		} else {
			b.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
		}
	}
	b.WriteByte('"')
	return b.String()
}

func stateAdvice(u *identity.User) string {
	if u.Active {
		return ""
	}
	return "the directory has switched this account off or locked it for good; it cannot log in"
}

// searchAdvice says in words what to change when nobody was found.
func (d *Directory) searchAdvice(err error) string {
	switch {
	case errors.Is(err, identity.ErrNotFound) && d.settings.template != nil:
		return "is user_dn right, does user_filter fit the entry, and may the service account read it?"
	case errors.Is(err, identity.ErrNotFound):
		return "is the user below base_dn, does user_filter fit the entry, is the login in one of " +
			strings.Join(d.settings.logins, ", ") + ", and may the service account search it? ldapsearch with the filter above and without its parts tells"
	case errors.Is(err, identity.ErrAmbiguous):
		return "make user_filter or base_dn narrower, or take attributes out of login_attribute, until one entry is left"
	case hasCode(err, goldap.LDAPResultNoSuchObject):
		return "base_dn is not there, or the service account may not see it"
	case hasCode(err, goldap.LDAPResultOperationsError):
		return "the server wants a bind before it is searched: set bind_dn and bind_password"
	case hasCode(err, goldap.LDAPResultInsufficientAccessRights), hasCode(err, goldap.LDAPResultInappropriateAuthentication):
		return "the service account needs the right to search below base_dn"
	case hasCode(err, goldap.LDAPResultReferral):
		return "this server does not hold base_dn: name one that does in urls, or correct base_dn"
	case hasCode(err, goldap.LDAPResultStrongAuthRequired), hasCode(err, goldap.LDAPResultConfidentialityRequired):
		return "the server demands TLS: use ldaps:// in urls, or start_tls: require"
	}
	return "see the steps above"
}

// diagnoseGroups looks up the groups.
func (d *Directory) diagnoseGroups(ctx context.Context, e *entry, u *identity.User, report func(Step)) {
	g := &d.settings.groups
	if g.lookup == "none" {
		return
	}
	begin := time.Now()
	tried := fmt.Sprintf("groups.lookup %s, nested %s, below %s, filter %s", g.lookup, g.nested, plain(g.base), g.filter)
	list, err := d.groups(ctx, e, u.Login)
	step := Step{Name: "groups", Tried: tried, Err: err, Took: time.Since(begin)}
	switch {
	case err != nil:
		step.Advice = "logins of this user fail until that is mended, because policies would not see all groups"
	case len(list) == 0 && g.lookup == "memberof" && g.nested != "in_chain":
		step.Got = "none"
		step.Advice = "if there should be some: the service account may lack the right to read memberOf, or the server does not keep it (OpenLDAP needs the memberof overlay); set groups.lookup: member. Groups outside of groups.base_dn do not count"
	case len(list) == 0:
		step.Got = "none"
		step.Advice = "if there should be some: check groups.base_dn, groups.filter and groups.member_attribute, and that the service account may search groups"
	default:
		setGroups(u, list)
		step.Got = fmt.Sprintf("%d: %q", len(u.Groups), u.Groups)
	}
	report(step)
}

// diagnosePassword binds as the user. Its error is that of password.
func (d *Directory) diagnosePassword(ctx context.Context, u *identity.User, password func() (identity.Password, error), report func(Step)) error {
	p, err := password()
	if err != nil {
		return fmt.Errorf("read the password: %w", err)
	}
	begin := time.Now()
	step := Step{Name: "user bind", Tried: "bind as " + plain(u.DN)}
	v, err := d.Verify(ctx, u, p)
	step.Took = time.Since(begin)
	if err == nil && v == identity.Right && !u.Active {
		v = identity.Disabled
	}
	switch {
	case err != nil:
		step.Err, step.Advice = err, "this counts as an outage, never as a wrong password"
	case v == identity.Right:
		step.Got = "the password is right"
	default:
		step.Err = fmt.Errorf("the login is refused: %s", v)
		step.Advice = verdictAdvice(v)
	}
	report(step)
	return nil
}

// verdictAdvice says in words what a verdict means and what to change.
func verdictAdvice(v identity.Verdict) string {
	switch v {
	case identity.Disabled:
		return "the account is switched off; enable it in the directory"
	case identity.Locked:
		return "the directory has locked the account; unlock it there"
	case identity.Expired:
		return "the password has expired; set a new one in the directory"
	case identity.MustChange:
		return "the password is right and must be changed first; change it, or set must_change: allow"
	case identity.AccountExpired:
		return "the account has expired; extend it in the directory"
	case identity.Restricted:
		return "the directory does not allow this account now or from here (logon hours, workstations)"
	case identity.Wrong:
		return "the directory says that the password is wrong"
	}
	return ""
}
