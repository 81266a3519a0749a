package e2e

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/internal/testenv"
)

// pair is two slapd with the same data, each behind a relay.
type pair struct {
	t      *testing.T
	slapd  [2]*testenv.Slapd
	relays [2]*testenv.Relay
}

func startPair(t *testing.T, tls bool) *pair {
	t.Helper()
	p := &pair{t: t}
	authority := testenv.NewAuthority(t)
	for i := range p.slapd {
		p.slapd[i] = testenv.StartSlapd(t, testenv.SlapdOptions{Users: rightUsers + wrongUsers, Authority: authority})
		target := p.slapd[i].LDAPAddr
		if tls {
			target = p.slapd[i].LDAPSAddr
		}
		p.relays[i] = testenv.StartRelay(t, target)
	}
	return p
}

// fault is something that befalls server i.
type fault struct {
	name        string
	happen, end func(p *pair, i int)
	// long is how much longer than others it lasts: whoever asks a server less and
	// less often must still notice its return in time.
	long time.Duration
}

// through is a fault of the network.
func through(mode testenv.RelayMode) fault {
	set := func(p *pair, i int, m testenv.RelayMode) {
		if err := p.relays[i].Set(m); err != nil {
			p.t.Fatal(err)
		}
	}
	return fault{
		name:   mode.String(),
		happen: func(p *pair, i int) { set(p, i, mode) },
		end:    func(p *pair, i int) { set(p, i, testenv.Pass) },
	}
}

var faults = []fault{
	{
		name:   "suspended",
		happen: func(p *pair, i int) { p.slapd[i].Suspend() },
		end:    func(p *pair, i int) { p.slapd[i].Resume() },
	},
	{
		name:   "killed",
		happen: func(p *pair, i int) { p.slapd[i].Kill() },
		end:    func(p *pair, i int) { p.slapd[i].Restart() },
		long:   7 * time.Second,
	},
	{
		name:   "certificate expired",
		happen: func(p *pair, i int) { p.certify(i, testenv.ExpiredCertificate()) },
		end:    func(p *pair, i int) { p.certify(i, testenv.Certificate{}) },
	},
	through(testenv.Reset),
	through(testenv.ResetAnswer),
	through(testenv.Half),
	through(testenv.Trickle),
	through(testenv.Garbage),
}

func (p *pair) certify(i int, c testenv.Certificate) {
	p.slapd[i].Certify(c)
	p.slapd[i].Restart()
}

// TestDirectoryFaults: whatever happens to servers under load, nobody is told
// that a right password was wrong, one server carries on for the other, service
// is back when they are, and nothing is left over.
func TestDirectoryFaults(t *testing.T) {
	t.Run("LDAPS", func(t *testing.T) { disturb(t, true, faults) })
	t.Run("plain", func(t *testing.T) {
		disturb(t, false, []fault{through(testenv.ResetAnswer), through(testenv.Garbage)})
	})
}

func disturb(t *testing.T, tls bool, list []fault) {
	p := startPair(t, tls)
	scheme, more := "ldap://", "start_tls: off\n"
	if tls {
		scheme, more = "ldaps://", ""
	}
	s := start(t, behind(slapdKeys(p.slapd[0], more+"timeout: 500ms\nhealth_interval: 500ms\npool: {binds: 16, idle: 1s}",
		scheme+p.relays[0].Addr, scheme+p.relays[1].Addr)))

	warm := startLoad(s, parallel)
	time.Sleep(time.Second)
	all := warm.end()
	honest(t, all)
	if n := count(all); n[accepted] == 0 {
		t.Fatalf("before any fault: %v\n%s", n, s.log())
	}
	before := settled(s, p)
	for _, f := range list {
		t.Run(f.name, func(t *testing.T) {
			p.t = t
			endure(t, s, p, f)
			demandLeftovers(t, s, p, before)
		})
	}
	for _, line := range s.find(func(l logLine) bool { return l.text("msg") == "login" }) {
		checkReason(t, line)
	}
	s.stop()
	s.eventually("end of all connections", 5*time.Second, func() bool { return p.relays[0].Open()+p.relays[1].Open() == 0 })
}

const (
	// parallel is how many logins run at once through each front-end.
	parallel = 16
	// settle is how long a fault may cost logins; afterwards the other server
	// serves.
	settle = time.Second
	// window is how long the state after that is watched.
	window = time.Second
	// margin keeps out logins that the next fault meets under way.
	margin = 200 * time.Millisecond
	// back is how soon service must be back after a server's return.
	back = 2 * time.Second
)

