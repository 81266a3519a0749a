package ldap

import (
	"crypto/tls"
	"io"
	"testing"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/testenv"
)

func TestStartTLSRules(t *testing.T) {
	startTLS := func(id int32) []byte { return request(id, extendedOp(oidStartTLS)) }
	t.Run("outstanding operations", func(t *testing.T) {
		r := newRig(t, nil)
		w := r.dial(t)
		r.holding(w, 1)
		w.send(startTLS(2), whoAmI(3), startTLS(4))
		r.waiting(t, 3)
		close(r.fake.release)
		w.expect(1, respBind, success)
		w.expect(2, respExtended, operationsError)
		w.expect(3, respExtended, success)
		w.expect(4, respExtended, operationsError)
	})
	t.Run("twice", func(t *testing.T) {
		r := newRig(t, nil)
		w := r.dialTLS(t)
		w.send(startTLS(1), whoAmI(2))
		w.expect(1, respExtended, operationsError)
		w.expect(2, respExtended, success)
	})
	t.Run("critical control", func(t *testing.T) {
		r := newRig(t, nil)
		w := r.dial(t)
		w.send(request(1, extendedOp(oidStartTLS), control("1.2.3", true)), whoAmI(2))
		w.expect(1, respExtended, unavailableCriticalExtension)
		w.expect(2, respExtended, success)
	})
	for name, injected := range map[string][]byte{
		"bind":      simpleBind(2, aliceDN, "good"),
		"search":    request(2, searchOp("", 0, anyObject)),
		"one octet": {0x30},
		"hello":     testenv.Unhex(t, "1603010000"),
	} {
		t.Run("plain text behind it: "+name, func(t *testing.T) {
			r := newRig(t, nil)
			w := r.dial(t)
			w.send(startTLS(1), injected)
			w.expect(1, respExtended, success)
			w.expectClosed()
			if a, _ := r.fake.last(); a != nil {
				t.Error("an injected bind was made")
			}
			if r.faults(causePlaintext) != 1 {
				t.Error("it was not counted")
			}
			r.works(t)
		})
	}
	t.Run("plain text instead of a handshake", func(t *testing.T) {
		r := newRig(t, nil)
		w := r.dial(t)
		w.send(startTLS(1))
		w.expect(1, respExtended, success)
		w.send(simpleBind(2, aliceDN, "good"))
		_, _ = io.Copy(io.Discard, w) // an alert of TLS, then the end
		if a, _ := r.fake.last(); a != nil {
			t.Error("the bind was made")
		}
		if r.faults(causeHandshake) != 1 {
			t.Error("it was not counted")
		}
	})
	t.Run("unbind in clear text at the end", func(t *testing.T) {
		r := newRig(t, nil)
		w := r.dial(t)
		w.send(startTLS(1))
		w.expect(1, respExtended, success)
		secure := tls.Client(w.Conn, &tls.Config{RootCAs: r.ca, ServerName: "127.0.0.1"})
		inner := &wire{Conn: secure, tb: t}
		inner.send(simpleBind(2, aliceDN, "good"))
		inner.expect(2, respBind, success)
		w.send(request(3, []byte{opUnbind, 0}))
		eventually(t, "the connection is gone", func() bool { return r.Stats().Open == 0 })
	})
	t.Run("required", func(t *testing.T) {
		r := newRig(t, func(cfg *config.Config, _ *Options, _ *limits) { cfg.LDAP.RequireTLS = true })
		w := r.dial(t)
		w.send(simpleBind(1, aliceDN, "good"), simpleBind(2, aliceDN, ""), simpleBind(3, "", ""))
		w.expect(1, respBind, confidentialityRequired)
		w.expect(2, respBind, unwillingToPerform)
		w.expect(3, respBind, success)
	})
}

// Inside TLS everything is answered, refused and told off as outside.
func TestSamplesInsideTLS(t *testing.T) {
	r := newRig(t, nil)
	for _, s := range samples() {
		good, w := hostile{s.name, request(testID, s.send), s.want}, r.dialTLS(t)
		good.play(w)
		w.Close()
		broken := hostile{s.name, rawMessage(testIDOctets, s.send, []byte{0}), toldOff}
		broken.play(r.dialTLS(t))
	}
	noise := hostile{"HTTP", []byte("GET / HTTP/1.1\r\n\r\n"), hungUp}
	noise.play(r.dialTLS(t))
	w := r.dialTLS(t)
	r.holding(w, 1)
	w.Close()
	eventually(t, "the connections are gone", func() bool { return r.Stats().Open == 0 })
}
