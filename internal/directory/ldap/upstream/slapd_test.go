package upstream

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/testenv"
)

// slapdSettings is a configuration for real servers.
func slapdSettings(s *testenv.Slapd, urls ...string) *config.LDAPDirectory {
	cfg := settingsOf(urls...)
	cfg.BindDN, cfg.BindPassword, cfg.TLS.CA = s.ServiceDN, config.NewSecret(s.ServicePassword), s.CAFile
	cfg.StartTLS = "require"
	return cfg
}

// TestSlapd is everything once against OpenLDAP.
func TestSlapd(t *testing.T) {
	s := testenv.StartSlapd(t, testenv.SlapdOptions{})
	for _, url := range []string{s.LDAPURL, s.LDAPSURL} {
		c := open(t, slapdSettings(s, url), Options{})
		r, err := c.Bind(t.Context(), s.AdminDN, s.AdminPassword)
		if err != nil || r.Code != 0 {
			t.Errorf("%s: right password: %+v, %v", url, r, err)
		}
		r, err = c.Bind(t.Context(), s.AdminDN, "wrong")
		if err != nil || r.Code != 49 {
			t.Errorf("%s: wrong password: %+v, %v", url, r, err)
		}
		res, err := c.Search(t.Context(), search(s.ServiceDN))
		if err != nil || len(res.Entries) != 1 {
			t.Errorf("%s: search: %+v, %v", url, res, err)
		}
		var last Step
		c.Diagnose(t.Context(), func(s Step) { last = s })
		if last.Name != StepRootDSE || !strings.Contains(last.Got, "OpenLDAP") || !strings.Contains(last.Got, "password policy") {
			t.Errorf("%s: diagnosis: %+v", url, last)
		}
	}
	cfg := slapdSettings(s, s.LDAPURL)
	cfg.StartTLS, cfg.BindPassword = "off", config.NewSecret("wrong")
	var last Step
	open(t, cfg, Options{}).Diagnose(t.Context(), func(s Step) { last = s })
	if last.Name != StepBind || last.Err == nil || last.Advice == "" {
		t.Errorf("wrong password of the service account: %+v", last)
	}
}

// TestSlapdOutages: under load, a server that stops answering, one that dies and
// one that comes back. Nobody is told that a right password is wrong, and the
// service is back in time.
func TestSlapdOutages(t *testing.T) {
	ca := testenv.NewAuthority(t)
	first := testenv.StartSlapd(t, testenv.SlapdOptions{Authority: ca, Quiet: true})
	second := testenv.StartSlapd(t, testenv.SlapdOptions{Authority: ca, Quiet: true})
	cfg := slapdSettings(first, first.LDAPSURL, second.LDAPURL)
	cfg.Timeout = 300 * time.Millisecond
	c := open(t, cfg, Options{})
	var stop atomic.Bool
	var ok, outages, served [2]atomic.Int64
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			for !stop.Load() {
				if i%4 == 0 {
					if _, err := c.Search(t.Context(), search(first.ServiceDN)); err != nil {
						outages[0].Add(1)
					} else {
						ok[0].Add(1)
					}
					continue
				}
				switch r, err := c.Bind(t.Context(), first.AdminDN, first.AdminPassword); {
				case err != nil:
					outages[1].Add(1)
				case r.Code != 0:
					t.Errorf("a right password is refused: %+v", r)
				default:
					ok[1].Add(1)
					served[map[bool]int{true: 0, false: 1}[r.Server == first.LDAPSURL]].Add(1)
				}
			}
		})
	}
	// served by n, from now on, within the limit
	by := func(n int, limit time.Duration) {
		t.Helper()
		begin, before := time.Now(), served[n].Load()
		within(t, limit, func() bool { return served[n].Load() > before })
		t.Logf("served by %d after %s", n, time.Since(begin).Round(time.Millisecond))
	}
	by(0, 2*time.Second)
	first.Suspend()
	by(1, 3*time.Second)
	within(t, 5*time.Second, func() bool { return c.Status()[0].State == StateDown })
	first.Resume()
	by(0, 3*time.Second)
	first.Kill()
	by(1, 3*time.Second)
	second.Kill()
	within(t, 5*time.Second, func() bool { s := c.Status(); return s[0].State == StateDown && s[1].State == StateDown })
	first.Restart()
	by(0, 3*time.Second)
	stop.Store(true)
	wg.Wait()
	t.Logf("searches: %d answered, %d not; binds: %d answered, %d not", ok[0].Load(), outages[0].Load(), ok[1].Load(), outages[1].Load())
}

// TestSlapdPages: a search with the paging control brings everything, also when
// several share a connection.
func TestSlapdPages(t *testing.T) {
	t.Parallel()
	s := testenv.StartSlapd(t, testenv.SlapdOptions{Users: 50})
	cfg := slapdSettings(s, s.LDAPURL)
	cfg.Pool.Searches = 1
	c := open(t, cfg, Options{})
	find := func(size uint32, limit int) (*ldap.SearchResult, error) {
		r := search(s.BaseDN)
		r.Scope, r.SizeLimit, r.Attributes = ldap.ScopeWholeSubtree, limit, []string{"1.1"}
		if size > 0 {
			r.Controls = []ldap.Control{ldap.NewControlPaging(size)}
		}
		return c.Search(t.Context(), r)
	}
	all, err := find(0, 0)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for _, size := range []uint32{10, 20, 1000} {
		wg.Go(func() {
			if res, err := find(size, 0); err != nil || len(res.Entries) != len(all.Entries) {
				t.Errorf("pages of %d: %v entries of %d, %v", size, res, len(all.Entries), err)
			}
		})
	}
	wg.Wait()
	if _, err := find(10, 25); !ldap.IsErrorWithCode(err, ldap.LDAPResultSizeLimitExceeded) {
		t.Errorf("more than the limit: %v", err)
	}
	if st := c.Status()[0]; st.Searches.Open != 1 || st.Error != "" {
		t.Errorf("status: %+v", st)
	}
}
