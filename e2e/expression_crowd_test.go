package e2e

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/radiusclient"
)

// answer is what a login was told, and when.
type answer struct {
	begun, ended time.Time
	ldapAnswer
}

// crowd logs in again and again, one login after the other on each of its ways,
// until it is ended or the test ends.
type crowd struct {
	s       *server
	end     func()
	mu      sync.Mutex
	answers []answer
}

func (s *server) crowd(ways ...func() ldapAnswer) *crowd {
	ctx, stop := context.WithCancel(s.t.Context())
	var running sync.WaitGroup
	c := &crowd{s: s, end: func() { stop(); running.Wait() }}
	for _, login := range ways {
		running.Go(func() {
			for ctx.Err() == nil {
				a := answer{begun: time.Now()}
				a.ldapAnswer = login()
				a.ended = time.Now()
				c.mu.Lock()
				c.answers = append(c.answers, a)
				c.mu.Unlock()
			}
		})
	}
	s.t.Cleanup(c.end)
	return c
}

// after waits for n logins that began after a time, returns all until then, and
// forgets them.
func (c *crowd) after(moment time.Time, n int) []answer {
	c.s.t.Helper()
	c.s.eventually("logins of the crowd", 10*time.Second, func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		found := 0
		for _, a := range c.answers {
			if a.begun.After(moment) {
				found++
			}
		}
		return found >= n
	})
	c.mu.Lock()
	defer c.mu.Unlock()
	answers := c.answers
	c.answers = nil
	return answers
}

// byLDAP is n ways of a user into an application, each on a connection of its own.
func (s *server) byLDAP(n int, user, application string) []func() ldapAnswer {
	s.t.Helper()
	ways := make([]func() ldapAnswer, n)
	for i := range ways {
		b := s.binder(s.t)
		ways[i] = func() ldapAnswer { return b.bind(user, application) }
	}
	return ways
}

// byRADIUS is n ways of a user into the first application. A refusal has the code
// that it has with LDAP.
func (s *server) byRADIUS(n int, user string) []func() ldapAnswer {
	ways := make([]func() ldapAnswer, n)
	for i := range ways {
		ways[i] = func() ldapAnswer {
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			res, err := radiusclient.Exchange(ctx, s.radius, config.NewSecret("testing123"), radiusclient.Request{Username: user, Password: pw(user)})
			switch {
			case err != nil:
				return ldapAnswer{52, err.Error()}
			case res.Code.String() == "Access-Accept":
				return ldapAnswer{0, strings.Join(res.Messages, " ")}
			}
			return ldapAnswer{49, strings.Join(res.Messages, " ")}
		}
	}
	return ways
}
