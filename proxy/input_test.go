package proxy_test

import (
	"testing"

	"github.com/sallyport-auth/sallyport/proxy"
)

// TestOutcomesHaveTheInput: whoever is told of a login learns what policies saw of
// it, also when none was asked and when nobody was found.
func TestOutcomesHaveTheInput(t *testing.T) {
	p := newProxy(yes(), &recorder{}, people())
	for login, found := range map[string]bool{"alice": true, "nobody": false, "": false} {
		o := p.Login(t.Context(), attempt(login, "x"))
		if o.Input == nil || o.Input.Login != login || o.Input.Application != "vpn" || (o.Input.User != nil) != found {
			t.Errorf("%q: %+v", login, o.Input)
		}
	}
	if o := p.Refuse(t.Context(), attempt("alice", "x"), proxy.ReasonAmbiguousCredential); o.Input == nil || o.Input.User != nil || o.Input.Login != "alice" {
		t.Errorf("refused: %+v", o.Input)
	}
}
