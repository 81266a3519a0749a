package ldap

import (
	"github.com/sallyport-auth/sallyport/internal/ber"
	"github.com/sallyport-auth/sallyport/internal/dn"
)

// scopes and dereferencing policies of a search (RFC 4511 section 4.5.1).
const (
	scopeBase    = 0
	maxScope     = 2
	maxDeref     = 3
	noAttributes = "1.1"
)

// searchRequest is a SearchRequest. Its filter and attributes are still encoded
// but known to be well formed.
type searchRequest struct {
	base       string
	scope      int32
	typesOnly  bool
	filter     []byte
	attributes []string
	// illegal says what is wrong with a request that could be decoded.
	illegal string
}

func parseSearch(body []byte) (searchRequest, error) {
	var s searchRequest
	base, body, err := ber.Expect(body, ber.TagOctetString)
	if err != nil {
		return s, err
	}
	s.base = string(base)
	var deref, size, limit int32
	if s.scope, body, err = ber.Integer(body, ber.TagEnumerated); err != nil {
		return s, err
	}
	if deref, body, err = ber.Integer(body, ber.TagEnumerated); err != nil {
		return s, err
	}
	if size, body, err = ber.Integer(body, ber.TagInteger); err != nil {
		return s, err
	}
	if limit, body, err = ber.Integer(body, ber.TagInteger); err != nil {
		return s, err
	}
	switch {
	case s.scope < 0 || s.scope > maxScope:
		s.illegal = "the scope is not known"
	case deref < 0 || deref > maxDeref:
		s.illegal = "the way to treat aliases is not known"
	case size < 0 || limit < 0:
		s.illegal = "a limit is negative"
	}
	if s.typesOnly, body, err = ber.Boolean(body); err != nil {
		return s, err
	}
	if s.filter, body, err = splitFilter(body); err != nil {
		return s, err
	}
	list, body, err := ber.Expect(body, ber.TagSequence)
	if err != nil || len(body) > 0 {
		return s, ber.ErrMalformed
	}
	for len(list) > 0 {
		var name []byte
		if name, list, err = ber.Expect(list, ber.TagOctetString); err != nil {
			return s, err
		}
		s.attributes = append(s.attributes, string(name))
	}
	return s, nil
}

// search answers a search of the root DSE and refuses any other.
func (c *conn) search(t *Table, p *pdu, refusal result) error {
	req, err := parseSearch(p.body)
	if err != nil {
		return err
	}
	if refusal.code == success {
		refusal = req.refusal()
	}
	if refusal.code != success {
		return c.answer(p, refusal, nil)
	}
	root := t.rootDSE(c.tls != "")
	if root.match(req.filter) == isTrue {
		c.out.entry(p.id, root.selected(req.attributes), req.typesOnly)
		if err := c.write(); err != nil {
			return err
		}
	}
	return c.answer(p, result{}, nil)
}

// refusal says why the search is not answered; its code is success when it is.
func (s *searchRequest) refusal() result {
	if s.illegal != "" {
		return result{protocolError, s.illegal}
	}
	name, err := dn.Parse(s.base)
	if err != nil {
		return result{invalidDNSyntax, "the base is not a distinguished name"}
	}
	if len(name) > 0 || s.scope != scopeBase {
		return result{unwillingToPerform, "only the root DSE can be read here: this server answers binds, not searches"}
	}
	return result{}
}

// entry appends a SearchResultEntry for the root DSE.
func (e *encoder) entry(id int32, attributes []attribute, typesOnly bool) {
	outer := e.Open(ber.TagSequence)
	e.Integer(ber.TagInteger, id)
	inner := e.Open(respEntry)
	e.Text(ber.TagOctetString, "") // its name is empty
	list := e.Open(ber.TagSequence)
	for _, a := range attributes {
		item := e.Open(ber.TagSequence)
		e.Text(ber.TagOctetString, a.name)
		values := e.Open(ber.TagSet)
		if !typesOnly {
			for _, v := range a.values {
				e.Text(ber.TagOctetString, v)
			}
		}
		e.Close(values)
		e.Close(item)
	}
	e.Close(list)
	e.Close(inner)
	e.Close(outer)
}
