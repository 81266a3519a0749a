package ldap

import (
	"net"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/config"
)

func TestEndOfTheServer(t *testing.T) {
	r := newRig(t, nil)
	idle, secure, busy, waiting := r.dial(t), r.dialTLS(t), r.dial(t), r.dial(t)
	for _, w := range []*wire{idle, secure} {
		w.send(simpleBind(1, aliceDN, "good"))
		w.expect(1, respBind, success)
	}
	half := r.dial(t)
	half.send([]byte{0x30, 0x20, 0x02})
	r.holding(busy, 1)
	r.holding(waiting, 1)
	waiting.send(whoAmI(2))
	eventually(t, "all are accepted", func() bool { return r.Stats().Open == 5 })
	r.stop()
	idle.expectNotice(unavailable)
	secure.expectNotice(unavailable)
	half.expectNotice(unavailable)
	if nc, err := net.Dial("tcp", r.plain); err == nil {
		nc.Close()
		t.Error("the listener is still open")
	}
	close(r.fake.release) // a bind in flight is finished and answered
	busy.expect(1, respBind, success)
	busy.expectNotice(unavailable)
	waiting.expect(1, respBind, success)
	waiting.expectNotice(unavailable)
	r.end(t)
}

func TestDrainIsBounded(t *testing.T) {
	r := newRig(t, func(_ *config.Config, o *Options, _ *limits) { o.Drain = 100 * time.Millisecond })
	w := r.dial(t)
	r.holding(w, 1)
	begin := time.Now()
	r.end(t)
	if took := time.Since(begin); took < 100*time.Millisecond || took > 3*time.Second {
		t.Errorf("the drain took %s", took)
	}
	w.expectClosed()
}
