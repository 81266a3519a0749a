package radius

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/sallyport-auth/sallyport/internal/identity"
	"github.com/sallyport-auth/sallyport/proxy"
)

// FuzzValidate feeds datagrams through everything that happens before a login
// is asked and after it was answered. With resign set, the packet is signed
// anew first, so that the fuzzer gets past the signature.
func FuzzValidate(f *testing.F) {
	for _, batch := range corpus {
		for i, h := range batch.cases() {
			if i%5 == 0 {
				f.Add(h.build(kit{i}), i%2 == 0)
			}
		}
	}
	for _, h := range validCases() {
		f.Add(h.build(kit{1}), true)
	}
	h := newDirectory()
	tables := []*Table{
		mustTable(f, app("127.0.0.0/8", "limit", ""), h),
		mustTable(f, app("127.0.0.0/8", "require", ""), h),
		mustTable(f, app("127.0.0.0/8", "off", ""), h),
	}
	f.Fuzz(func(t *testing.T, b []byte, resign bool) {
		if len(b) > 4096 {
			b = b[:4096] // as the socket would
		}
		if resign && len(b) >= 20 {
			b = sign(b)
		}
		for _, table := range tables {
			r := received(t, table, b)
			if why := r.inspect(); why != kept {
				if why.String() == "" || why >= causes {
					t.Fatalf("cause %d", why)
				}
				continue
			}
			judge(t, r)
		}
	})
}

// judge checks what must hold for every packet that is kept.
func judge(t *testing.T, r *request) {
	if table := r.client.signing; !r.signed && (table == require || r.has(typeEAPMessage) || r.code() == codeStatusServer) {
		t.Fatal("an unsigned packet was kept")
	}
	o := refusal(proxy.ReasonBadPassword)
	if r.code() == codeStatusServer {
		if err := checkAnswer(r.raw, r.status(nil)); err != nil {
			t.Fatal(err)
		}
		return
	}
	a, why := r.attempt("id")
	if !utf8.ValidString(a.Username) || strings.ContainsRune(a.Username, 0) {
		t.Fatalf("name %q", a.Username)
	}
	if p, ok := a.Credential.(identity.Password); ok && why == proxy.ReasonOK &&
		(p.Empty() || !utf8.ValidString(p.Reveal()) || strings.ContainsRune(p.Reveal(), 0)) {
		t.Fatal("a malformed password was handed over")
	}
	if why == proxy.ReasonOK && (a.Credential == nil || a.Username == "") {
		t.Fatal("a login without name or credential")
	}
	if err := checkAnswer(r.raw, r.reject(nil, &o)); err != nil {
		t.Fatal(err)
	}
	if b, err := r.accept(nil, &o, nil); err == nil && !r.has(typeEAPMessage) {
		if err := checkAnswer(r.raw, b); err != nil {
			t.Fatal(err)
		}
	}
}
