package ldap

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport/internal/ber"
	"github.com/sallyport-auth/sallyport/internal/dn"
	"github.com/sallyport-auth/sallyport/internal/testenv"
)

// expected is what must become of a hostile connection.
type expected struct {
	notice bool // notice of disconnection with protocolError, then the end
	silent bool // the end without a word
	tag    byte // else an answer with this tag and code, and the connection lives
	code   int  // of the answer
	halves bool // the client closes its half after sending
	pieces int  // sent in pieces of so many octets
}

var (
	toldOff = expected{notice: true}
	hungUp  = expected{silent: true}
)

func answered(tag byte, code int) expected { return expected{tag: tag, code: code} }

// hostile is one case of the corpus.
type hostile struct {
	name string
	send []byte
	want expected
}

// run plays one case and checks that the server did the right thing.
func (h *hostile) run(t *testing.T, r *rig) {
	t.Helper()
	w := r.dial(t)
	defer w.Close()
	h.play(w)
}

// play sends the case on w and checks what comes back.
func (h *hostile) play(w *wire) {
	w.tb.Helper()
	step := len(h.send)
	if h.want.pieces > 0 {
		step = h.want.pieces
	}
	for i := 0; i < len(h.send); i += step {
		w.send(h.send[i:min(i+step, len(h.send))])
	}
	if h.want.halves {
		_ = w.Conn.(interface{ CloseWrite() error }).CloseWrite()
	}
	switch {
	case h.want.notice:
		w.expectNotice(protocolError)
	case h.want.silent:
		w.expectClosed()
	default:
		w.expect(testID, h.want.tag, h.want.code)
		w.send(whoAmI(99))
		w.expect(99, respExtended, success)
	}
}

// testID is the message ID of the corpus' requests.
const testID = 5

