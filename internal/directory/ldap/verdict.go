package ldap

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	goldap "github.com/go-ldap/ldap/v3"

	"github.com/sallyport-auth/sallyport/internal/directory/ldap/upstream"
	"github.com/sallyport-auth/sallyport/internal/identity"
)

// verdict is what a server's answer to a bind says of the password. An error
// means that it says nothing of it.
func verdict(r upstream.BindResult, active bool) (identity.Verdict, error) {
	policy, expired, err := comments(r.Controls)
	if err != nil {
		return identity.Wrong, err
	}
	text := strings.ToLower(r.Text)
	switch r.Code {
	case goldap.LDAPResultSuccess:
		return accepted(policy, expired)
	case goldap.LDAPResultInvalidCredentials:
		return refused(r.Text, policy, expired, active)
	case goldap.LDAPResultNoSuchObject, goldap.LDAPResultInvalidDNSyntax, goldap.LDAPResultInappropriateAuthentication:
		return identity.Wrong, nil
	case goldap.LDAPResultUnwillingToPerform:
		if v := unwilling(text); v != identity.Wrong {
			return v, nil
		}
	case goldap.LDAPResultConstraintViolation:
		if strings.Contains(text, "exceed password retry limit") { // 389-ds
			return identity.Locked, nil
		}
	case goldap.LDAPResultStrongAuthRequired, goldap.LDAPResultConfidentialityRequired:
		return identity.Wrong, fmt.Errorf("the server demands TLS for passwords (%s): use ldaps:// in urls, or start_tls: require",
			resultText(r.Code, r.Text))
	}
	return identity.Wrong, fmt.Errorf("the server answers %s", resultText(r.Code, r.Text))
}

// comments reads the controls that come with the answer to a bind. One that
// cannot be read is an error: it may be the one that refuses.
func comments(controls []upstream.Control) (policy passwordPolicy, expired bool, err error) {
	policy.fault = policyNone
	seen := false
	for _, c := range controls {
		switch c.OID {
		case oidPasswordExpired:
			expired = true
		case upstream.ControlPasswordPolicy:
			if seen {
				return policy, expired, errors.New("the server sent two password policy controls")
			}
			seen = true
			if policy, err = decodePasswordPolicy(c.Value); err != nil {
				return policy, expired, err
			}
		}
	}
	return policy, expired, nil
}

// accepted is for a bind that succeeded. OpenLDAP accepts a password that must
// be changed and says so only in the control.
func accepted(policy passwordPolicy, expired bool) (identity.Verdict, error) {
	switch {
	case policy.fault == policyPasswordExpired:
		return identity.Expired, nil
	case policy.fault == policyAccountLocked:
		return identity.Locked, nil
	case policy.fault == policyChangeAfterReset, policy.fault == policyNone && expired:
		return identity.MustChange, nil
	case policy.fault != policyNone:
		return identity.Wrong, fmt.Errorf("the server accepts the password with error %d of the password policy control, which has no meaning for a bind", policy.fault)
	}
	return identity.Right, nil
}

// proven reports whether the password was right although the verdict is
// MustChange. Active Directory refuses the bind then, but for nobody else. With
// the control alone, a refusal stays one.
func proven(r upstream.BindResult) bool {
	return r.Code == goldap.LDAPResultSuccess || adData.MatchString(r.Text)
}

// adData finds the reason that Active Directory writes into the text of a
// refusal: "80090308: LdapErr: DSID-…, comment: AcceptSecurityContext error,
// data 52e, v4563". It is a Windows error code in hexadecimal digits.
var adData = regexp.MustCompile(`(?i), data ([0-9a-f]+),`)

// refused is for invalidCredentials.
func refused(text string, policy passwordPolicy, expired, active bool) (identity.Verdict, error) {
	if m := adData.FindStringSubmatch(text); m != nil {
		return adVerdict(strings.ToLower(m[1]))
	}
	switch {
	case policy.fault == policyAccountLocked:
		return identity.Locked, nil
	case policy.fault == policyPasswordExpired, expired:
		return identity.Expired, nil
	case policy.fault == policyChangeAfterReset:
		return identity.MustChange, nil
	case !active: // locked for good: the password was not even looked at
		return identity.Locked, nil
	}
	return identity.Wrong, nil
}

// adVerdict maps the Windows error codes that come with a refused bind
// ([MS-ERREF] section 2.2). Unknown users and wrong passwords are the same. All
// other codes are about something else than the password: trust between domains,
// resources, a domain controller that could not ask another one.
func adVerdict(data string) (identity.Verdict, error) {
	switch data {
	case "525", "52e":
		return identity.Wrong, nil
	case "52f", "530", "531", "569": // a restriction of the account, logon hours, workstation, kind of logon
		return identity.Restricted, nil
	case "532":
		return identity.Expired, nil
	case "533":
		return identity.Disabled, nil
	case "701":
		return identity.AccountExpired, nil
	case "773":
		return identity.MustChange, nil
	case "775":
		return identity.Locked, nil
	case "51f": // ERROR_NO_LOGON_SERVERS: a read-only or trusting domain controller could not ask
		return identity.Wrong, errors.New("the domain controller could not reach one that knows the password (data 51f)")
	}
	return identity.Wrong, fmt.Errorf("the server refuses for a reason that is not the password (data %s, a Windows error code in hexadecimal digits)", data)
}

// unwilling reads the texts with which 389-ds and FreeIPA refuse an account;
// they have no codes. Wrong stands for none of them.
func unwilling(text string) identity.Verdict {
	switch {
	case strings.Contains(text, "account inactivated"):
		return identity.Disabled
	case strings.Contains(text, "entry permanently locked"), strings.Contains(text, "too many failed logins"):
		return identity.Locked
	case strings.Contains(text, "(kerberos principal) is expired"):
		return identity.AccountExpired
	}
	return identity.Wrong
}