// endure has a fault befall one server, then the other as well, and ends it. The
// answers must be right every time; times are measured again, up to twice, when a
// busy machine may have spoilt them.
func endure(t *testing.T, s *server, p *pair, f fault) {
	for try := 1; ; try++ {
		complaints := measure(t, s, p, f)
		if len(complaints) == 0 || t.Failed() {
			return
		}
		if try == 3 {
			t.Error(complaints)
			return
		}
		t.Log("again, since", complaints)
	}
}

// measure is one run of endure; it returns what a busy machine may cause.
func measure(t *testing.T, s *server, p *pair, f fault) (complaints []string) {
	l := startLoad(s, parallel)
	defer l.end() // where the test fails
	time.Sleep(window / 2)
	f.happen(p, 0)
	time.Sleep(settle)
	one := time.Now()
	time.Sleep(window)
	f.happen(p, 1)
	time.Sleep(settle)
	none := time.Now()
	time.Sleep(window/2 + f.long)
	ending := time.Now()
	f.end(p, 0)
	returned := time.Now()
	f.end(p, 1)
	s.eventually("login after the end of the fault", 5*back, func() bool {
		return count(l.between(returned, time.Now()))[accepted] > 0
	})
	took := time.Since(returned)
	time.Sleep(back - took)
	again := time.Now()
	time.Sleep(window / 2)
	honest(t, l.end())

	with, after := count(l.between(one, one.Add(window-margin))), count(l.between(again, time.Now()))
	without := count(slices.DeleteFunc(l.between(none, ending), func(a attempt) bool { return a.ended.After(ending) }))
	if with[accepted] == 0 || with[outage] > 0 {
		complaints = append(complaints, fmt.Sprintf("with one of two servers, %s after the fault: %v", settle, with))
	}
	if without[accepted] > 0 || without[outage] == 0 {
		t.Errorf("with no server: %v", without)
	}
	if took > back {
		complaints = append(complaints, fmt.Sprintf("service was back %s after the first server, want %s at most", took, back))
	}
	if after[accepted] == 0 || after[outage] > 0 {
		complaints = append(complaints, fmt.Sprintf("%s after the return of the servers: %v", back, after))
	}
	t.Logf("one server: %v; none: %v; back after %s: %v", with, without, took.Round(time.Millisecond), after)
	return complaints
}

// leftovers is what a login may not leave behind.
type leftovers struct{ goroutines, descriptors, connections int }

var goroutines = regexp.MustCompile(`(?m)^go_goroutines (\d+)`)

func (s *server) leftovers(p *pair) leftovers {
	s.t.Helper()
	_, metrics := s.get("/metrics")
	match := goroutines.FindStringSubmatch(metrics)
	if match == nil {
		s.t.Fatal("no go_goroutines in the metrics")
	}
	n, _ := strconv.Atoi(match[1])
	files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.cmd.Process.Pid))
	if err != nil {
		s.t.Skipf("descriptors: %v", err)
	}
	return leftovers{n, len(files), p.relays[0].Open() + p.relays[1].Open()}
}

// settled waits until what idles is closed and returns what stays.
func settled(s *server, p *pair) leftovers {
	s.t.Helper()
	time.Sleep(2 * time.Second) // the pool keeps connections for one
	least := s.leftovers(p)
	for range 10 {
		now := s.leftovers(p)
		least.goroutines = min(least.goroutines, now.goroutines)
		least.descriptors = min(least.descriptors, now.descriptors)
		least.connections = min(least.connections, now.connections)
		time.Sleep(50 * time.Millisecond)
	}
	return least
}

// demandLeftovers waits until no more is there than before: there must be a moment
// without a probe. If there is none, the server says what its goroutines do.
func demandLeftovers(t *testing.T, s *server, p *pair, before leftovers) {
	t.Helper()
	var now leftovers
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		now = s.leftovers(p)
		if now.goroutines <= before.goroutines+1 && now.descriptors <= before.descriptors && now.connections <= before.connections {
			return
		}
	}
	t.Errorf("left over: %+v, before %+v", now, before)
	_ = s.cmd.Process.Signal(syscall.SIGQUIT)
}

// checkReason demands that the log blames nobody for a fault.
func checkReason(t *testing.T, line logLine) {
	t.Helper()
	var n int
	if _, err := fmt.Sscanf(line.text("user"), "user%d", &n); err != nil {
		t.Errorf("login of a stranger: %v", line)
	}
	own := "ok"
	if n >= rightUsers {
		own = "bad_password"
	}
	switch line.text("reason") {
	case own, "upstream_unavailable", "timeout":
	case "overloaded": // all connections wait for a server that hangs, and is not known to
	default:
		t.Errorf("want %s or an outage: %v", own, line)
	}
}
