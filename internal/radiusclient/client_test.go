package radiusclient

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2869"

	"github.com/sallyport-auth/sallyport/config"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const testSecret = "testing123"

// server answers each packet with what reply makes of it, nil for silence.
func server(t *testing.T, reply func(n int, request []byte) []byte) string {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 4096)
		for n := 0; ; n++ {
			size, peer, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			if b := reply(n, slices.Clone(buf[:size])); b != nil {
				_, _ = conn.WriteTo(b, peer)
			}
		}
	}()
	t.Cleanup(func() {
		_ = conn.Close()
		<-done
	})
	return conn.LocalAddr().String()
}

// answer makes an authentic answer with the codec's own means.
func answer(request []byte, code radius.Code, secret string, signed bool, attrs ...radius.AVP) []byte {
	p, err := radius.Parse(request, []byte(secret))
	if err != nil {
		return nil
	}
	p = p.Response(code)
	if signed {
		p.Add(rfc2869.MessageAuthenticator_Type, make([]byte, macLength))
	}
	for _, a := range attrs {
		p.Add(a.Type, a.Attribute)
	}
	if signed {
		b, _ := p.MarshalBinary() // with the request's authenticator in its place
		p.Attributes[0].Attribute = mac(b, secret)
	}
	b, _ := p.Encode()
	return b
}

func exchangeWith(t *testing.T, addr string, within time.Duration, req Request) (Response, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	return Exchange(ctx, addr, config.NewSecret(testSecret), req)
}

func TestExchange(t *testing.T) {
	req := Request{
		Username: "alice", Password: "alice-pw", NASIdentifier: "test", CallingStationID: "192.0.2.7", State: []byte("round one"),
		Attributes: []Attr{{byte(rfc2865.NASPort_Type), []byte{0, 0, 0, 7}}},
	}
	addr := server(t, func(_ int, request []byte) []byte {
		p, err := radius.Parse(request, []byte(testSecret))
		if err != nil {
			t.Error(err)
			return nil
		}
		if p.Attributes[0].Type != rfc2869.MessageAuthenticator_Type {
			t.Error("the Message-Authenticator is not first")
		}
		sent := slices.Clone(p.Attributes[0].Attribute)
		unsigned := slices.Clone(request)
		clear(unsigned[22:38])
		if string(sent) != string(mac(unsigned, testSecret)) {
			t.Error("the Message-Authenticator is wrong")
		}
		if rfc2865.UserName_GetString(p) != "alice" || rfc2865.UserPassword_GetString(p) != "alice-pw" ||
			rfc2865.NASIdentifier_GetString(p) != "test" || rfc2865.CallingStationID_GetString(p) != "192.0.2.7" ||
			string(rfc2865.State_Get(p)) != "round one" || rfc2865.NASPort_Get(p) != 7 {
			t.Errorf("% x", request)
		}
		return answer(request, radius.CodeAccessChallenge, testSecret, true,
			radius.AVP{Type: rfc2865.ReplyMessage_Type, Attribute: radius.Attribute("one")},
			radius.AVP{Type: rfc2865.State_Type, Attribute: radius.Attribute("round two")},
			radius.AVP{Type: rfc2865.ReplyMessage_Type, Attribute: radius.Attribute("two")})
	})
	r, err := exchangeWith(t, addr, 5*time.Second, req)
	if err != nil {
		t.Fatal(err)
	}
	if r.Code != radius.CodeAccessChallenge || !slices.Equal(r.Messages, []string{"one", "two"}) || string(r.State) != "round two" ||
		!r.Signed || r.Sent != 1 || r.Took <= 0 || len(r.Attributes) != 4 {
		t.Errorf("%+v", r)
	}
}

