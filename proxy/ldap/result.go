package ldap

import (
	"strings"

	"github.com/sallyport-auth/sallyport/proxy"
)

// The result codes that are answered (RFC 4511 appendix A).
const (
	success                      = 0
	operationsError              = 1
	protocolError                = 2
	authMethodNotSupported       = 7
	unavailableCriticalExtension = 12
	confidentialityRequired      = 13
	invalidDNSyntax              = 34
	inappropriateAuthentication  = 48
	invalidCredentials           = 49
	unavailable                  = 52
	unwillingToPerform           = 53
	other                        = 80

	codes = 128 // results are below this; statistics have as many places
)

// result is an LDAPResult without its tag: a code and a text for people.
type result struct {
	code int
	text string
}

// maxDiagnostic bounds the text of a result, in bytes.
const maxDiagnostic = 4096

// outcomeResult maps the Outcome of a login to a result. Anything but an
// acceptance refuses; a challenge cannot be carried by a simple bind, so it is a
// refusal with the challenge's text.
func outcomeResult(o proxy.Outcome, policyRefusal int) result {
	return result{code: outcomeCode(o, policyRefusal), text: diagnostic(o.Messages)}
}

func outcomeCode(o proxy.Outcome, policyRefusal int) int {
	if o.Verdict == proxy.Accept {
		return success
	}
	switch o.Reason {
	case proxy.ReasonPolicyDenied, proxy.ReasonPolicyFailed, proxy.ReasonSecondFactorRequired:
		return policyRefusal
	case proxy.ReasonEmptyPassword:
		return unwillingToPerform
	case proxy.ReasonInternalError:
		return other
	}
	if o.Reason.Outage() {
		return unavailable
	}
	return invalidCredentials
}

// diagnostic joins the texts of an Outcome to one line of bounded length.
func diagnostic(messages []string) string {
	text := strings.Join(messages, " ")
	if len(text) > maxDiagnostic {
		text = strings.ToValidUTF8(text[:maxDiagnostic], "") // drops a character that was cut
	}
	return strings.ToValidUTF8(text, "\uFFFD")
}
