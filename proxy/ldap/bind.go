package ldap

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/sallyport-auth/sallyport/internal/ber"
	"github.com/sallyport-auth/sallyport/internal/identity"
	"github.com/sallyport-auth/sallyport/policyengine"
	"github.com/sallyport-auth/sallyport/proxy"
)

// The choices of a bind's authentication (RFC 4511 section 4.2).
const (
	tagSimple = 0x80
	tagSASL   = 0xa3

	ldapVersion = 3
)

// bindRequest is a BindRequest, its parts still in the buffer.
type bindRequest struct {
	version  int32
	name     []byte
	password []byte
	simple   bool
}

func parseBind(body []byte) (bindRequest, error) {
	var b bindRequest
	var err error
	if b.version, body, err = ber.Integer(body, ber.TagInteger); err != nil {
		return b, err
	}
	if b.name, body, err = ber.Expect(body, ber.TagOctetString); err != nil {
		return b, err
	}
	tag, auth, rest, err := ber.Element(body)
	if err != nil {
		return b, err
	}
	switch {
	case len(rest) > 0, tag&ber.ClassMask != ber.ClassContext:
		return b, ber.ErrMalformed
	case tag == tagSimple:
		b.password, b.simple = auth, true
		return b, nil
	case tag == tagSASL:
		return b, checkSASL(auth)
	case tag&ber.NumberMask == tagSimple&ber.NumberMask, tag&ber.NumberMask == tagSASL&ber.NumberMask:
		return b, ber.ErrMalformed // the right choice in the wrong form
	}
	return b, nil // a choice that we do not know
}

// checkSASL checks the form of SaslCredentials: a mechanism and, perhaps,
// credentials.
func checkSASL(auth []byte) error {
	_, rest, err := ber.Expect(auth, ber.TagOctetString)
	if err == nil && len(rest) > 0 {
		_, rest, err = ber.Expect(rest, ber.TagOctetString)
	}
	if err == nil && len(rest) > 0 {
		err = ber.ErrMalformed
	}
	return err
}

// bind carries out a bind. Whatever comes of it, the identity of an earlier one
// is gone when it begins (RFC 4511 section 4.2.1).
func (c *conn) bind(ctx context.Context, t *Table, p *pdu, refusal result) error {
	c.bound = ""
	req, err := parseBind(p.body)
	if err != nil {
		return err
	}
	if r, ok := c.bindWithoutLogin(t, &req, refusal); ok {
		return c.answer(p, r, nil)
	}
	r, err := c.login(ctx, t, &req)
	if errors.Is(err, errSilence) {
		return nil
	}
	if err != nil {
		return err
	}
	return c.answer(p, r, nil)
}

// bindWithoutLogin answers the binds that are no login: what the protocol
// forbids, and anonymous ones.
func (c *conn) bindWithoutLogin(t *Table, req *bindRequest, refusal result) (result, bool) {
	switch {
	case req.version != ldapVersion:
		return result{protocolError, "only version 3 of the protocol is spoken here"}, true
	case refusal.code != success:
		return refusal, true
	case !req.simple:
		return result{authMethodNotSupported, "only simple binds are supported"}, true
	case len(req.name) == 0 && len(req.password) == 0:
		if t.refuseAnonymous {
			return result{inappropriateAuthentication, "anonymous binds are not allowed here"}, true
		}
		return result{}, true
	case len(req.password) > 0 && t.requireTLS && c.tls == "":
		return result{confidentialityRequired, "a password is taken only after StartTLS or over LDAPS"}, true
	}
	return result{}, false
}

// attempt makes an Attempt of a bind request, or says with which reason it is
// refused before anybody is asked and which code that has.
func (c *conn) attempt(t *Table, req *bindRequest) (a *proxy.Attempt, reason proxy.Reason, code int) {
	text := string(req.name)
	a = &proxy.Attempt{
		ID:        c.s.ids.Next(),
		Protocol:  proxy.LDAP,
		Operation: "bind",
		PeerIP:    c.peer,
		Received:  time.Now(),
		LDAP:      policyengine.LDAPFacts{TLS: c.tls},
	}
	whom, err := t.target(text)
	if a.Username = whom.login; a.Username == "" {
		a.Username = cleanText(text)
	}
	if err != nil {
		return a, proxy.ReasonMalformedLogin, invalidDNSyntax
	}
	a.LDAP.BindDN = text
	if whom.base != nil {
		a.Application, a.LDAP.BaseDN = whom.base.application, whom.base.dn
	}
	switch {
	case len(req.password) == 0: // before anything that could succeed
		return a, proxy.ReasonEmptyPassword, unwillingToPerform
	case strings.Trim(text, " ") == "":
		return a, proxy.ReasonEmptyLogin, invalidCredentials
	case bytes.IndexByte(req.password, 0) >= 0, !utf8.Valid(req.password):
		return a, proxy.ReasonMalformedPassword, invalidCredentials
	case whom.base == nil:
		return a, proxy.ReasonUnknownApplication, invalidCredentials
	case whom.login == "":
		return a, proxy.ReasonUnknownUser, invalidCredentials
	}
	a.Credential = identity.NewPassword(string(req.password))
	return a, proxy.ReasonOK, success
}

// login has the handler decide, and binds the connection to whom it accepts.
// errSilence means that the bind was abandoned.
func (c *conn) login(ctx context.Context, t *Table, req *bindRequest) (result, error) {
	a, reason, code := c.attempt(t, req)
	if reason != proxy.ReasonOK {
		o := t.handler.Refuse(ctx, a, reason)
		return result{code: code, text: diagnostic(o.Messages)}, nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c.begin(cancel)
	o := c.s.decide(ctx, t, a)
	if c.finish() {
		return result{}, errSilence
	}
	if o.Verdict == proxy.Drop {
		return result{}, errDropped
	}
	if o.Verdict == proxy.Accept {
		c.bound = a.LDAP.BindDN
	}
	return outcomeResult(o, t.policyRefusal), nil
}

// begin gives abandon a way to end the bind in flight.
func (c *conn) begin(cancel context.CancelFunc) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.flight.cancel = cancel
	if c.flight.abandoned {
		cancel()
	}
}

// finish ends what begin began and reports whether the bind was abandoned.
func (c *conn) finish() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	abandoned := c.flight.abandoned
	c.flight = flight{}
	return abandoned
}

// decide waits for a worker and asks the handler. The wait counts as part of
// the login: both together have the login's deadline.
func (s *Server) decide(ctx context.Context, t *Table, a *proxy.Attempt) proxy.Outcome {
	select {
	case s.slots <- struct{}{}:
	default:
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, t.timeout)
		defer cancel()
		select {
		case s.slots <- struct{}{}:
		case <-ctx.Done():
			reason := proxy.ReasonOverloaded
			if errors.Is(ctx.Err(), context.Canceled) { // the client has gone, or we go
				reason = proxy.ReasonCanceled
			}
			return t.handler.Refuse(ctx, a, reason)
		}
	}
	defer func() { <-s.slots }()
	return t.handler.Login(ctx, a)
}