func TestExchangeAsksAgainWithTheSameBytes(t *testing.T) {
	var first []byte
	addr := server(t, func(n int, request []byte) []byte {
		if n == 0 {
			first = request
			return nil
		}
		if string(request) != string(first) {
			t.Error("the second packet differs")
		}
		return answer(request, radius.CodeAccessAccept, testSecret, true)
	})
	r, err := exchangeWith(t, addr, 10*time.Second, Request{Username: "a"})
	if err != nil || r.Sent != 2 {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestExchangeTakesNoForgery(t *testing.T) {
	accept := func(request []byte) []byte { return answer(request, radius.CodeAccessAccept, testSecret, true) }
	for name, tt := range map[string]struct {
		reply func(request []byte) []byte
		want  string
	}{
		"other secret":   {func(r []byte) []byte { return answer(r, radius.CodeAccessAccept, "other", true) }, "secret differs"},
		"unsigned":       {func(r []byte) []byte { return answer(r, radius.CodeAccessAccept, testSecret, false) }, "no Message-Authenticator"},
		"identifier":     {func(r []byte) []byte { b := accept(r); b[1]++; return b }, "identifier"},
		"changed code":   {func(r []byte) []byte { b := accept(r); b[0] = 3; return b }, "secret differs"},
		"other code":     {func(r []byte) []byte { b := accept(r); b[0] = 5; return b }, "no answer to an Access-Request"},
		"short":          {func([]byte) []byte { return []byte{2} }, "no packet"},
		"length":         {func(r []byte) []byte { b := accept(r); b[3]++; return b }, "length"},
		"signed wrongly": {signedWrongly, "Message-Authenticator is wrong"},
		"signed twice": {func(r []byte) []byte {
			return answer(r, radius.CodeAccessAccept, testSecret, true,
				radius.AVP{Type: rfc2869.MessageAuthenticator_Type, Attribute: make([]byte, macLength)})
		}, "malformed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			addr := server(t, func(_ int, request []byte) []byte { return tt.reply(request) })
			_, err := exchangeWith(t, addr, 200*time.Millisecond, Request{Username: "a"})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestExchangeUnsigned(t *testing.T) {
	addr := server(t, func(_ int, request []byte) []byte {
		if int(binary.BigEndian.Uint16(request[2:])) != 20+2+1+18 {
			t.Errorf("% x", request)
		}
		return answer(request, radius.CodeAccessReject, testSecret, false)
	})
	r, err := exchangeWith(t, addr, 5*time.Second, Request{Username: "a", Unsigned: true, AcceptUnsigned: true})
	if err != nil || r.Code != radius.CodeAccessReject || r.Signed {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestExchangeNamesTheCause(t *testing.T) {
	quiet := server(t, func(int, []byte) []byte { return nil })
	if _, err := exchangeWith(t, quiet, 50*time.Millisecond, Request{Username: "a"}); err == nil ||
		!strings.Contains(err.Error(), "applications.*.radius.clients") {
		t.Errorf("silence: %v", err)
	}
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
	if _, err := exchangeWith(t, conn.LocalAddr().String(), 50*time.Millisecond, Request{Username: "a"}); err == nil ||
		!strings.Contains(err.Error(), "nothing listens") && !strings.Contains(err.Error(), "no answer") {
		t.Errorf("nobody there: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Exchange(ctx, quiet, config.NewSecret(testSecret), Request{}); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
	for name, bad := range map[string]struct {
		secret string
		req    Request
	}{
		"empty secret":  {"", Request{}},
		"long password": {testSecret, Request{Password: strings.Repeat("x", 129)}},
		"long name":     {testSecret, Request{Username: strings.Repeat("x", 254)}},
	} {
		if _, err := Exchange(context.Background(), quiet, config.NewSecret(bad.secret), bad.req); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

// FuzzDecode feeds answers to the client.
func FuzzDecode(f *testing.F) {
	request, err := encode([]byte(testSecret), Request{Username: "a"})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(answer(request, radius.CodeAccessAccept, testSecret, true))
	f.Add(answer(request, radius.CodeAccessReject, testSecret, false))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := decode(b, request, []byte(testSecret), true)
		if err == nil && !authentic(b[:binary.BigEndian.Uint16(b[2:])], request, []byte(testSecret)) {
			t.Errorf("a forgery was taken: %+v", r)
		}
	})
}
