package ldap

import (
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/directory/ldap/upstream"
	"github.com/sallyport-auth/sallyport/internal/identity"
	"github.com/sallyport-auth/sallyport/internal/testenv"
)

const adText = "80090308: LdapErr: DSID-0C090447, comment: AcceptSecurityContext error, data %, v3839\x00"

func adRefusal(data string) string { return strings.Replace(adText, "%", data, 1) }

func TestVerdict(t *testing.T) {
	policy := func(value string) []upstream.Control {
		return []upstream.Control{{OID: "1.2.3", Value: []byte("other")}, {OID: upstream.ControlPasswordPolicy, Value: testenv.Unhex(t, value)}}
	}
	expired := []upstream.Control{{OID: oidPasswordExpired, Value: []byte("0")}}
	for _, c := range []struct {
		name     string
		code     int
		text     string
		controls []upstream.Control
		dead     bool   // the entry is locked for good
		want     string // a verdict, or "error: " and a part of its text
	}{
		{name: "right", want: "right"},
		{name: "right, text", text: "data 52e, welcome", want: "right"},
		{name: "right, nothing to say", controls: policy("3000"), want: "right"},
		{name: "right, expires soon", controls: policy("3005a003800105"), want: "right"},
		{name: "right, grace", controls: policy("3005a003810102"), want: "right"},
		{name: "right, must change", controls: policy("3003810102"), want: "must_change"},
		{name: "right, must change, expires", controls: policy("3008a003800105810102"), want: "must_change"},
		{name: "right, expired", controls: policy("3003810100"), want: "expired"},
		{name: "right, locked", controls: policy("3003810101"), want: "locked"},
		{name: "right, nonsense", controls: policy("3003810106"), want: "error: error 6"},
		{name: "right, malformed", controls: policy("3003"), want: "error: not encoded"},
		{name: "right, empty control", controls: policy(""), want: "error: not encoded"},
		{name: "right, two controls", controls: append(policy("3000"), policy("3003810102")...), want: "error: two password policy controls"},
		{name: "right, 389-ds must change", controls: expired, want: "must_change"},
		{name: "right, 389-ds grace and must change", controls: append(policy("3005a003810102"), expired...), want: "must_change"},
		{name: "right, 389-ds expired", controls: append(policy("3003810100"), expired...), want: "expired"},

		{name: "wrong", code: 49, want: "wrong"},
		{name: "wrong, text", code: 49, text: "Invalid credentials", want: "wrong"},
		{name: "wrong, locked", code: 49, controls: policy("3003810101"), want: "locked"},
		{name: "wrong, expired", code: 49, controls: policy("3003810100"), want: "expired"},
		{name: "wrong, must change", code: 49, controls: policy("3003810102"), want: "must_change"},
		{name: "wrong, too short", code: 49, controls: policy("3003810106"), want: "wrong"},
		{name: "wrong, malformed", code: 49, controls: policy("31"), want: "error: not encoded"},
		{name: "wrong, 389-ds expired", code: 49, controls: expired, want: "expired"},
		{name: "wrong, locked for good", code: 49, dead: true, want: "locked"},

		{name: "AD wrong", code: 49, text: adRefusal("52e"), want: "wrong"},
		{name: "AD wrong, disabled", code: 49, text: adRefusal("52e"), dead: true, want: "wrong"},
		{name: "AD unknown", code: 49, text: adRefusal("525"), want: "wrong"},
		{name: "AD hours", code: 49, text: adRefusal("530"), want: "restricted"},
		{name: "AD workstation", code: 49, text: adRefusal("531"), want: "restricted"},
		{name: "AD expired", code: 49, text: adRefusal("532"), want: "expired"},
		{name: "AD disabled", code: 49, text: adRefusal("533"), want: "disabled"},
		{name: "AD account expired", code: 49, text: adRefusal("701"), want: "account_expired"},
		{name: "AD must change", code: 49, text: adRefusal("773"), want: "must_change"},
		{name: "AD locked", code: 49, text: adRefusal("775"), want: "locked"},
		{name: "AD capitals", code: 49, text: strings.ToUpper(adRefusal("52e")), want: "wrong"},
		{name: "AD capitals, expired", code: 49, text: strings.ToUpper(adRefusal("532")), want: "expired"},
		{name: "AD restricted", code: 49, text: adRefusal("52f"), want: "restricted"},
		{name: "AD kind of logon", code: 49, text: adRefusal("569"), want: "restricted"},
		{name: "AD trust", code: 49, text: adRefusal("6fd"), want: "error: data 6fd"},
		{name: "AD other", code: 49, text: adRefusal("80090346"), want: "error: data 80090346"},
		{name: "AD longer number", code: 49, text: adRefusal("7751"), want: "error: data 7751"},
		{name: "AD no number", code: 49, text: "error, data , v1", want: "wrong"},
		{name: "AD number elsewhere", code: 49, text: "metadata 775", want: "wrong"},
		{name: "AD no logon server", code: 49, text: adRefusal("51f"), want: "error: data 51f"},
		{name: "AD code of another result", code: 52, text: adRefusal("775"), want: "error: 52 (unavailable)"},

		{name: "no entry", code: 32, want: "wrong"},
		{name: "no name", code: 34, want: "wrong"},
		{name: "no password", code: 48, want: "wrong"},
		{name: "389-ds inactivated", code: 53, text: "Account inactivated. Contact system administrator.", want: "disabled"},
		{name: "FreeIPA locked", code: 53, text: "Too many failed logins.\n", want: "locked"},
		{name: "FreeIPA locked for good", code: 53, text: "Entry permanently locked.\n", want: "locked"},
		{name: "FreeIPA expired", code: 53, text: "Account (Kerberos principal) is expired", want: "account_expired"},
		{name: "unwilling", code: 53, text: "unauthenticated bind (DN with no password) disallowed", want: "error: 53 (unwilling to perform): unauth"},
		{name: "389-ds retries", code: 19, text: "Exceed password retry limit. Please try later.", want: "locked"},
		{name: "constraint", code: 19, want: "error: 19"},
		{name: "TLS wanted", code: 8, text: "Transport encryption required.", want: "error: start_tls: require"},
		{name: "confidentiality", code: 13, want: "error: ldaps://"},
		{name: "operations error", code: 1, want: "error: 1 (operations error)"},
		{name: "protocol error", code: 2, want: "error: 2 (protocol error)"},
		{name: "referral", code: 10, want: "error: 10 (referral)"},
		{name: "rights", code: 50, want: "error: 50 (insufficient access rights)"},
		{name: "busy", code: 51, text: "too\nbusy\x00", want: "error: 51 (busy): too busy"},
		{name: "unavailable", code: 52, want: "error: 52 (unavailable)"},
		{name: "SASL", code: 14, want: "error: 14"},
		{name: "of the library", code: 200, want: "error: 200 (no code that is known)"},
		{name: "negative", code: -1, want: "error: -1"},
		{name: "large", code: 1 << 20, want: "error: 1048576"},
	} {
		t.Run(c.name, func(t *testing.T) {
			v, err := verdict(upstream.BindResult{Code: c.code, Text: c.text, Controls: c.controls}, !c.dead)
			if part, fails := strings.CutPrefix(c.want, "error: "); fails {
				if err == nil || !strings.Contains(err.Error(), part) || v != identity.Wrong {
					t.Errorf("got %s, %v", v, err)
				}
			} else if err != nil || v.String() != c.want {
				t.Errorf("got %s, %v", v, err)
			}
		})
	}
}

