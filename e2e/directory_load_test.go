package e2e

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	goldap "github.com/go-ldap/ldap/v3"
	"layeh.com/radius"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/radiusclient"
	"github.com/sallyport-auth/sallyport/internal/testenv"
)

// What became of a login, as its client saw it.
const (
	accepted = "accepted"
	refused  = "refused"
	outage   = "outage" // RADIUS silence, LDAP 52
	broken   = "broken" // anything else
)

// attempt is one login of a load.
type attempt struct {
	protocol, user string
	right          bool // the password
	begun, ended   time.Time
	answer         string
	detail         error
}

// load is logins in parallel through RADIUS and as many through LDAP, with right
// passwords and some wrong ones, one after the other on each of the paths.
type load struct {
	s    *server
	stop context.CancelFunc
	wg   sync.WaitGroup

	mu   sync.Mutex
	done []attempt
}

// The users of a load: the first rightUsers come with their password, the others
// with a wrong one.
const (
	rightUsers, wrongUsers = 180, 20
	// patience is how long a RADIUS client waits; it cannot see an outage.
	patience = time.Second
)

// startLoad runs n logins in parallel through each front-end until stopped.
func startLoad(s *server, n int) *load {
	ctx, cancel := context.WithCancel(s.t.Context())
	l := &load{s: s, stop: cancel}
	for i := range n {
		l.wg.Go(func() { l.run(ctx, i, l.radius) })
		l.wg.Go(func() {
			c := &ldapClient{address: s.ldap}
			defer c.close()
			l.run(ctx, i+n, c.login)
		})
	}
	return l
}

func (l *load) run(ctx context.Context, seed int, login func(user, password string) (string, string, error)) {
	for k := seed * 7; ctx.Err() == nil; k++ {
		n := k % (rightUsers + wrongUsers)
		a := attempt{user: testenv.PlainUser(n), right: n < rightUsers, begun: time.Now()}
		password := pw(a.user)
		if !a.right {
			password = "wrong"
		}
		a.protocol, a.answer, a.detail = login(a.user, password)
		a.ended = time.Now()
		l.mu.Lock()
		l.done = append(l.done, a)
		l.mu.Unlock()
		select {
		case <-ctx.Done():
		case <-time.After(40 * time.Millisecond):
		}
	}
}

// end stops the load, waits for the logins under way and returns all of them.
func (l *load) end() []attempt {
	l.stop()
	l.wg.Wait()
	return l.done
}

// between returns the logins that began in a span and have ended.
func (l *load) between(from, to time.Time) []attempt {
	l.mu.Lock()
	defer l.mu.Unlock()
	var found []attempt
	for _, a := range l.done {
		if !a.begun.Before(from) && a.begun.Before(to) {
			found = append(found, a)
		}
	}
	return found
}

func (l *load) radius(user, password string) (string, string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	res, err := radiusclient.Exchange(ctx, l.s.radius, config.NewSecret("testing123"), radiusclient.Request{Username: user, Password: password})
	switch {
	case err != nil && ctx.Err() != nil:
		return "radius", outage, nil
	case err != nil:
		return "radius", broken, err
	case res.Code == radius.CodeAccessAccept:
		return "radius", accepted, nil
	}
	return "radius", refused, fmt.Errorf("%v %q", res.Code, res.Messages)
}

// ldapClient keeps its connection, as servers that log in with LDAP do.
type ldapClient struct {
	address string
	conn    *goldap.Conn
}

func (c *ldapClient) login(user, password string) (string, string, error) {
	if c.conn == nil {
		conn, err := goldap.DialURL("ldap://" + c.address)
		if err != nil {
			return "ldap", broken, err
		}
		c.conn = conn
		conn.SetTimeout(15 * time.Second)
	}
	err := c.conn.Bind(dn(user), password)
	var answer *goldap.Error
	switch {
	case err == nil:
		return "ldap", accepted, nil
	case goldap.IsErrorWithCode(err, goldap.LDAPResultUnavailable):
		return "ldap", outage, err
	case goldap.IsErrorWithCode(err, goldap.LDAPResultInvalidCredentials):
		return "ldap", refused, err
	case !errors.As(err, &answer) || answer.ResultCode >= goldap.ErrorNetwork:
		c.close()
	}
	return "ldap", broken, err
}

func (c *ldapClient) close() {
	if c.conn != nil {
		c.conn.Close()
		c.conn = nil
	}
}

// count counts the logins with the right password by what became of them.
func count(list []attempt) map[string]int {
	n := map[string]int{}
	for _, a := range list {
		if a.right {
			n[a.answer]++
		}
	}
	return n
}

// honest demands that right passwords were accepted and wrong ones refused,
// unless nobody could tell.
func honest(t *testing.T, list []attempt) {
	t.Helper()
	faults := 0
	for _, a := range list {
		if a.answer == outage || a.right && a.answer == accepted || !a.right && a.answer == refused {
			continue
		}
		if faults++; faults <= 5 {
			t.Errorf("%s login of %s with the right password (%v) after %s: %s: %v",
				a.protocol, a.user, a.right, a.ended.Sub(a.begun).Round(time.Millisecond), a.answer, a.detail)
		}
	}
	if faults > 5 {
		t.Errorf("and %d more of %d", faults-5, len(list))
	}
}
