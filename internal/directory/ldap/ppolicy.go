package ldap

import (
	"fmt"

	"github.com/sallyport-auth/sallyport/internal/ber"
)

// oidPasswordExpired is the other control with which servers comment on a bind
// (draft-vchu-ldap-pwd-policy-00 section 4.1; 389-ds).
const oidPasswordExpired = "2.16.840.1.113730.3.4.4"

// The errors of the password policy control that concern a bind.
const (
	policyNone             = -1
	policyPasswordExpired  = 0
	policyAccountLocked    = 1
	policyChangeAfterReset = 2
	policyLastError        = 8 // passwordInHistory
)

// passwordPolicy is the value of a password policy response control. What it
// does not hold is negative.
type passwordPolicy struct {
	expires int32 // seconds until the password expires
	grace   int32 // further logins with a password that has expired
	fault   int32 // policyNone or one of the errors
}

// decodePasswordPolicy reads the control's value:
//
//	SEQUENCE {
//	  warning [0] CHOICE {
//	    timeBeforeExpiration [0] INTEGER (0 .. maxInt),
//	    graceAuthNsRemaining [1] INTEGER (0 .. maxInt) } OPTIONAL,
//	  error   [1] ENUMERATED OPTIONAL }
//
// A CHOICE keeps its own tag inside of [0] (X.680 section 31.2.7).
func decodePasswordPolicy(value []byte) (passwordPolicy, error) {
	const (
		tagWarning = ber.ClassContext | ber.ConstructedBit
		tagFault   = ber.ClassContext | 1
		tagExpires = ber.ClassContext
		tagGrace   = ber.ClassContext | 1
	)
	p := passwordPolicy{expires: -1, grace: -1, fault: policyNone}
	malformed := func() (passwordPolicy, error) {
		return passwordPolicy{}, fmt.Errorf("password policy control: %w", ber.ErrMalformed)
	}
	body, rest, err := ber.Expect(value, ber.TagSequence)
	if err != nil || len(rest) > 0 {
		return malformed()
	}
	if len(body) > 0 && body[0] == tagWarning {
		var warning []byte
		if warning, body, err = ber.Expect(body, tagWarning); err != nil || len(warning) == 0 {
			return malformed()
		}
		into := &p.expires
		if warning[0] == tagGrace {
			into = &p.grace
		} else if warning[0] != tagExpires {
			return malformed()
		}
		if *into, rest, err = ber.Integer(warning, warning[0]); err != nil || len(rest) > 0 || *into < 0 {
			return malformed()
		}
	}
	if len(body) > 0 {
		if p.fault, body, err = ber.Integer(body, tagFault); err != nil || len(body) > 0 || p.fault < 0 || p.fault > policyLastError {
			return malformed()
		}
	}
	return p, nil
}
