package testenv

import (
	"encoding/binary"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
)

// Types of DNS records (RFC 1035 section 3.2.2, RFC 3596).
const (
	DNSTypeA     = 1
	DNSTypeCNAME = 5
	DNSTypePTR   = 12
	DNSTypeAAAA  = 28
)

// Codes of DNS answers (RFC 1035 section 4.1.1).
const (
	DNSServerFailure = 2
	DNSNoSuchName    = 3
	DNSRefused       = 5
)

// DNSReply is what a DNS server answers. The zero value is an answer without
// records.
type DNSReply struct {
	Code    int
	Records []DNSRecord
	// Silent sends nothing; Raw, if there is one, is sent as it is.
	Silent bool
	Raw    []byte
}

// DNSRecord is a record about a name, the one that was asked for if it is empty.
type DNSRecord struct {
	Name string
	Type int
	Data []byte
}

// DNSAddress is the A or AAAA record of an address.
func DNSAddress(name, addr string) DNSRecord {
	a := netip.MustParseAddr(addr)
	if a.Is4() {
		return DNSRecord{name, DNSTypeA, a.AsSlice()}
	}
	return DNSRecord{name, DNSTypeAAAA, a.AsSlice()}
}

// DNSTarget is a record that holds a name: CNAME or PTR.
func DNSTarget(name string, kind int, target string) DNSRecord {
	return DNSRecord{name, kind, dnsName(target)}
}

// DNS is a name server on loopback, over UDP.
type DNS struct {
	Addr netip.AddrPort

	mu    sync.Mutex
	reply func(name string, kind int) DNSReply
	asked map[string]int
}

// NewDNS starts a name server that answers questions, whose names are in lower
// case without a final dot, with what reply says. It ends with the test.
func NewDNS(t testing.TB, reply func(name string, kind int) DNSReply) *DNS {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	d := &DNS{Addr: conn.LocalAddr().(*net.UDPAddr).AddrPort(), reply: reply, asked: map[string]int{}}
	var running sync.WaitGroup
	running.Go(func() { d.serve(conn) })
	t.Cleanup(func() {
		_ = conn.Close()
		running.Wait()
	})
	return d
}

// Asked is how often a name was asked for, by record type.
func (d *DNS) Asked(name string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.asked[name]
}

func (d *DNS) serve(conn *net.UDPConn) {
	buffer := make([]byte, 4096)
	for {
		n, from, err := conn.ReadFromUDPAddrPort(buffer)
		if err != nil {
			return
		}
		query := buffer[:n]
		name, kind, end := dnsQuestion(query)
		d.mu.Lock()
		d.asked[name]++
		d.mu.Unlock()
		reply := d.reply(name, kind)
		switch {
		case reply.Silent:
		case reply.Raw != nil:
			_, _ = conn.WriteToUDPAddrPort(reply.Raw, from)
		default:
			_, _ = conn.WriteToUDPAddrPort(dnsAnswer(query[:end], name, reply), from)
		}
	}
}

// dnsQuestion reads the question of a query, and where it ends.
func dnsQuestion(query []byte) (name string, kind, end int) {
	var labels []string
	at := 12
	for at < len(query) && query[at] != 0 {
		labels = append(labels, string(query[at+1:at+1+int(query[at])]))
		at += 1 + int(query[at])
	}
	return strings.ToLower(strings.Join(labels, ".")), int(binary.BigEndian.Uint16(query[at+1:])), at + 5
}

// dnsAnswer makes an answer to a query that ends behind its question.
func dnsAnswer(query []byte, asked string, reply DNSReply) []byte {
	b := append([]byte(nil), query...)
	binary.BigEndian.PutUint16(b[2:], 0x8180|uint16(reply.Code)) // a response, recursion desired and available
	binary.BigEndian.PutUint16(b[6:], uint16(len(reply.Records)))
	binary.BigEndian.PutUint32(b[8:], 0) // nothing behind the answers
	for _, r := range reply.Records {
		if r.Name == "" {
			r.Name = asked
		}
		b = append(b, dnsName(r.Name)...)
		b = binary.BigEndian.AppendUint16(b, uint16(r.Type))
		b = binary.BigEndian.AppendUint16(b, 1) // class IN
		b = binary.BigEndian.AppendUint32(b, 60)
		b = binary.BigEndian.AppendUint16(b, uint16(len(r.Data)))
		b = append(b, r.Data...)
	}
	return b
}

// dnsName is a name as labels.
func dnsName(name string) []byte {
	var b []byte
	for label := range strings.SplitSeq(strings.TrimSuffix(name, "."), ".") {
		b = append(append(b, byte(len(label))), label...)
	}
	return append(b, 0)
}
