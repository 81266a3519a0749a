package upstream

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-ldap/ldap/v3"
)

// The names of the steps of a diagnosis, in their order.
const (
	StepResolve = "look-up"
	StepConnect = "connect"
	StepTLS     = "TLS"
	StepBind    = "service bind"
	StepRootDSE = "root DSE"
)

// Step is what a diagnosis tried at a server, for people to read.
type Step struct {
	// Server is its URL; for StepResolve the name of the SRV records.
	Server string
	// Name is one of the constants above.
	Name string
	// Tried says what was done, Got what came of it; Got is empty with Err.
	Tried, Got string
	// Err is why the step failed; the server's later steps are left out then.
	Err error
	// Advice says what to change. There may be some without an Err.
	Advice string
	Took   time.Duration
}

// expiresSoon is when a certificate is worth a word before it expires.
const expiresSoon = 30 * 24 * time.Hour

// Diagnose goes through all that a login needs at each server, one after the
// other, whatever their state, on connections of its own.
func (c *Cluster) Diagnose(ctx context.Context, report func(Step)) {
	if !c.begin() {
		return
	}
	defer c.running.Done()
	if c.resolver != nil {
		report(c.resolver.diagnose(ctx))
		c.resolver.wait(ctx) // the servers come from a look-up of its own
	}
	for _, s := range *c.servers.Load() {
		if ctx.Err() != nil {
			return
		}
		s.diagnose(ctx, report)
	}
}

func (r *resolver) diagnose(ctx context.Context) Step {
	step := Step{Server: r.name, Name: StepResolve, Tried: "look up the SRV records"}
	begin := time.Now()
	within, cancel := context.WithTimeout(ctx, resolveWithin)
	defer cancel()
	found, err := r.lookup(within, r.name)
	step.Took = time.Since(begin)
	records, foreign := r.usable(found)
	if len(foreign) > 0 {
		step.Advice = fmt.Sprintf("servers outside of %s are not used: %s; write them into urls if they are meant", r.domain, strings.Join(foreign, ", "))
	}
	switch {
	case err != nil:
		step.Err, step.Advice = err, adviseConnect(err)
	case len(records) == 0:
		step.Err = errors.New("there are no SRV records that can be used")
	default:
		var names []string
		for _, s := range records {
			names = append(names, fmt.Sprintf("%s:%d (priority %d, weight %d)", s.Target, s.Port, s.Priority, s.Weight))
		}
		step.Got = strings.Join(names, ", ")
	}
	return step
}

// diagnose reports the steps at one server up to the first one that fails.
func (s *server) diagnose(ctx context.Context, report func(Step)) {
	begin := time.Now()
	tell := func(step Step, f *fault) {
		step.Server, step.Took = s.url, time.Since(begin)
		if f != nil {
			step.Got, step.Err = "", f
		}
		report(step)
		begin = time.Now()
	}
	dialing, cancel := context.WithTimeoutCause(ctx, s.timeout, errTook)
	defer cancel()
	raw, err := s.connect(dialing)
	step := Step{Name: StepConnect, Tried: "connect to " + s.addr + " (TCP)"}
	if err != nil {
		step.Advice = adviseConnect(err)
		tell(step, lost(dialing, "connect", s.timeout, err))
		return
	}
	defer func() { _ = raw.Close() }()
	step.Got = "connected from " + raw.LocalAddr().String() + " to " + raw.RemoteAddr().String()
	tell(step, nil)

	conn, err := s.secure(dialing, raw)
	step = Step{Name: StepTLS, Tried: s.tlsTried()}
	if err != nil {
		step.Advice = s.adviseTLS(err)
		tell(step, s.insecure(dialing, err))
		return
	}
	l := &link{Conn: conn, raw: raw, links: s.links}
	step.Got, step.Advice = describeTLS(conn)
	tell(step, nil)

	step = Step{Name: StepBind, Tried: "no bind_dn: nothing, searches are made anonymously", Got: "anonymous"}
	var f *fault
	if s.bindDN != "" {
		step.Tried, step.Got = "bind as "+s.bindDN, "accepted"
		var r result
		r, f = s.serviceBind(ctx, l)
		step.Advice = s.adviseBind(r, f)
	}
	if tell(step, f); f != nil {
		return
	}
	s.diagnoseRoot(ctx, l, tell)
}

