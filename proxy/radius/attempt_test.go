package radius

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-auth/sallyport/internal/identity"
	"github.com/sallyport-auth/sallyport/policyengine"
	"github.com/sallyport-auth/sallyport/proxy"
)

// received makes a request as a socket would have received it.
func received(t testing.TB, table *Table, datagram []byte) *request {
	t.Helper()
	r := &request{
		src: netip.MustParseAddrPort("127.0.0.1:40000"), dst: netip.MustParseAddrPort("127.0.0.1:1812"),
		received: time.Unix(1000, 0), table: table,
	}
	r.raw = r.buf[:copy(r.buf[:], datagram)]
	r.client = table.lookup(r.src.Addr())
	return r
}

func TestAttempt(t *testing.T) {
	table := mustTable(t, app("127.0.0.0/8", "", ""), nil)
	k := kit{1}
	r := received(t, table, k.access(
		str(1, "Alice@Example"), k.pap("pass wörd "), tlv(4, 10, 0, 0, 1), str(32, "gate"), num(61, 5), num(6, 8), num(5, 17),
		str(30, "vpn.example"), str(31, "192.0.2.7[4500]"), str(24, "state"), num(7, 1), num(7, 99), str(44, "session"),
		tlv(25, 0xff, 0), vsa(9, str(1, "secret?")...), tlv(95, seq(16)...), num(64, 0x0100000d), tlv(81, 1, '4', '2'),
		str(77, "\xff"), str(200, "unknown"),
	))
	if why := r.inspect(); why != kept {
		t.Fatal(why)
	}
	got, why := r.attempt("id")
	if why != proxy.ReasonOK {
		t.Fatal(why)
	}
	want := &proxy.Attempt{
		ID: "id", Protocol: proxy.RADIUS, Operation: "auth", Application: "vpn", Username: "Alice@Example",
		Credential: identity.NewPassword("pass wörd "),
		ClientIP:   netip.MustParseAddr("192.0.2.7"), PeerIP: netip.MustParseAddr("127.0.0.1"), Client: "gate",
		Received: time.Unix(1000, 0), State: []byte("state"),
		RADIUS: policyengine.RADIUSFacts{
			NASIdentifier: "gate", NASIP: "10.0.0.1", NASPortType: "Virtual", CalledStationID: "vpn.example",
			CallingStationID: "192.0.2.7[4500]", ServiceType: "Authenticate-Only",
			Attributes: map[string][]string{
				"NAS-Port":                {"17"},
				"Framed-Protocol":         {"PPP", "99"},
				"Acct-Session-Id":         {"session"},
				"Class":                   {"0xff00"},
				"NAS-IPv6-Address":        {"102:304:506:708:90a:b0c:d0e:f10"},
				"Tunnel-Type":             {"VLAN"},
				"Tunnel-Private-Group-Id": {"42"},
				"Connect-Info":            {"0xff"},
			},
		},
	}
	equal := cmp.Comparer(func(a, b identity.Password) bool { return a.Reveal() == b.Reveal() })
	address := cmp.Comparer(func(a, b netip.Addr) bool { return a == b })
	if diff := cmp.Diff(want, got, equal, address); diff != "" {
		t.Error(diff)
	}
	// Nothing of it may point into the buffers, which serve the next packet.
	clear(r.buf[:])
	if diff := cmp.Diff(want, got, equal, address); diff != "" {
		t.Error("it changed with the buffer:", diff)
	}
}

func TestAttemptNamesItsClient(t *testing.T) {
	table := mustTable(t, app("127.0.0.0/8", "", ""), nil)
	r := received(t, table, kit{1}.good())
	if why := r.inspect(); why != kept {
		t.Fatal(why)
	}
	if a, _ := r.attempt(""); a.Client != "127.0.0.0/8" || a.ClientIP.IsValid() || a.RADIUS.Attributes != nil {
		t.Errorf("%+v", a)
	}
}

