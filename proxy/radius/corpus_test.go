package radius

import (
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/config"
)

// class is what may come back for a case.
type class uint8

const (
	silent   class = iota // nothing at all
	reject                // an Access-Reject
	accept                // an Access-Accept
	noAccept              // silence or an Access-Reject
	intact                // an Accept only when name and password are whole
)

func (c class) String() string {
	return [...]string{"silence", "a reject", "an accept", "no accept", "an accept for intact credentials only"}[c]
}

// hostile is a case of the corpus: one datagram.
type hostile struct {
	name  string
	want  class
	build func(k kit) []byte
}

// corpus is all subjects, by the message_authenticator setting under which
// they are sent.
var corpus = []struct {
	subject, signing string
	cases            func() []hostile
}{
	{"header", "limit", headerCases},
	{"codes", "limit", codeCases},
	{"attributes", "limit", attributeCases},
	{"signature where it is limited", "limit", signatureCases},
	{"signature where it is required", "require", requiredCases},
	{"signature where it is off", "off", offCases},
	{"credentials", "limit", credentialCases},
	{"names", "limit", nameCases},
	{"proxy-state", "limit", proxyStateCases},
	{"vendor", "limit", vendorCases},
	{"eap", "limit", eapCases},
	{"valid", "limit", validCases},
	{"bit flips where a signature is required", "require", func() []hostile { return flipCases(silent) }},
	// One of them makes the signature another attribute, and an unsigned login
	// is good here.
	{"bit flips", "limit", func() []hostile { return flipCases(intact) }},
	{"edits signed anew", "limit", editCases},
	{"garbage", "limit", garbageCases},
}

// TestCorpus sends every case from one NAS, checks each answer, and lets a
// good login in between prove that the server is well.
func TestCorpus(t *testing.T) {
	h := newDirectory()
	s := start(t, mustTable(t, app("127.0.0.1/32", "limit", ""), h), Options{})
	c := dial(t, s)
	total, n := 0, 0
	before := heap()
	for _, batch := range corpus {
		s.Use(mustTable(t, app("127.0.0.1/32", batch.signing, ""), h))
		for _, h := range batch.cases() {
			n++
			total++
			c.run(batch.subject, h, kit{n})
		}
		n++
		c.run(batch.subject, hostile{"a good login after it", accept, kit.good}, kit{n})
	}
	if total < 1200 {
		t.Errorf("the corpus has shrunk to %d cases", total)
	}
	t.Logf("%d cases; answers: %v; discarded: %v", total, s.Stats().Answered, s.Stats().Discarded)
	if grown := int64(heap()) - int64(before); grown > 16<<20 {
		t.Errorf("the heap has grown by %d octets", grown)
	}
	if p := s.Stats().Panics; p != 0 {
		t.Errorf("%d panics", p)
	}
}

// run sends one case and judges what comes back.
func (c *nas) run(subject string, h hostile, k kit) {
	c.t.Helper()
	request := h.build(k)
	seen := c.s.Stats().Received
	c.send(request)
	st := c.settled(seen + 1)
	var got []byte
	if n := st.Answered["Access-Accept"] + st.Answered["Access-Reject"] + st.Replayed; n != c.answered {
		c.answered = n
		got = c.answer(5 * time.Second)
	}
	if got == nil {
		if h.want == reject || h.want == accept {
			c.t.Errorf("%s: %s: silence instead of %s", subject, h.name, h.want)
		}
		return
	}
	if err := checkAnswer(request, got); err != nil {
		c.t.Errorf("%s: %s: %v", subject, h.name, err)
	}
	fits := false
	switch h.want {
	case reject, noAccept:
		fits = got[0] == 3
	case accept:
		fits = got[0] == 2
	case intact:
		fits = got[0] == 3 || got[0] == 2 && isIntact(k, request)
	}
	if !fits {
		c.t.Errorf("%s: %s: code %d instead of %s", subject, h.name, got[0], h.want)
	}
	if len(got) > len(request)+64 {
		c.t.Errorf("%s: %s: %d octets grew into %d", subject, h.name, len(request), len(got))
	}
}

// isIntact reports whether a packet carries exactly the credentials of the
// good login.
func isIntact(k kit, b []byte) bool {
	list, err := attrs(b)
	if err != nil {
		return false
	}
	names, passwords := values(list, 1), values(list, 2)
	return len(names) == 1 && string(names[0]) == "alice" &&
		len(passwords) == 1 && slices.Equal(passwords[0], k.pap("alice-pw")[2:]) && slices.Equal(b[4:20], k.authSlice())
}

func (k kit) authSlice() []byte { a := k.auth(); return a[:] }

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestFloods sends bursts of what costs most to get rid of, then asks for a
// good login, and looks whether memory stayed flat.
func TestFloods(t *testing.T) {
	h := newDirectory()
	known := mustTable(t, app("127.0.0.1/32", "limit", ""), h)
	stranger := mustTable(t, app("192.0.2.0/24", "limit", ""), h)
	rng := rand.New(rand.NewPCG(7, 7))
	floods := []struct {
		name  string
		table *Table
		make  func(k kit) []byte
	}{
		{"unknown client", stranger, kit.good},
		{"garbage", known, func(kit) []byte { return garbage(rng, 600) }},
		{"wrong signature", known, func(k kit) []byte { b := k.good(); b[25] ^= 1; return b }},
		{"one login again and again", known, func(kit) []byte { return kit{1}.good() }},
		{"one identifier, other bytes", known, func(k kit) []byte { return kit{k.n << 8}.good() }},
		{"wrong passwords", known, func(k kit) []byte { return k.signed(str(1, "alice"), k.pap("x")) }},
		{"full of Proxy-State", known, func(k kit) []byte { return k.signed(fullOfProxyState(k)...) }},
		{"status", known, func(k kit) []byte { return sign(k.packet(12, noSignature())) }},
	}
	s := start(t, known, Options{RADIUS: config.RADIUS{Queue: 64, Workers: 4, DuplicateEntries: 1024}})
	var before uint64
	for i, f := range floods {
		c := dial(t, s)
		s.Use(f.table)
		base := s.Stats().Received
		const size, burst = 2000, 40
		for n := range size {
			c.send(f.make(kit{n}))
			if n%burst == burst-1 {
				c.settled(base + uint64(n) + 1) // a socket buffer is finite, and nothing may be lost here
			}
		}
		s.Use(known)
		fresh := dial(t, s)
		good := kit{1_000_000 + i}.good()
		fresh.send(good)
		if got := fresh.must(good); got != 2 {
			t.Errorf("%s: the good login after it got code %d", f.name, got)
		}
		if i == 0 {
			before = heap()
		}
	}
	if grown := int64(heap()) - int64(before); grown > 16<<20 {
		t.Errorf("the heap has grown by %d octets", grown)
	}
	if st := s.Stats(); st.InFlight != 0 || st.Remembered > 1024 {
		t.Errorf("left over: %+v", st)
	}
}