// batch runs the cases of one subject against one server. A good login must
// work afterwards, nothing may have panicked, and memory must not have grown by
// more than a few connections are worth.
func batch(t *testing.T, cases []hostile) {
	t.Helper()
	r := newRig(t, nil)
	r.works(t)
	before := heap()
	for _, h := range cases {
		ok := t.Run(strings.ReplaceAll(h.name, " ", "_"), func(t *testing.T) { h.run(t, r) })
		if !ok {
			t.Logf("sent % .200x", h.send)
		}
	}
	r.works(t)
	if n := r.Stats().Panics; n != 0 {
		t.Errorf("%d panics", n)
	}
	if after := heap(); after > before+16<<20 {
		t.Errorf("the heap grew from %d to %d KiB", before>>10, after>>10)
	}
	if held := r.pool.large.Load(); held != 0 {
		t.Errorf("%d bytes of large buffers are not given back", held)
	}
	t.Logf("%d cases", len(cases))
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// rawMessage is a message whose content is given octet by octet.
func rawMessage(content ...[]byte) []byte { return tlv(ber.TagSequence, content...) }

var testIDOctets = num(ber.TagInteger, testID)

// samples has one well-formed request of each kind with its answer.
func samples() []hostile {
	simple := str(tagSimple, "good")
	attr := tlv(ber.TagSequence, str(ber.TagOctetString, "cn"), tlv(ber.TagSet, str(ber.TagOctetString, "x")))
	return []hostile{
		{"bind", bindOp(3, aliceDN, simple), answered(respBind, success)},
		{"anonymous", bindOp(3, "", str(tagSimple, "")), answered(respBind, success)},
		{"SASL", bindOp(3, "", tlv(tagSASL, str(ber.TagOctetString, "PLAIN"), str(ber.TagOctetString, "x"))), answered(respBind, authMethodNotSupported)},
		{"search", searchOp(rootDN, 2, tlv(filterAnd, anyObject, tlv(filterNot, anyObject)), "cn", "*"), answered(respSearch, unwillingToPerform)},
		{"modify", tlv(opModify, str(ber.TagOctetString, aliceDN), tlv(ber.TagSequence, tlv(ber.TagSequence, num(ber.TagEnumerated, 2), attr))), answered(respModify, unwillingToPerform)},
		{"add", tlv(opAdd, str(ber.TagOctetString, aliceDN), tlv(ber.TagSequence, attr)), answered(respAdd, unwillingToPerform)},
		{"delete", str(opDelete, aliceDN), answered(respDelete, unwillingToPerform)},
		{"modify DN", tlv(opModifyDN, str(ber.TagOctetString, aliceDN), str(ber.TagOctetString, "uid=b"), []byte{ber.TagBoolean, 1, 0xff}), answered(respModifyDN, unwillingToPerform)},
		{"compare", tlv(opCompare, str(ber.TagOctetString, aliceDN), tlv(ber.TagSequence, str(ber.TagOctetString, "cn"), str(ber.TagOctetString, "x"))), answered(respCompare, unwillingToPerform)},
		{"who-am-i", extendedOp(oidWhoAmI), answered(respExtended, success)},
		{"unknown extension", extendedOp("1.2.3"), answered(respExtended, protocolError)},
	}
}

func TestHostileFraming(t *testing.T) {
	good := simpleBind(testID, aliceDN, "good")
	cases := []hostile{
		{"HTTP", []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), hungUp},
		{"TLS hello", testenv.Unhex(t, "16030100a5010000a10303"), hungUp},
		{"SSH", []byte("SSH-2.0-OpenSSH_9\r\n"), hungUp},
		{"line feed", []byte("\n"), hungUp},
		{"zeros", make([]byte, 600), hungUp},
		{"nothing, half closed", nil, expected{silent: true, halves: true}},
		{"indefinite length", append([]byte{0x30, 0x80}, good[2:]...), toldOff},
		{"empty message", []byte{0x30, 0}, toldOff},
	}
	for first := range 256 {
		if first != ber.TagSequence {
			cases = append(cases, hostile{fmt.Sprintf("first octet %02x", first), append([]byte{byte(first)}, good[1:]...), hungUp})
		}
	}
	for n := 0x85; n <= 0xff; n++ {
		cases = append(cases, hostile{fmt.Sprintf("length form %02x", n), append([]byte{0x30, byte(n)}, make([]byte, 130)...), toldOff})
	}
	body := good[2:]
	n := byte(len(body))
	for i, head := range [][]byte{{0x81, n}, {0x82, 0, n}, {0x83, 0, 0, n}, {0x84, 0, 0, 0, n}} {
		cases = append(cases, hostile{fmt.Sprintf("length in %d octets", i+1), append(append([]byte{0x30}, head...), body...), answered(respBind, success)})
	}
	for _, s := range samples() {
		whole := request(testID, s.send)
		for cut := 1; cut < len(whole); cut++ {
			cases = append(cases, hostile{fmt.Sprintf("%s ends after %d octets", s.name, cut), whole[:cut], expected{silent: true, halves: true}})
		}
		for _, size := range []int{1, 2, 7} {
			want := s.want
			want.pieces = size
			cases = append(cases, hostile{fmt.Sprintf("%s in pieces of %d", s.name, size), whole, want})
		}
	}
	batch(t, cases)
}

func TestHostileMemory(t *testing.T) {
	var cases []hostile
	for _, l := range []string{"83040001", "83400000", "84000fffff", "847fffffff", "8480000000", "84ffffffff"} {
		for _, octets := range []int{0, 1, 100, 5000} {
			cases = append(cases, hostile{fmt.Sprintf("announces %s sends %d", l, octets), append(append([]byte{0x30}, testenv.Unhex(t, l)...), make([]byte, octets)...), toldOff})
		}
	}
	fill := func(n int) string { return strings.Repeat("x", n) }
	for _, size := range []int{1000, 1024, 1025, 4096, 5000, 70000, 200000} {
		cases = append(
			cases,
			hostile{fmt.Sprintf("password of %d", size), simpleBind(testID, aliceDN, fill(size)), answered(respBind, invalidCredentials)},
			hostile{fmt.Sprintf("name of %d", size), simpleBind(testID, "uid="+fill(size), "good"), answered(respBind, map[bool]int{true: invalidCredentials, false: invalidDNSyntax}[size+4 <= dn.MaxLength])},
			hostile{fmt.Sprintf("extension of %d", size), request(testID, extendedOp(fill(size))), answered(respExtended, protocolError)},
		)
	}
	exact := simpleBind(testID, aliceDN, fill(maxMessage-len(simpleBind(testID, aliceDN, fill(maxMessage)))+maxMessage+5))
	cases = append(
		cases,
		hostile{"as large as may be", exact, answered(respBind, invalidCredentials)},
		hostile{"one octet larger", simpleBind(testID, aliceDN, fill(maxMessage)), toldOff},
		hostile{"elements longer than the message", rawMessage(testIDOctets, []byte{opBind, 0x84, 0x7f, 0xff, 0xff, 0xff}), toldOff},
		hostile{"name longer than the message", rawMessage(testIDOctets, tlv(opBind, num(ber.TagInteger, 3), []byte{4, 0x84, 0x7f, 0xff, 0xff, 0xff})), toldOff},
		hostile{"ten thousand controls", request(testID, extendedOp(oidWhoAmI), bytes.Repeat(control("1.2.3", false), 10000)), answered(respExtended, success)},
		hostile{"ten thousand attributes", request(testID, searchOp("", 0, str(filterPresent, "mail"), strings.Fields(strings.Repeat("cn ", 10000))...)), answered(respSearch, success)},
		hostile{"a name of commas", simpleBind(testID, strings.Repeat(",", 8000), "good"), answered(respBind, invalidDNSyntax)},
		hostile{"a name of RDNs", simpleBind(testID, strings.Repeat("a=b,", 2000)+"a=b", "good"), answered(respBind, invalidDNSyntax)},
		hostile{"a name of backslashes", simpleBind(testID, "uid="+strings.Repeat(`\\`, 4000), "good"), answered(respBind, invalidCredentials)},
	)
	batch(t, cases)
}

