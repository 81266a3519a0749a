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
	ReasonUnknownApplication  Reason = "unknown_application"

	// The directory has spoken.
	ReasonUnknownUser        Reason = "unknown_user"
	ReasonBadPassword        Reason = "bad_password"
	ReasonUserDisabled       Reason = "user_disabled"
	ReasonPasswordExpired    Reason = "password_expired"
	ReasonPasswordMustChange Reason = "password_must_change"
	ReasonLockedOut          Reason = "locked_out"

	// The policies have spoken, or could not.
	ReasonPolicyDenied         Reason = "policy_denied"
	ReasonPolicyFailed         Reason = "policy_failed"
	ReasonSecondFactorRequired Reason = "second_factor_required"

	// We could not find out.
	ReasonUpstreamUnavailable Reason = "upstream_unavailable"
	ReasonOverloaded          Reason = "overloaded"
	ReasonTimeout             Reason = "timeout"
	ReasonInternalError       Reason = "internal_error"
)

// Outage reports whether the reason says nothing about the user: somebody else
// (the next server of the NAS) may well find out. Front-ends answer it with
// silence or "unavailable", never with "wrong password".
func (r Reason) Outage() bool {
	switch r {
	case ReasonUpstreamUnavailable, ReasonOverloaded, ReasonTimeout:
		return true
	}
	return false
}
