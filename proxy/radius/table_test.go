package radius

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport/config"
)

func radiusApp(secret, signing, outage string, clients ...string) *config.Application {
	a := &config.ApplicationRADIUS{Secret: config.NewSecret(secret), MessageAuthenticator: signing, OnOutage: outage}
	for _, c := range clients {
		a.Clients = append(a.Clients, netip.MustParsePrefix(c))
	}
	return &config.Application{RADIUS: a}
}

func TestTableFindsTheLongestPrefix(t *testing.T) {
	cfg := &config.Config{
		RADIUS: config.RADIUS{MessageAuthenticator: "require", OnOutage: "reject"},
		Applications: map[string]*config.Application{
			"wide":  radiusApp("a", "", "", "10.0.0.0/8", "2001:db8::/32", "fe80::/10", "::ffff:172.16.0.0/108"),
			"site":  radiusApp("b", "limit", "silence", "10.1.0.0/16", "10.2.3.4/16"),
			"host":  radiusApp("c", "off", "", "10.1.2.3/32", "2001:db8::1/128"),
			"other": {},
		},
	}
	table := mustTable(t, cfg, nil)
	for addr, want := range map[string]string{
		"10.9.9.9": "wide", "10.1.9.9": "site", "10.1.2.3": "host", "10.1.2.4": "site", "10.2.255.1": "site",
		"172.16.5.5": "wide", "2001:db8::2": "wide", "2001:db8::1": "host", "fe80::1%eth0": "wide",
		"192.0.2.1": "", "11.0.0.0": "", "2001:db9::1": "", "::1": "",
	} {
		got := ""
		if c := table.lookup(netip.MustParseAddr(addr)); c != nil {
			got = c.application
		}
		if got != want {
			t.Errorf("%s belongs to %q instead of %q", addr, got, want)
		}
	}
	wide, site, host := table.lookup(netip.MustParseAddr("10.9.9.9")), table.lookup(netip.MustParseAddr("10.1.9.9")),
		table.lookup(netip.MustParseAddr("10.1.2.3"))
	if wide.signing != require || site.signing != limit || host.signing != off {
		t.Error("message_authenticator is not inherited and overridden as it should be")
	}
	if !wide.rejectOutage || site.rejectOutage || !host.rejectOutage {
		t.Error("on_outage is not inherited and overridden as it should be")
	}
}

func TestTableRefuses(t *testing.T) {
	cfg := &config.Config{Applications: map[string]*config.Application{
		"a": radiusApp("s", "", "", "10.0.0.0/8", "10.5.5.5/8"),
		"b": radiusApp("", "", "", "10.0.0.0/8"),
		"c": radiusApp("s", "always", "drop", "10.3.0.0/16"),
		"d": radiusApp("s", "", "", "::ffff:0:0/90"),
	}}
	cfg.Applications["d"].RADIUS.Clients = append(cfg.Applications["d"].RADIUS.Clients, netip.Prefix{})
	_, err := NewTable(cfg, nil)
	if err == nil {
		t.Fatal("taken")
	}
	for _, want := range []string{
		"applications.a.radius.clients[1]: 10.0.0.0/8 already belongs to applications.a",
		"applications.b.radius.clients[0]: 10.0.0.0/8 already belongs to applications.a",
		"applications.b.radius.secret: the shared secret is empty",
		`applications.c.radius.message_authenticator: "always"`,
		`applications.c.radius.on_outage: "drop"`,
		"applications.d.radius.clients[0]",
		"applications.d.radius.clients[1]",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("missing: %s\nin: %v", want, err)
		}
	}
}
