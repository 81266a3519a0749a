package ldap

import (
	"context"
	"errors"

	"github.com/sallyport-auth/sallyport/internal/ber"
)

var (
	// errSilence ends an operation that must not be answered.
	errSilence = errors.New("no answer is due")
	// errDropped ends the connection instead: a client that waits for an answer
	// which will not come learns it that way.
	errDropped = errors.New("the login wants no answer")
)

// perform carries out one operation and answers it. An error ends the
// connection.
func (c *conn) perform(ctx context.Context, p *pdu) error {
	defer c.s.pool.put(p)
	t := c.s.table.Load()
	refusal, err := checkControls(p.controls)
	if err != nil {
		return err
	}
	switch p.kind {
	case kindBind:
		return c.bind(ctx, t, p, refusal)
	case kindSearch:
		return c.search(t, p, refusal)
	case kindExtended:
		return c.extended(t, p, refusal)
	}
	return c.refuse(p, refusal)
}

// answer writes the result of an operation and counts it.
func (c *conn) answer(p *pdu, r result, extra func(*encoder)) error {
	c.settle()
	c.out.result(p.id, p.response, r, extra)
	c.s.count(p.kind, r.code)
	return c.write()
}

// refuse answers an operation that is never carried out: those that write, and
// compare.
func (c *conn) refuse(p *pdu, refusal result) error {
	if p.op&ber.ConstructedBit != 0 {
		if err := ber.WellFormed(p.body, 1); err != nil {
			return err
		}
	}
	if refusal.code == success {
		refusal = result{code: unwillingToPerform, text: "this server answers binds and the root DSE, and nothing else"}
	}
	return c.answer(p, refusal, nil)
}