func TestMustChangeAllowed(t *testing.T) {
	for _, answer := range []upstream.BindResult{
		{Code: 0, Controls: []upstream.Control{{OID: upstream.ControlPasswordPolicy, Value: []byte("\x30\x03\x81\x01\x02")}}},
		{Code: 49, Text: adRefusal("773")},
	} {
		for setting, want := range map[string]identity.Verdict{"refuse": identity.MustChange, "allow": identity.Right} {
			s := &server{bind: func(string, string) (upstream.BindResult, error) { return answer, nil }}
			d := open(t, s, func(cfg *config.LDAPDirectory) { cfg.MustChange = setting })
			v, err := d.Verify(t.Context(), &identity.User{DN: "uid=alice", Active: true}, identity.NewPassword("x"))
			if err != nil || v != want {
				t.Errorf("%s: %s, %v", setting, v, err)
			}
		}
	}
}

// TestMustChangeUnproven: a refusal with the control does not prove that the
// password was right.
func TestMustChangeUnproven(t *testing.T) {
	s := &server{bind: func(string, string) (upstream.BindResult, error) {
		return upstream.BindResult{Code: 49, Controls: []upstream.Control{{OID: upstream.ControlPasswordPolicy, Value: []byte("\x30\x03\x81\x01\x02")}}}, nil
	}}
	d := open(t, s, func(cfg *config.LDAPDirectory) { cfg.MustChange = "allow" })
	v, err := d.Verify(t.Context(), &identity.User{DN: "uid=alice", Active: true}, identity.NewPassword("x"))
	if err != nil || v != identity.MustChange {
		t.Errorf("%s, %v", v, err)
	}
}

func TestCleanText(t *testing.T) {
	for in, want := range map[string]string{
		"":                             "",
		"\ra\r\n\tb\x00\n":             "a b",
		"\x1b[31mred":                  "[31mred",
		"a\u202eb\u200b":               "ab",
		"\xff\xfe":                     "?",
		"müller":                       "müller",
		adRefusal("52e"):               strings.TrimSuffix(adRefusal("52e"), "\x00"),
		strings.Repeat("x", 201):       strings.Repeat("x", 200) + "…",
		strings.Repeat("é", 101):       strings.Repeat("é", 100) + "…",
		"y" + strings.Repeat("é", 100): "y" + strings.Repeat("é", 99) + "…",
	} {
		if got := cleanText(in); got != want {
			t.Errorf("%q: %q", in, got)
		}
	}
}
