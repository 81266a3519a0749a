package upstream

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/go-ldap/ldap/v3"

	"github.com/sallyport-auth/sallyport/internal/ber"
)

// adviseConnect says what to do when there is no TCP connection, or no answer
// of DNS.
func adviseConnect(err error) string {
	var dns *net.DNSError
	var timed net.Error
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return fmt.Sprintf("the name %s does not exist: mend urls or srv, or the DNS servers of this machine", dns.Name)
	case errors.As(err, &dns):
		return "DNS does not answer: look at the DNS servers of this machine"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nothing listens there: is the server running, and is the port right (389 for ldap://, 636 for ldaps://)?"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "there is no route: look at the network of this machine"
	case errors.As(err, &timed) && timed.Timeout():
		return "nobody answers: is the address right, and does a firewall let this machine through?"
	}
	return ""
}

// adviseTLS says what to do when there is no TLS.
func (s *server) adviseTLS(err error) string {
	var (
		refused *errStartTLS
		record  tls.RecordHeaderError
		network *net.OpError
		timed   net.Error
	)
	if advice := s.adviseCertificate(err); advice != "" {
		return advice
	}
	switch {
	case errors.As(err, &refused):
		return "the server has no StartTLS, most likely because it has no certificate: set one up there, or write ldaps:// if it has a port for that"
	case errors.Is(err, errBehind):
		return "somebody on the way may be tampering with the connection: use ldaps://, and look at what lies between"
	case errors.As(err, &record):
		return "the server does not speak TLS on this port: write ldap:// with start_tls: require, or the port for LDAPS (636)"
	case errors.As(err, &network) && network.Op == "remote error":
		return s.adviseAlert(err)
	case errors.Is(err, errMalformed):
		return "what listens there is no LDAP server; if it is one for LDAPS, write ldaps://"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET):
		if s.startTLS {
			return "the server hung up: if the port is for LDAPS, write ldaps://"
		}
		return "the server hung up: if the port is for LDAP with StartTLS, write ldap://; or it has no certificate, as an Active Directory without one does"
	case errors.As(err, &timed) && timed.Timeout():
		return "the server took the connection but does not answer: it may be overloaded or stopped, or the port is not for what is written in urls"
	}
	return ""
}

// adviseAlert is about what the server did not like.
func (s *server) adviseAlert(err error) string {
	text := err.Error()
	switch {
	case strings.Contains(text, "protocol version"):
		return "server and Sallyport have no TLS version in common: TLS 1.2 is the oldest there is (tls.min_version)"
	case strings.Contains(text, "certificate") && len(s.tls.Certificates) == 0:
		return "the server wants a client certificate: set tls.certificate and tls.key"
	case strings.Contains(text, "certificate"), strings.Contains(text, "unknown"):
		return "the server does not accept our client certificate: look at tls.certificate, and at the authorities that the server trusts"
	}
	return "the server refused the handshake: its log says why"
}

// adviseCertificate is about what we did not like in the server's certificate.
func (s *server) adviseCertificate(err error) string {
	var (
		failed  *tls.CertificateVerificationError
		unknown x509.UnknownAuthorityError
		name    x509.HostnameError
		invalid x509.CertificateInvalidError
	)
	issuer := "its issuer"
	if errors.As(err, &failed) && len(failed.UnverifiedCertificates) > 0 {
		chain := failed.UnverifiedCertificates
		issuer = chain[len(chain)-1].Issuer.String()
	}
	switch {
	case errors.As(err, &unknown) && s.tls.RootCAs != nil:
		return "the server's certificate is signed by another authority than those in tls.ca: put the certificate of " + issuer + " there"
	case errors.As(err, &unknown):
		return "the server's certificate is signed by an authority that this machine does not know: set tls.ca to a PEM file with the certificate of " + issuer
	case errors.As(err, &name):
		return fmt.Sprintf("the server's certificate is for %s, not for %s: write that name into urls, or set tls.server_name",
			strings.Join(certificateNames(name.Certificate), ", "), s.tls.ServerName)
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		if time.Now().Before(invalid.Cert.NotBefore) {
			return "a certificate of the server is not valid before " + invalid.Cert.NotBefore.Format(time.DateTime) + ": look at the clock of this machine"
		}
		return "a certificate of the server expired on " + invalid.Cert.NotAfter.Format(time.DateTime) + ": have it renewed"
	case errors.As(err, &invalid):
		return "the server's certificate cannot be used for this: " + invalid.Error()
	}
	return ""
}

