package upstream

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// TestServersThatRepeatPasswords: neither the user's password nor that of the
// service account gets into errors or the status, whatever the server writes.
func TestServersThatRepeatPasswords(t *testing.T) {
	const secret = "alices-own-secret"
	for name, answer := range map[string]func(p *peer, m message){
		"busy":      func(p *peer, m message) { p.result(m.id, opBindResponse, 51, "no time for "+m.secret) },
		"refused":   func(p *peer, m message) { p.result(m.id, opBindResponse, 53, m.secret+" is no good") },
		"a notice":  func(p *peer, m message) { p.send(noticeOf(52, "away with "+m.secret)) },
		"much text": func(p *peer, m message) { p.result(m.id, opBindResponse, 51, strings.Repeat("x", 10_000)+m.secret) },
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, func(f *fake) {
				f.answer = func(p *peer, m message) bool {
					if m.op == opBindRequest && m.secret != "" {
						answer(p, m)
						return true
					}
					return false
				}
			})
			cfg := settingsOf(f.url())
			s := open(t, cfg, Options{}).Status()[0]
			if s.State != StateDown || s.Error == "" || strings.Contains(s.Error, servicePassword) {
				t.Errorf("service account: %s, %s", s.State, s.Error)
			}
			cfg.BindDN = "" // so that the server is up
			c := open(t, cfg, Options{})
			r, err := bindAlice(t, c, secret)
			if err != nil && (strings.Contains(err.Error(), secret) || len(err.Error()) > 5000) || err == nil && r.Code != 53 {
				t.Errorf("user: %+v, %v", r, err)
			}
			if s := c.Status()[0]; strings.Contains(s.Error, secret) {
				t.Errorf("status: %s", s.Error)
			}
		})
	}
}

// TestExhaustedIsNoOutage: who sends more logins than there are connections for
// learns that, and nothing that would let a login go on to another directory.
func TestExhaustedIsNoOutage(t *testing.T) {
	f := newFake(t, nil)
	cfg := settingsOf(f.url())
	cfg.Pool.Binds, cfg.Timeout = 1, 100*time.Millisecond
	c := open(t, cfg, Options{})
	pool := (*c.servers.Load())[0].binds
	if !pool.permits.TryAcquire(1) { // somebody else's bind, for longer than others wait
		t.Fatal("no permit")
	}
	defer pool.permits.Release(1)
	_, err := bindAlice(t, c, "right")
	var busy interface{ Overloaded() bool }
	if !errors.As(err, &busy) || !busy.Overloaded() {
		t.Errorf("%v", err)
	}
	if down := (&Outage{Failures: []Failure{{Outcome: OutcomeTimeout}, {Outcome: OutcomeDown}}}); down.Overloaded() {
		t.Error("an outage is called overload")
	}
}
