package proxy

// Reason says why a login ended as it did: one closed list for logs, metrics
// and front-ends.
type Reason string

// The reasons. Front-ends map them to answers and never add their own.
const (
	ReasonOK Reason = "ok"

	// The name or the credential cannot be right.
	ReasonEmptyLogin          Reason = "empty_login"
	ReasonEmptyRealm          Reason = "empty_realm"
	ReasonMalformedLogin      Reason = "malformed_login"
	ReasonEmptyPassword       Reason = "empty_password"
	ReasonMalformedPassword   Reason = "malformed_password"
	ReasonMissingCredential   Reason = "missing_credential"
	ReasonAmbiguousCredential Reason = "ambiguous_credential"
	ReasonUnsupportedMethod   Reason = "unsupported_method"
	ReasonMalformedRequest    Reason = "malformed_request"
	ReasonUnknownRealm        Reason = "unknown_realm"
	ReasonUnknownApplication  Reason = "unknown_application"

	// The directory has spoken.
	ReasonUnknownUser        Reason = "unknown_user"
	ReasonBadPassword        Reason = "bad_password"
	ReasonUserDisabled       Reason = "user_disabled"
	ReasonPasswordExpired    Reason = "password_expired"
	ReasonPasswordMustChange Reason = "password_must_change"
	ReasonLockedOut          Reason = "locked_out"
	ReasonAccountExpired     Reason = "account_expired"
	// ReasonLogonRestricted: not at this hour or from this place.
	ReasonLogonRestricted Reason = "logon_restricted"
	// ReasonAmbiguousUser: several users have this login.
	ReasonAmbiguousUser Reason = "ambiguous_user"

	// The policies have spoken, or could not.
	ReasonPolicyDenied         Reason = "policy_denied"
	ReasonPolicyFailed         Reason = "policy_failed"
	ReasonSecondFactorRequired Reason = "second_factor_required"

	// We could not find out.
	ReasonUpstreamUnavailable Reason = "upstream_unavailable"
	ReasonOverloaded          Reason = "overloaded"
	ReasonTimeout             Reason = "timeout"
	// ReasonCanceled: the client went away, or asked us to stop.
	ReasonCanceled      Reason = "canceled"
	ReasonInternalError Reason = "internal_error"
)

// Outage reports whether the reason says nothing about the user: somebody else
// (the next server of the NAS) may well find out. Front-ends answer it with
// silence or "unavailable", never with "wrong password".
func (r Reason) Outage() bool {
	switch r {
	case ReasonUpstreamUnavailable, ReasonOverloaded, ReasonTimeout, ReasonCanceled:
		return true
	}
	return false
}

// Text returns what a refused user reads when no policy has a better text. It
// does not tell an unknown user from a wrong password, nor either from an
// account that is switched off: NAS show these texts to anybody.
func (r Reason) Text() string {
	switch r {
	case ReasonOK:
		return ""
	case ReasonPolicyDenied, ReasonPolicyFailed, ReasonSecondFactorRequired, ReasonInternalError:
		return "Access denied."
	case ReasonPasswordExpired:
		return "Your password has expired."
	case ReasonPasswordMustChange:
		return "Your password must be changed first."
	case ReasonUnsupportedMethod:
		return "This login method is not supported."
	case ReasonEmptyPassword:
		return "An empty password is not accepted."
	case ReasonUpstreamUnavailable, ReasonOverloaded, ReasonTimeout, ReasonCanceled:
		return "The login service is not available at the moment."
	}
	return "Wrong user name or password."
}