func (s *server) diagnoseRoot(ctx context.Context, l *link, tell func(Step, *fault)) {
	step := Step{Name: StepRootDSE, Tried: "read what the server says of itself (base search of \"\")"}
	within, cancel := context.WithTimeoutCause(ctx, s.timeout, errTook)
	defer cancel()
	e, err := s.rootDSE(within, l, "objectClass", "vendorName", "vendorVersion", "supportedCapabilities", "forestFunctionality",
		"namingContexts", "supportedControl", "supportedExtension")
	var f *fault
	switch {
	case errors.As(err, &f):
		step.Advice = s.adviseTLS(f.err)
	case err != nil || e == nil:
		step.Got = "the server does not tell"
		step.Advice = "nothing need be done: the root DSE is not readable for this account, and is not used apart from this"
	default:
		step.Got = describeRoot(e)
	}
	tell(step, f)
}

func (s *server) tlsTried() string {
	switch {
	case s.tls == nil:
		return "nothing: start_tls is off"
	case s.startTLS:
		return "StartTLS, with a certificate for " + s.tls.ServerName
	}
	return "TLS handshake, with a certificate for " + s.tls.ServerName
}

func describeTLS(conn any) (got, advice string) {
	t, ok := conn.(*tls.Conn)
	if !ok {
		return "clear text", "passwords cross the network in clear text: write ldaps://, or start_tls: require"
	}
	state := t.ConnectionState()
	leaf := state.PeerCertificates[0]
	got = fmt.Sprintf("%s, %s", tls.VersionName(state.Version), describeCertificate(leaf))
	if time.Until(leaf.NotAfter) < expiresSoon {
		advice = "the server's certificate expires soon: have it renewed before " + leaf.NotAfter.Format(time.DateOnly)
	}
	return got, advice
}

func describeCertificate(c *x509.Certificate) string {
	return fmt.Sprintf("certificate %s for %s, issued by %s, valid until %s",
		c.Subject, strings.Join(certificateNames(c), ", "), c.Issuer, c.NotAfter.Format(time.DateTime))
}

func certificateNames(c *x509.Certificate) []string {
	names := slices.Clone(c.DNSNames)
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	if len(names) == 0 {
		return []string{"no name"}
	}
	return names
}

// describeRoot tells what the server is, from its root DSE.
func describeRoot(e *ldap.Entry) string {
	const activeDirectory = "1.2.840.113556.1.4.800" // LDAP_CAP_ACTIVE_DIRECTORY_OID (MS-ADTS 3.1.1.3.4.3.1)
	is := "an LDAP server"
	switch vendor := e.GetEqualFoldAttributeValue("vendorName"); {
	case vendor != "":
		is = strings.TrimSpace(vendor + " " + e.GetEqualFoldAttributeValue("vendorVersion"))
	case slices.Contains(e.GetEqualFoldAttributeValues("supportedCapabilities"), activeDirectory),
		e.GetEqualFoldAttributeValue("forestFunctionality") != "":
		is = "Active Directory"
	case slices.Contains(e.GetEqualFoldAttributeValues("objectClass"), "OpenLDAProotDSE"):
		is = "OpenLDAP"
	}
	if contexts := e.GetEqualFoldAttributeValues("namingContexts"); len(contexts) > 0 {
		is += fmt.Sprintf(", with %q", contexts)
	}
	controls := e.GetEqualFoldAttributeValues("supportedControl")
	for _, known := range []struct{ oid, name string }{
		{ControlPasswordPolicy, "password policy"},
		{ldap.ControlTypePaging, "paged results"},
	} {
		if slices.Contains(controls, known.oid) {
			is += ", " + known.name
		}
	}
	return is
}
