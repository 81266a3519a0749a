package radius

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/sallyport-auth/sallyport/proxy"
)

// take judges a datagram that has just been read, and reports whether it went
// to the workers, to whom the request then belongs.
func (s *Server) take(r *request) bool {
	s.count.received.Add(1)
	r.table = s.table.Load()
	if r.client = r.table.lookup(r.src.Addr()); r.client == nil {
		s.discard(r, causeUnknownClient)
		return false
	}
	if why := r.inspect(); why != kept {
		s.discard(r, why)
		return false
	}
	if r.code() == codeStatusServer {
		var buf [512]byte
		s.reply(r, r.status(buf[:0]))
		return false
	}
	e, admitted := s.seen.admit(key{r.src, r.dst, r.identifier(), r.code()}, sha256.Sum256(r.raw), r.received)
	switch admitted {
	case joined:
		s.count.joined.Add(1)
		return false
	case replayed:
		s.send(r, e.answer)
		s.count.replayed.Add(1)
		return false
	}
	r.entry = e
	select {
	case s.queue <- r:
		return true
	default:
		s.seen.forget(e)
		s.discard(r, causeQueueFull)
		return false
	}
}

// discard counts a packet that is not answered, and says so where it helps.
func (s *Server) discard(r *request, why cause) {
	s.count.discarded[why].Add(1)
	switch why {
	case causeUnknownClient, causeWrongSignature, causeMissingSignature:
		if s.warn.allow(subject{why.String(), r.src.Addr()}, r.received) {
			s.log.Warn("radius packet discarded", "cause", why.String(), "peer", r.src.String(), "mend", r.mend(why))
			return
		}
	}
	if s.log.Enabled(context.Background(), slog.LevelDebug) {
		s.log.Debug("radius packet discarded", "cause", why.String(), "peer", r.src.String(), "octets", len(r.raw))
	}
}

// mend says what an administrator can do about a discarded packet, where the
// cause is most often a fault of the configuration.
func (r *request) mend(why cause) string {
	switch addr := r.src.Addr().String(); why {
	case causeUnknownClient:
		return "add " + addr + " to applications.NAME.radius.clients"
	case causeWrongSignature:
		return "the shared secret of " + addr + " differs from applications." + r.client.application + ".radius.secret"
	case causeMissingSignature:
		return "make " + addr + " send a Message-Authenticator, or relax applications." + r.client.application +
			".radius.message_authenticator"
	}
	return ""
}

// work takes logins from the queue until it is closed and empty.
func (s *Server) work(ctx context.Context) {
	buf := make([]byte, 0, 512) // most answers; longer ones make their own room
	for r := range s.queue {
		s.login(ctx, r, buf)
		r.table, r.client, r.entry, r.socket = nil, nil, nil, nil
		s.free.Put(r)
	}
}

// login runs one login and answers it.
func (s *Server) login(ctx context.Context, r *request, buf []byte) {
	if ctx.Err() != nil || time.Since(r.received) > s.patience {
		s.seen.forget(r.entry)
		s.discard(r, causeQueueTime)
		return
	}
	o, outage := s.decide(ctx, r)
	switch {
	case outage && (!r.client.rejectOutage || ctx.Err() != nil):
		// Whoever asks again may find us recovered; whoever asks the next server
		// finds it. That our own end interrupted a login is nobody's Reject.
		s.seen.forget(r.entry)
		s.count.silent.Add(1)
		return
	case o.Verdict == proxy.Drop:
		s.seen.finish(r.entry, nil, time.Now())
		s.count.silent.Add(1)
		return
	}
	packet := bytes.Clone(s.encode(r, buf, &o))
	s.seen.finish(r.entry, packet, time.Now())
	s.reply(r, packet)
}

// decide asks the handler. outage reports that the answer says nothing about
// the user; a handler that panics is one.
func (s *Server) decide(ctx context.Context, r *request) (o proxy.Outcome, outage bool) {
	id := s.ids.Next()
	defer func() {
		if p := recover(); p != nil {
			s.count.panics.Add(1)
			s.log.Error("radius login panicked", "request_id", id, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			o, outage = proxy.Outcome{Verdict: proxy.Reject, Reason: proxy.ReasonInternalError}, true
		}
	}()
	a, why := r.attempt(id)
	if why != proxy.ReasonOK {
		if why == proxy.ReasonMalformedPassword && !r.signed {
			s.suspectSecret(r)
		}
		o = r.table.handler.Refuse(ctx, a, why)
		return o, false
	}
	o = r.table.handler.Login(ctx, a)
	return o, o.Verdict != proxy.Accept && o.Reason.Outage()
}

// suspectSecret says what an unsigned password of garbage most often means.
func (s *Server) suspectSecret(r *request) {
	if s.warn.allow(subject{"password", r.src.Addr()}, r.received) {
		s.log.Warn("radius password is not text", "peer", r.src.String(), "mend",
			"most often "+r.mend(causeWrongSignature))
	}
}

// encode writes the answer to an outcome. An Accept or Challenge that does not
// fit into a packet becomes a Reject.
func (s *Server) encode(r *request, buf []byte, o *proxy.Outcome) []byte {
	var packet []byte
	var err error
	switch o.Verdict {
	case proxy.Accept:
		packet, err = r.accept(buf, o, func(name string) { s.unknownAttribute(r, name) })
	case proxy.Challenge:
		packet, err = r.challenge(buf, o)
	case proxy.Reject:
		return r.reject(buf, o)
	default:
		err = errors.New("the verdict is " + o.Verdict.String())
	}
	if err != nil {
		s.log.Error("radius answer cannot be sent as decided; the login is rejected", "peer", r.src.String(),
			"application", r.client.application, "error", err)
		return r.reject(buf, &proxy.Outcome{})
	}
	return packet
}

// unknownAttribute reports an attribute for the answer that we cannot encode.
func (s *Server) unknownAttribute(r *request, name string) {
	if s.warn.allow(subject{what: "attribute " + name}, r.received) {
		s.log.Warn("radius attribute left out of the answer: its name is not known", "attribute", name,
			"application", r.client.application)
	}
}

// reply sends an answer for the first time.
func (s *Server) reply(r *request, packet []byte) {
	s.send(r, packet)
	switch packet[0] {
	case codeAccept:
		s.count.accepts.Add(1)
	case codeChallenge:
		s.count.challenge.Add(1)
	default:
		s.count.rejects.Add(1)
	}
}

// send writes an answer, or nothing when there is none.
func (s *Server) send(r *request, packet []byte) {
	if len(packet) == 0 {
		return
	}
	if err := r.socket.send(r, packet); err != nil {
		s.count.sendErrors.Add(1)
		s.log.Debug("radius answer not sent", "peer", r.src.String(), "error", err)
	}
}