func TestHostileMessages(t *testing.T) {
	var cases []hostile
	add := func(name string, want expected, send []byte) { cases = append(cases, hostile{name, send, want}) }
	for _, s := range samples() {
		content := append(bytes.Clone(testIDOctets), s.send...)
		for cut := range content {
			add(fmt.Sprintf("%s cut inside to %d", s.name, cut), toldOff, rawMessage(content[:cut]))
		}
		add(s.name+" with an octet behind it", toldOff, rawMessage(content, []byte{0}))
		add(s.name+" with an element behind it", toldOff, rawMessage(content, []byte{4, 0}))
		add(s.name+" twice in one message", toldOff, rawMessage(content, s.send))
		if s.send[0]&ber.ConstructedBit != 0 {
			_, body, _, _ := ber.Element(s.send)
			add(s.name+" with an octet in it", toldOff, rawMessage(testIDOctets, tlv(s.send[0], body, []byte{0})))
		}
	}
	for _, op := range []byte{opBind, opSearch, opModify, opAdd, opDelete, opModifyDN, opCompare, opExtended} {
		add(fmt.Sprintf("operation %02x in the other form", op), toldOff, rawMessage(testIDOctets, tlv(op^ber.ConstructedBit)))
	}
	for tag := range 256 {
		switch tag {
		case opBind, opUnbind, opSearch, opModify, opAdd, opDelete, opModifyDN, opCompare, opAbandon, opExtended:
		default:
			add(fmt.Sprintf("operation %02x is unknown", tag), toldOff, rawMessage(testIDOctets, tlv(byte(tag))))
		}
	}
	who := extendedOp(oidWhoAmI)
	for name, id := range map[string]string{
		"id 0": "020100", "id 0 in four octets": "020400000000", "id -1": "0201ff", "id -2^31": "020480000000",
		"id 2^31": "02050080000000", "id empty": "0200", "id of eight octets": "02080000000000000001",
		"id is an enumeration": "0a0101", "id is a boolean": "010101", "id, constructed": "220101", "id is a string": "040101",
	} {
		add(name, toldOff, rawMessage(testenv.Unhex(t, id), who))
	}
	for _, id := range []string{"020105", "02020005", "0203000005", "020400000005", "02840000000105"} {
		add("id as "+id, answered(respExtended, success), rawMessage(testenv.Unhex(t, id), who))
	}
	batch(t, cases)
}

