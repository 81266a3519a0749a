package proxy_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport/internal/identity"
	"github.com/sallyport-auth/sallyport/internal/testenv"
)

func TestPreview(t *testing.T) {
	d, r := yes(), &recorder{}
	p := newProxy(d, r, people())
	in, err := p.Preview(t.Context(), attempt("alice@corp", ""))
	if err != nil {
		t.Fatal(err)
	}
	if in.User.Login != "alice" || in.Realm != "corp" || in.AuthMethod != "password" || in.Source.Name != "dir0" || in.PeerIP.String() != "10.0.0.1" || in.ClientIPKnown {
		t.Errorf("%+v", in)
	}
	if _, err := p.Preview(t.Context(), attempt("zed", "")); !errors.Is(err, identity.ErrNotFound) {
		t.Errorf("nobody: %v", err)
	}
	if _, err := p.Preview(t.Context(), attempt(`nowhere\alice`, "")); err == nil || !strings.Contains(err.Error(), "no realm") {
		t.Errorf("an unknown realm: %v", err)
	}
	down := people()
	down.Down = true
	if _, err := newProxy(d, r, down).Preview(t.Context(), attempt("alice", "")); !errors.Is(err, testenv.ErrDown) {
		t.Errorf("a directory that is down: %v", err)
	}
	if len(d.asked) > 0 || len(r.outcomes) > 0 {
		t.Errorf("asked %v, recorded %v", d.asked, r.outcomes)
	}
}
