package radius

import (
	"bytes"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/sallyport-auth/sallyport/internal/testenv"
	"github.com/sallyport-auth/sallyport/proxy"
)

// answers asks a server that says what the table wants.
func TestAnswers(t *testing.T) {
	h := newDirectory()
	log := &testenv.Log{}
	s := start(t, mustTable(t, app("127.0.0.1/32", "", ""), h), Options{Log: log.Logger(slog.LevelInfo)})
	c := dial(t, s)
	ask := func(n int, name string) []avp {
		t.Helper()
		request := kit{n}.signed(str(1, name), kit{n}.pap(name+"-pw"), str(33, "p"))
		c.send(request)
		b := c.answer(5 * time.Second)
		if b == nil {
			t.Fatal("no answer")
		}
		if err := checkAnswer(request, b); err != nil {
			t.Fatal(name, err)
		}
		list, _ := attrs(b)
		return append([]avp{{b[0], nil}}, list[1:]...)
	}
	for n, tt := range []struct {
		name string
		want []avp
	}{
		{"alice", []avp{{2, nil}, {18, []byte("Welcome.")}, {33, []byte("p")}}},
		{"challenge", []avp{{11, nil}, {24, []byte("round two")}, {18, []byte("Enter OTP")}, {33, []byte("p")}}},
		{"attributes", []avp{{2, nil}, {25, []byte("staff")}, {27, []byte{0, 0, 0x0e, 0x10}}, {33, []byte("p")}}},
		{"misfit", []avp{{3, nil}, {33, []byte("p")}}},
	} {
		got := ask(n, tt.name)
		if !slices.EqualFunc(got, tt.want, func(a, b avp) bool { return a.typ == b.typ && bytes.Equal(a.value, b.value) }) {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
	for _, want := range []string{"No-Such", "attribute Filter-Id"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("%s was not logged", want)
		}
	}
}

func inspected(t testing.TB, datagram []byte) *request {
	t.Helper()
	r := received(t, mustTable(t, app("127.0.0.0/8", "", ""), nil), datagram)
	if why := r.inspect(); why != kept {
		t.Fatal(why)
	}
	return r
}

func TestReplyMessageIsSplitBetweenCharacters(t *testing.T) {
	k := kit{1}
	for name, messages := range map[string][]string{
		"short":     {"no", "never"},
		"empty":     {"", "x", ""},
		"exact":     {strings.Repeat("x", 253)},
		"longer":    {strings.Repeat("x", 254), "y"},
		"umlauts":   {strings.Repeat("ä", 300)},
		"four":      {"x" + strings.Repeat("😀", 200)},
		"much":      {strings.Repeat("x", 1000), strings.Repeat("y", 1000), "z"},
		"not UTF-8": {"a\xffb"},
	} {
		r := inspected(t, k.good())
		b := r.reject(nil, &proxy.Outcome{Messages: messages})
		if err := checkAnswer(k.good(), b); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		list, _ := attrs(b)
		var text []byte
		for _, v := range values(list, 18) {
			if len(v) == 0 || len(v) > 253 || !utf8.Valid(v) {
				t.Errorf("%s: an attribute of %d octets: %q", name, len(v), v)
			}
			text = append(text, v...)
		}
		whole := strings.ToValidUTF8(strings.Join(messages, ""), "\uFFFD")
		if !strings.HasPrefix(whole, string(text)) || len(text) < min(len(whole), maxMessages-3) || len(text) > maxMessages {
			t.Errorf("%s: %d of %d octets arrived", name, len(text), len(whole))
		}
	}
}

func TestAnswersFitIntoAPacket(t *testing.T) {
	k := kit{1}
	full := k.signed(fullOfProxyState(k)...)
	if len(full) != 4096 {
		t.Fatal(len(full))
	}
	long := []string{strings.Repeat("x", 500)}
	r := inspected(t, full)
	b := r.reject(nil, &proxy.Outcome{Messages: long})
	if err := checkAnswer(full, b); err != nil {
		t.Error(err)
	}
	class := []proxy.Attribute{{Name: "class", Value: strings.Repeat("x", 253)}}
	if _, err := r.accept(nil, &proxy.Outcome{Attributes: class}, nil); err == nil {
		t.Error("an Accept lost its Class")
	}
	if _, err := r.challenge(nil, &proxy.Outcome{State: make([]byte, 253)}); err == nil {
		t.Error("a Challenge lost its State")
	}
	r = inspected(t, k.good())
	for _, state := range [][]byte{nil, make([]byte, 254)} {
		if _, err := r.challenge(nil, &proxy.Outcome{State: state}); err == nil {
			t.Errorf("a State of %d octets", len(state))
		}
	}
	many := slices.Repeat(class, 20)
	if _, err := r.accept(nil, &proxy.Outcome{Attributes: many}, nil); err == nil {
		t.Error("5 KiB of Class fitted")
	}
}

func TestEAPIsEnded(t *testing.T) {
	k := kit{1}
	request := k.signed(str(1, "a"), tlv(79, 2), tlv(79, 77, 0, 5, 1))
	r := inspected(t, request)
	b, err := r.accept(nil, &proxy.Outcome{Messages: []string{"hello"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	list, _ := attrs(b)
	if got := values(list, 79); len(got) != 1 || !bytes.Equal(got[0], []byte{3, 77, 0, 4}) || len(values(list, 18)) != 0 {
		t.Errorf("% x", b)
	}
	if _, err := r.challenge(nil, &proxy.Outcome{State: []byte("x")}); err == nil {
		t.Error("a text challenge inside EAP")
	}
}

func TestEncodeAttribute(t *testing.T) {
	for _, a := range []proxy.Attribute{
		{Name: "Session-Timeout", Value: "soon"},
		{Name: "Session-Timeout", Value: "-1"},
		{Name: "Session-Timeout", Value: "4294967296"},
		{Name: "Class"},
		{Name: "Filter-Id", Value: strings.Repeat("x", 254)},
	} {
		if _, _, err := encodeAttribute(a); err == nil {
			t.Errorf("%v was taken", a)
		}
	}
	if typ, _, err := encodeAttribute(proxy.Attribute{Name: "No-Such", Value: "x"}); typ != 0 || err != nil {
		t.Error(typ, err)
	}
	if typ, v, err := encodeAttribute(proxy.Attribute{Name: "filter-id", Value: "x"}); typ != 11 || string(v) != "x" || err != nil {
		t.Error(typ, v, err)
	}
}