func TestHostileBinds(t *testing.T) {
	var cases []hostile
	add := func(name string, want expected, op []byte) {
		cases = append(cases, hostile{name, request(testID, op), want})
	}
	v3, name, simple := num(ber.TagInteger, 3), str(ber.TagOctetString, aliceDN), str(tagSimple, "good")
	add("no parts", toldOff, tlv(opBind))
	add("version alone", toldOff, tlv(opBind, v3))
	add("no authentication", toldOff, tlv(opBind, v3, name))
	add("no version", toldOff, tlv(opBind, name, simple))
	add("two authentications", toldOff, tlv(opBind, v3, name, simple, simple))
	add("parts in another order", toldOff, tlv(opBind, name, v3, simple))
	add("version is an enumeration", toldOff, tlv(opBind, num(ber.TagEnumerated, 3), name, simple))
	add("version is empty", toldOff, tlv(opBind, []byte{2, 0}, name, simple))
	add("version of five octets", toldOff, tlv(opBind, testenv.Unhex(t, "02050000000003"), name, simple))
	add("name is a constructed string", toldOff, tlv(opBind, v3, tlv(ber.TagOctetString|ber.ConstructedBit, name), simple))
	add("name is a UTF8String", toldOff, tlv(opBind, v3, str(0x0c, aliceDN), simple))
	add("password is a constructed string", toldOff, tlv(opBind, v3, name, tlv(tagSimple|ber.ConstructedBit, str(ber.TagOctetString, "good"))))
	add("password is an octet string", toldOff, tlv(opBind, v3, name, str(ber.TagOctetString, "good")))
	add("authentication of class application", toldOff, tlv(opBind, v3, name, str(0x40, "good")))
	add("SASL, primitive", toldOff, tlv(opBind, v3, name, str(0x83, "PLAIN")))
	add("SASL, empty", toldOff, tlv(opBind, v3, name, tlv(tagSASL)))
	add("SASL, mechanism is an integer", toldOff, tlv(opBind, v3, name, tlv(tagSASL, v3)))
	add("SASL, three parts", toldOff, tlv(opBind, v3, name, tlv(tagSASL, name, name, name)))
	for _, v := range []int32{-1, 0, 1, 2, 4, 127, 128, 1 << 30} {
		add(fmt.Sprintf("version %d", v), answered(respBind, protocolError), bindOp(v, aliceDN, simple))
	}
	for tag := 0x80; tag < 0xc0; tag++ {
		switch number := tag & ber.NumberMask; number {
		case 0, 3:
		case ber.NumberMask:
			add(fmt.Sprintf("authentication %02x", tag), toldOff, bindOp(3, aliceDN, tlv(byte(tag))))
		default:
			add(fmt.Sprintf("authentication %02x", tag), answered(respBind, authMethodNotSupported), bindOp(3, aliceDN, tlv(byte(tag))))
		}
	}
	for _, m := range []string{"EXTERNAL", "PLAIN", "GSSAPI", "GSS-SPNEGO", "NTLM", "DIGEST-MD5", "SCRAM-SHA-256", "OAUTHBEARER", "", "\x00", strings.Repeat("A", 1000)} {
		add(fmt.Sprintf("SASL %.20q", m), answered(respBind, authMethodNotSupported), bindOp(3, aliceDN, tlv(tagSASL, str(ber.TagOctetString, m))))
	}
	// However the name looks, an empty password never succeeds.
	for i, n := range []string{
		aliceDN, strings.ToUpper(aliceDN), " " + aliceDN, "uid=alice", rootDN, "cn=", " ", "\t", "\x00", "alice", `EXAMPLE\alice`,
		"uid=\u200b,ou=users," + rootDN, "uid=alice,ou=users," + rootDN + ",", "#0400", "=", "uid=,ou=users," + rootDN,
	} {
		w := answered(respBind, unwillingToPerform)
		_, err := dn.Parse(n)
		if _, ok := accountDomain(n); err != nil && !ok {
			w.code = invalidDNSyntax
		}
		add(fmt.Sprintf("empty password %d", i), w, bindOp(3, n, str(tagSimple, "")))
	}
	for i, n := range []string{
		"uid=alice,ou=users," + rootDN + "\x00", "uid=alice,,ou=users," + rootDN, `uid=alice\,ou=users,` + rootDN + `\`,
		"uid=alice;ou=users;" + rootDN, `uid="alice",ou=users,` + rootDN, "uid=\xc3\x28,ou=users," + rootDN,
		"uid=alice,,ou=users@example.org", `EXAMPLE\uid=alice;x`, `EXAMPLE\\alice`, `\alice`, `EXAMPLE\`, "alice@", "@example.org",
		"al\x00ice@example.org", "alice\n@example.org", "alice@example.org\xff", strings.Repeat("a", 255) + "@b",
		"dn:" + aliceDN, "u:alice", "ldap:///" + aliceDN, aliceDN + ",", "," + aliceDN, "uid=alice,ou=users,dc",
	} {
		add(fmt.Sprintf("no name %d", i), answered(respBind, invalidDNSyntax), bindOp(3, n, simple))
	}
	batch(t, cases)
}

func TestHostileControls(t *testing.T) {
	var cases []hostile
	const manageDsaIT = "2.16.840.1.113730.3.4.2"
	broken := map[string][]byte{
		"empty": tlv(ber.TagSequence), "no sequence": str(ber.TagOctetString, manageDsaIT), "type is an integer": tlv(ber.TagSequence, num(ber.TagInteger, 1)),
		"criticality twice":           tlv(ber.TagSequence, str(ber.TagOctetString, manageDsaIT), []byte{1, 1, 0xff, 1, 1, 0xff}),
		"criticality empty":           tlv(ber.TagSequence, str(ber.TagOctetString, manageDsaIT), []byte{1, 0}),
		"value is an integer":         tlv(ber.TagSequence, str(ber.TagOctetString, manageDsaIT), num(ber.TagInteger, 1)),
		"value twice":                 control(manageDsaIT, true, str(ber.TagOctetString, ""), str(ber.TagOctetString, "")),
		"value before criticality":    tlv(ber.TagSequence, str(ber.TagOctetString, manageDsaIT), str(ber.TagOctetString, ""), []byte{1, 1, 0xff}),
		"longer than the list":        {ber.TagSequence, 0x7f, 4, 0},
		"indefinite":                  {ber.TagSequence, 0x80, 0, 0},
		"constructed type":            tlv(ber.TagSequence, tlv(0x24, str(ber.TagOctetString, manageDsaIT))),
		"good one, then a broken one": append(control(manageDsaIT, true), 0x30),
	}
	for _, s := range samples() {
		tag := s.want.tag
		add := func(name string, want expected, controls ...[]byte) {
			cases = append(cases, hostile{s.name + ": " + name, request(testID, s.send, controls...), want})
		}
		add("not critical", s.want, control(manageDsaIT, false))
		add("not critical, with a value", s.want, control("1.3.6.1.4.1.42.2.27.8.5.1", false, str(ber.TagOctetString, "x")))
		add("no controls in the list", s.want, nil)
		add("critical without a value", answered(tag, unavailableCriticalExtension), control(manageDsaIT, true))
		add("critical with a value", answered(tag, unavailableCriticalExtension), control("1.2.840.113556.1.4.319", true, tlv(ber.TagOctetString, tlv(ber.TagSequence, num(ber.TagInteger, 1), str(ber.TagOctetString, "")))))
		add("critical behind others", answered(tag, unavailableCriticalExtension), control("1.2.3", false), control("1.2.4", true))
		add("type is no identifier", answered(tag, protocolError), control("manageDsaIT", false))
		add("type is empty", answered(tag, protocolError), control("", true))
		for name, c := range broken {
			add(name, toldOff, c)
		}
	}
	batch(t, cases)
}

func TestHostileOperations(t *testing.T) {
	var cases []hostile
	add := func(name string, want expected, op []byte) {
		cases = append(cases, hostile{name, request(testID, op), want})
	}
	for _, tag := range []byte{filterAnd, filterOr, filterNot} {
		for _, depth := range []int{1, 62, 63, 64, 65, 1000, 3000} {
			want := answered(respSearch, unwillingToPerform)
			if depth >= ber.MaxDepth {
				want = toldOff
			}
			add(fmt.Sprintf("filter %02x nested %d deep", tag, depth), want, searchOp(rootDN, 0, nested(tag, depth)))
		}
	}
	for _, op := range []byte{opModify, opAdd, opModifyDN, opCompare} {
		for _, depth := range []int{60, 65, 1000, 3000} {
			want := answered(op+1, unwillingToPerform)
			if depth > 60 {
				want = toldOff
			}
			add(fmt.Sprintf("operation %02x nested %d deep", op, depth), want, tlv(op, nested(ber.TagSequence, depth)))
		}
	}
	for _, f := range []string{
		"8000", "a300", "a3020400", "a2", "a200", "a400", "a4040400 3000", "a70161", "3000", "0400", "6000", "c000", "9f1f00",
		"a305 0401 6104", "a0 03 8701", "a204 8700 8700", "a9 03 830561", "87 7f", "a980",
	} {
		add("filter "+f, toldOff, searchOp("", 0, testenv.Unhex(t, f)))
	}
	for _, n := range []int{999, 1000, 30000} {
		want := answered(respSearch, success)
		if n >= maxFilterItems {
			want = toldOff
		}
		add(fmt.Sprintf("filter of %d items", n), want, searchOp("", 0, tlv(filterAnd, bytes.Repeat(str(filterPresent, "x"), n))))
	}
	for _, f := range []string{"ab00", "8a0161", "8b00", "a90a 81036162638203616263", "8700", "a100", "a5060402636e0400"} {
		add("filter matches nothing: "+f, answered(respSearch, success), searchOp("", 0, testenv.Unhex(t, f)))
	}
	for _, scope := range []int32{-1, 3, 4, 1 << 30} {
		add(fmt.Sprintf("scope %d", scope), answered(respSearch, protocolError), searchOp("", scope, anyObject))
	}
	limits := func(deref, size, seconds int32) []byte {
		return tlv(opSearch, str(ber.TagOctetString, ""), num(ber.TagEnumerated, 0), tlv(ber.TagEnumerated, []byte{byte(deref)}),
			tlv(ber.TagInteger, []byte{byte(size)}), tlv(ber.TagInteger, []byte{byte(seconds)}), []byte{1, 1, 0}, str(filterPresent, "mail"), tlv(ber.TagSequence))
	}
	add("negative size limit", answered(respSearch, protocolError), limits(0, -1, 0))
	add("negative time limit", answered(respSearch, protocolError), limits(0, 0, -1))
	add("unknown treatment of aliases", answered(respSearch, protocolError), limits(4, 0, 0))
	add("aliases always", answered(respSearch, success), limits(3, 1, 1))
	add("base is no name", answered(respSearch, invalidDNSyntax), searchOp("nonsense", 0, anyObject))
	add("base with NUL", answered(respSearch, invalidDNSyntax), searchOp("\x00", 0, anyObject))
	add("base is not UTF-8", answered(respSearch, invalidDNSyntax), searchOp("\xff", 0, anyObject))
	add("base is long", answered(respSearch, invalidDNSyntax), searchOp(strings.Repeat("x", 100000), 0, anyObject))
	add("schema", answered(respSearch, unwillingToPerform), searchOp("cn=Subschema", 0, anyObject))
	add("everything", answered(respSearch, unwillingToPerform), searchOp("", 2, anyObject))

	value := func(oid string, v []byte) []byte { return tlv(opExtended, str(tagRequestName, oid), v) }
	add("StartTLS with a value", answered(respExtended, protocolError), value(oidStartTLS, str(tagRequestValue, "")))
	add("who-am-i with a value", answered(respExtended, protocolError), value(oidWhoAmI, str(tagRequestValue, "x")))
	add("extension with three parts", toldOff, tlv(opExtended, str(tagRequestName, "1.2"), str(tagRequestValue, ""), str(tagRequestValue, "")))
	add("extension without a name", toldOff, tlv(opExtended))
	add("extension whose name is an octet string", toldOff, tlv(opExtended, str(ber.TagOctetString, oidWhoAmI)))
	add("extension whose name is constructed", toldOff, tlv(opExtended, tlv(0xa0, str(ber.TagOctetString, oidWhoAmI))))
	add("extension with the value first", toldOff, tlv(opExtended, str(tagRequestValue, ""), str(tagRequestName, oidWhoAmI)))
	for _, oid := range []string{
		"", "\x00", "nonsense", oidStartTLS + ".1", oidWhoAmI + " ", "1.3.6.1.4.1.4203.1.11.1", "1.3.6.1.1.8", "1.3.6.1.1.21.1",
		noticeOfDisconnection, "1.3.6.1.4.1.1466.101.119.1", strings.Repeat("1.", 50000) + "1",
	} {
		add(fmt.Sprintf("extension %.40q", oid), answered(respExtended, protocolError), extendedOp(oid))
	}
	add("unbind with content", toldOff, str(opUnbind, "x"))
	add("abandon without content", toldOff, tlv(opAbandon))
	add("abandon of five octets", toldOff, tlv(opAbandon, make([]byte, 5)))
	add("abandon of a negative id", toldOff, tlv(opAbandon, []byte{0xff}))
	add("unbind", hungUp, []byte{opUnbind, 0})
	add("delete of no name", answered(respDelete, unwillingToPerform), str(opDelete, "\x00\xff"))
	batch(t, cases)
}