// TestRefusedBeforeTheStages names the reason of each refusal that the packet
// alone decides.
func TestRefusedBeforeTheStages(t *testing.T) {
	k := kit{1}
	alice, pass := str(1, "alice"), k.pap("alice-pw")
	chap := tlv(3, seq(17)...)
	for name, tt := range map[string]struct {
		tlvs [][]byte
		want proxy.Reason
	}{
		"no name":             {[][]byte{pass}, proxy.ReasonEmptyLogin},
		"empty name":          {[][]byte{str(1, ""), pass}, proxy.ReasonEmptyLogin},
		"two names":           {[][]byte{alice, alice, pass}, proxy.ReasonMalformedLogin},
		"name with NUL":       {[][]byte{str(1, "alice\x00"), pass}, proxy.ReasonMalformedLogin},
		"name not UTF-8":      {[][]byte{str(1, "alice\xff"), pass}, proxy.ReasonMalformedLogin},
		"no credential":       {[][]byte{alice}, proxy.ReasonMissingCredential},
		"two passwords":       {[][]byte{alice, pass, pass}, proxy.ReasonAmbiguousCredential},
		"password and chap":   {[][]byte{alice, pass, chap}, proxy.ReasonAmbiguousCredential},
		"empty password":      {[][]byte{alice, k.pap("")}, proxy.ReasonEmptyPassword},
		"password with NUL":   {[][]byte{alice, k.pap("alice-pw\x00x")}, proxy.ReasonMalformedPassword},
		"password not UTF-8":  {[][]byte{alice, k.pap("\xff")}, proxy.ReasonMalformedPassword},
		"arap":                {[][]byte{alice, tlv(70, seq(16)...)}, proxy.ReasonUnsupportedMethod},
		"authorize only":      {[][]byte{alice, pass, num(6, 17)}, proxy.ReasonMalformedRequest},
		"two states":          {[][]byte{alice, pass, str(24, "a"), str(24, "b")}, proxy.ReasonMalformedRequest},
		"chap goes to login":  {[][]byte{alice, chap}, proxy.ReasonOK},
		"eap goes to login":   {[][]byte{alice, tlv(79, 2, 1, 0, 5, 1)}, proxy.ReasonOK},
		"mschap goes to it":   {[][]byte{alice, vsa(311, tlv(25, seq(50)...)...)}, proxy.ReasonOK},
		"password goes to it": {[][]byte{alice, pass}, proxy.ReasonOK},
	} {
		r := received(t, mustTable(t, app("127.0.0.0/8", "", ""), nil), k.signed(tt.tlvs...))
		if why := r.inspect(); why != kept {
			t.Errorf("%s: discarded: %v", name, why)
			continue
		}
		a, why := r.attempt("id")
		if why != tt.want {
			t.Errorf("%s: %s instead of %s", name, why, tt.want)
		}
		if strings.ContainsRune(a.Username, 0) || strings.Contains(a.Username, "\xff") {
			t.Errorf("%s: the name %q cannot be logged", name, a.Username)
		}
		if why == proxy.ReasonOK && a.Credential == nil {
			t.Errorf("%s: no credential", name)
		}
	}
}

func TestUnverifiableKinds(t *testing.T) {
	k := kit{1}
	for want, credential := range map[identity.Kind][]byte{
		identity.KindCHAP:     tlv(3, seq(17)...),
		identity.KindEAP:      tlv(79, 2, 1, 0, 5, 1),
		identity.KindMSCHAPv2: vsa(311, tlv(25, seq(50)...)...),
	} {
		r := received(t, mustTable(t, app("127.0.0.0/8", "", ""), nil), k.signed(str(1, "alice"), credential))
		if why := r.inspect(); why != kept {
			t.Fatal(why)
		}
		if a, _ := r.attempt(""); a.Credential != identity.Unverifiable(want) {
			t.Errorf("%v instead of %v", a.Credential, want)
		}
	}
}

func TestClientIP(t *testing.T) {
	for station, want := range map[string]string{
		"192.0.2.7": "192.0.2.7", "192.0.2.7[4500]": "192.0.2.7", "2001:db8::7": "2001:db8::7",
		"2001:db8::7[4500]": "2001:db8::7", "[2001:db8::7]": "2001:db8::7", "::ffff:192.0.2.7": "192.0.2.7", "::1": "::1",
		"": "", "00-0C-29-11-22-33": "", "00:0c:29:11:22:33": "", "00:0c:29:ff:fe:11:22:33": "", "+49.30.12345": "",
		"192.0.2.7:4500": "", "192.0.2.300": "", "fe80::1%eth0": "", "[4500]": "", "localhost": "", "192.0.2.7[": "",
		"192.0.2.7\x00": "",
	} {
		got := ""
		if a := parseStation(station); a.IsValid() {
			got = a.String()
		}
		if got != want {
			t.Errorf("%q: %q instead of %q", station, got, want)
		}
	}
	k := kit{1}
	r := received(t, mustTable(t, app("127.0.0.0/8", "", ""), nil),
		k.signed(str(1, "a"), k.pap("b"), str(31, "00-0C-29-11-22-33"), tlv(66, append([]byte{1}, "192.0.2.9"...)...)))
	if why := r.inspect(); why != kept {
		t.Fatal(why)
	}
	if a, _ := r.attempt(""); a.ClientIP != netip.MustParseAddr("192.0.2.9") {
		t.Errorf("tunnel endpoint: %v", a.ClientIP)
	}
}

// TestFactsHideSecrets puts a marker into everything that policies must not
// see.
func TestFactsHideSecrets(t *testing.T) {
	marker := []byte("marker-marker-16")
	k := kit{1}
	r := received(t, mustTable(t, app("127.0.0.0/8", "", ""), nil), k.signed(
		str(1, "alice"), tlv(2, marker...), tlv(24, marker...), tlv(33, marker...), tlv(60, marker...), tlv(69, marker...),
		vsa(9, marker...), tlv(74, marker...), tlv(103, marker...), tlv(250, marker...), str(32, "nas")))
	if why := r.inspect(); why != kept {
		t.Fatal(why)
	}
	f := r.facts()
	if f.NASIdentifier != "nas" || len(f.Attributes) != 0 {
		t.Errorf("%+v", f)
	}
}
