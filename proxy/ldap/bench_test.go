package ldap

import (
	"net"
	"sync"
	"testing"

	"github.com/sallyport-auth/sallyport/internal/dn"
)

// BenchmarkBind is the whole way of a bind over loopback TCP with a handler that
// accepts at once: reading, mapping, answering. The client's part is in it too.
func BenchmarkBind(b *testing.B) {
	r := newRig(b, nil)
	send := simpleBind(1, aliceDN, "good")
	const clients = 16
	b.ReportAllocs()
	b.ResetTimer()
	var all sync.WaitGroup
	for i := range clients {
		all.Go(func() {
			nc, err := net.Dial("tcp", r.plain)
			if err != nil {
				b.Error(err)
				return
			}
			defer nc.Close()
			var buf [256]byte
			for n := i; n < b.N; n += clients {
				if _, err := nc.Write(send); err != nil {
					b.Error(err)
					return
				}
				if _, err := nc.Read(buf[:]); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
}

// BenchmarkMap is what a bind DN costs: parsing, normalizing, finding the
// application and the login.
func BenchmarkMap(b *testing.B) {
	r := newRig(b, nil)
	t := r.table.Load()
	for name, s := range map[string]string{"plain": aliceDN, "unicode": `UID=Jäne\2C x , OU=Users,dc=example,dc=org`} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				d, err := dn.Parse(s)
				if err != nil {
					b.Fatal(err)
				}
				key := d.Key()
				if _, fits := t.find(key).login(d, key); !fits {
					b.Fatal("no login")
				}
			}
		})
	}
}

// BenchmarkParse is what reading a bind costs without the network.
func BenchmarkParse(b *testing.B) {
	send := simpleBind(1, aliceDN, "good")
	var p pool
	r := reader{pool: &p, deadline: func() error { return nil }}
	b.ReportAllocs()
	for b.Loop() {
		r.nc = &chunks{rest: send}
		if err := r.fill(); err != nil {
			b.Fatal(err)
		}
		m, err := r.message()
		if err != nil {
			b.Fatal(err)
		}
		if _, err := parseBind(m.body); err != nil {
			b.Fatal(err)
		}
		p.put(m)
	}
}
