package dns

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/testenv"
)

// zone answers as a name server does that knows a few names.
func zone(name string, kind int) testenv.DNSReply {
	addrs := map[string][]string{
		"both.example": {"192.0.2.9", "192.0.2.10", "2001:db8::1", "192.0.2.9"}, "four.example": {"192.0.2.1"}, "six.example": {"2001:db8::6"},
		"mapped.example": {"::ffff:192.0.2.4"}, "half.example": {"192.0.2.5"},
	}
	var r testenv.DNSReply
	switch {
	case name == "alias.example":
		r.Records = append(r.Records, testenv.DNSTarget("", testenv.DNSTypeCNAME, "four.example"))
		if kind == testenv.DNSTypeA {
			r.Records = append(r.Records, testenv.DNSAddress("four.example", "192.0.2.1"))
		}
	case name == "broken.example", name == "half.example" && kind == testenv.DNSTypeAAAA:
		r.Code = testenv.DNSServerFailure
	case name == "refused.example":
		r.Code = testenv.DNSRefused
	case name == "silent.example":
		r.Silent = true
	case name == "garbage.example":
		r.Raw = []byte("\x00\x01garbage")
	case name == "1.2.0.192.in-addr.arpa" && kind == testenv.DNSTypePTR:
		r.Records = []testenv.DNSRecord{testenv.DNSTarget("", kind, "first.example"), testenv.DNSTarget("", kind, "second.example")}
	case name == "2.2.0.192.in-addr.arpa" && kind == testenv.DNSTypePTR:
		r.Records = []testenv.DNSRecord{testenv.DNSTarget("", kind, "not a name!")}
	case strings.HasSuffix(name, "8.b.d.0.1.0.0.2.ip6.arpa") && kind == testenv.DNSTypePTR:
		r.Records = []testenv.DNSRecord{testenv.DNSTarget("", kind, "six.example")}
	case addrs[name] == nil:
		r.Code = testenv.DNSNoSuchName
	}
	for _, text := range addrs[name] {
		if record := testenv.DNSAddress("", text); record.Type == kind {
			r.Records = append(r.Records, record)
		}
	}
	return r
}

func withServers(t *testing.T, timeout time.Duration, servers ...string) *Resolver {
	t.Helper()
	cfg := settings
	cfg.Timeout = timeout
	for _, s := range servers {
		var server config.DNSServer
		if err := server.UnmarshalText([]byte(s)); err != nil {
			t.Fatal(err)
		}
		cfg.Servers = append(cfg.Servers, server)
	}
	r := New(cfg)
	t.Cleanup(func() { _ = r.Close() })
	return r
}

func TestServer(t *testing.T) {
	r := withServers(t, 2*time.Second, testenv.NewDNS(t, zone).Addr.String())
	for _, tt := range []struct {
		host    string
		version int
		want    string
	}{
		{"both.example", 0, "192.0.2.10 192.0.2.9 2001:db8::1"},
		{"both.example", 4, "192.0.2.10 192.0.2.9"},
		{"both.example", 6, "2001:db8::1"},
		{"both.example.", 6, "2001:db8::1"},
		{"four.example", 6, ""},
		{"six.example", 4, ""},
		{"alias.example", 0, "192.0.2.1"},
		{"half.example", 0, "192.0.2.5"},
		{"none.example", 0, ""},
		{"broken.example", 0, ""},
		{"refused.example", 4, ""},
		{"bad name.example", 4, ""},
	} {
		if got, err := r.Lookup(t.Context(), tt.host, tt.version); err != nil || strings.Join(got, " ") != tt.want {
			t.Errorf("%s, %d: %q, %v", tt.host, tt.version, got, err)
		}
	}
	for addr, want := range map[string]string{
		"192.0.2.1": "first.example", "::ffff:192.0.2.1": "first.example", "2001:db8::6": "six.example", "192.0.2.2": "192.0.2.2", "192.0.2.3": "192.0.2.3",
	} {
		if got, err := r.Reverse(t.Context(), addr); err != nil || got != want {
			t.Errorf("reverse %s: %q, %v", addr, got, err)
		}
	}
	resolve, _, _ := r.Stats()
	if resolve.Failed != 3 || resolve.Timeouts != 0 {
		t.Errorf("want three failures (half, broken, refused): %+v", resolve)
	}
}

// TestServerWithoutSense: silence and garbage end in time.
func TestServerWithoutSense(t *testing.T) {
	r := withServers(t, 200*time.Millisecond, testenv.NewDNS(t, zone).Addr.String())
	for _, host := range []string{"silent.example", "garbage.example"} {
		start := time.Now()
		got, err := r.Lookup(t.Context(), host, 0)
		if err != nil || len(got) != 0 || time.Since(start) > 2*time.Second {
			t.Errorf("%s: %q, %v after %v", host, got, err, time.Since(start))
		}
	}
	if resolve, _, _ := r.Stats(); resolve.Timeouts+resolve.Failed != 2 || resolve.Timeouts == 0 {
		t.Errorf("%+v", resolve)
	}
}

// TestNextServer: the ones behind it are asked when a server fails or is silent,
// and not when it says that there is nothing.
func TestNextServer(t *testing.T) {
	silent := testenv.NewDNS(t, func(string, int) testenv.DNSReply { return testenv.DNSReply{Silent: true} })
	broken := testenv.NewDNS(t, func(string, int) testenv.DNSReply { return testenv.DNSReply{Code: testenv.DNSServerFailure} })
	good := testenv.NewDNS(t, zone)
	r := withServers(t, 1500*time.Millisecond, silent.Addr.String(), broken.Addr.String(), good.Addr.String())
	if got, err := r.Lookup(t.Context(), "four.example", 4); err != nil || strings.Join(got, " ") != "192.0.2.1" {
		t.Errorf("%q, %v", got, err)
	}
	if silent.Asked("four.example") == 0 || broken.Asked("four.example") == 0 {
		t.Error("the servers before were left out")
	}
	r = withServers(t, time.Second, good.Addr.String(), silent.Addr.String())
	if got, err := r.Lookup(t.Context(), "none.example", 4); err != nil || len(got) != 0 || silent.Asked("none.example") != 0 {
		t.Errorf("%q, %v, the next asked %d times", got, err, silent.Asked("none.example"))
	}
}

// TestSystem: without servers in the configuration those of the system are meant,
// and its hosts file is read.
func TestSystem(t *testing.T) {
	r := withServers(t, time.Second)
	got, err := r.Lookup(t.Context(), "localhost", 4)
	if err != nil || len(got) == 0 || !strings.HasPrefix(got[0], "127.") {
		t.Errorf("localhost: %q, %v", got, err)
	}
}

// TestImpatient: a datagram that is lost costs no more than the patience.
func TestImpatient(t *testing.T) {
	silent := testenv.NewDNS(t, func(string, int) testenv.DNSReply { return testenv.DNSReply{Silent: true} })
	conn, err := dialer(silent.Addr.String(), 20*time.Millisecond)(t.Context(), "udp", "192.0.2.1:53")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, ok := conn.(net.PacketConn); !ok {
		t.Fatal("the resolver would take it for a stream")
	}
	for _, deadline := range []time.Time{time.Now().Add(time.Hour), {}} {
		if err := conn.SetDeadline(deadline); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Read(make([]byte, 1)); err == nil {
			t.Error("an answer from nobody")
		}
	}
}