// adData finds the reason that Active Directory hides in the text of a refusal.
var adData = regexp.MustCompile(`\bdata ([0-9a-fA-F]+)\b`)

var adAdvice = map[string]string{
	"525": "the service account does not exist: look at bind_dn",
	"52e": "the service account's password is wrong, or bind_dn is: look at bind_password",
	"530": "the service account may not log in at this time",
	"531": "the service account may not log in from this machine",
	"532": "the service account's password has expired: set a new one, and let it not expire",
	"533": "the service account is disabled",
	"701": "the service account has expired",
	"773": "the service account must change its password first: take that mark off the account",
	"775": "the service account is locked: unlock it, and look for who uses an old password",
}

// adviseBind says what to do when the service account is refused; and what is
// wrong with it although it was accepted.
func (s *server) adviseBind(r result, f *fault) string {
	if advice := advisePolicy(r.controls); advice != "" {
		return advice
	}
	if m := adData.FindStringSubmatch(r.text); m != nil && r.code == ldap.LDAPResultInvalidCredentials {
		if advice := adAdvice[strings.ToLower(m[1])]; advice != "" {
			return advice
		}
	}
	switch {
	case f != nil && errors.Is(f.err, ErrNotSent):
		return "set bind_password, or leave bind_dn out to search anonymously"
	case f != nil && r.code == 0:
		return s.adviseTLS(f.err) // with TLS 1.3 the server looks at our certificate after the handshake
	}
	switch r.code {
	case ldap.LDAPResultInvalidCredentials, ldap.LDAPResultNoSuchObject:
		return "bind_dn or bind_password is wrong, or the account is locked: try ldapwhoami -D with the same"
	case ldap.LDAPResultInvalidDNSyntax:
		return "bind_dn is not a DN: Active Directory takes user@domain as well, other servers do not"
	case ldap.LDAPResultStrongAuthRequired, ldap.LDAPResultConfidentialityRequired:
		return "the server wants TLS before a password: write ldaps://, or start_tls: require"
	case ldap.LDAPResultInappropriateAuthentication:
		return "the service account has no password, or the server takes none for it"
	case ldap.LDAPResultUnwillingToPerform:
		return "the server does not want this account to bind: it may be disabled or must change its password"
	}
	if busy(r.code) {
		return "the server is overloaded, starting or stopping"
	}
	return ""
}

// advisePolicy reads what a password policy says of the service account
// (draft-behera-ldap-password-policy-10 section 6.2).
func advisePolicy(controls []Control) string {
	const tagError = 0x81
	for _, c := range controls {
		if c.OID != ControlPasswordPolicy {
			continue
		}
		body, _, err := ber.Expect(c.Value, ber.TagSequence)
		for err == nil && len(body) > 0 {
			var tag byte
			var value []byte
			tag, value, body, err = ber.Element(body)
			if err != nil || tag != tagError {
				continue
			}
			switch code, _ := ber.IntegerValue(value); code {
			case 0:
				return "the service account's password has expired: set a new one, and let it not expire"
			case 1:
				return "the service account is locked: unlock it (pwdAccountLockedTime), and look for who uses an old password"
			case 2:
				return "the service account must change its password before it may search: set pwdReset to FALSE"
			}
		}
	}
	return ""
}
