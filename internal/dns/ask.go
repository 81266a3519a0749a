package dns

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sallyport-auth/sallyport/config"
)

// upstream is a name server, or those of the system together. A *net.Resolver is
// one.
type upstream interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
	LookupAddr(ctx context.Context, addr string) ([]string, error)
}

// asker asks name servers.
type asker struct {
	upstreams []upstream
	// share is how long one of them may take when there are others.
	share time.Duration
}

// newAsker makes resolvers that are all Go: those of the C library cannot be told
// to stop.
func newAsker(cfg config.DNS) asker {
	if len(cfg.Servers) == 0 {
		// The system's resolver goes through its servers itself, once it is told
		// that one of them does not answer.
		return asker{[]upstream{&net.Resolver{PreferGo: true, Dial: dialer("", cfg.Timeout/3)}}, cfg.Timeout}
	}
	a := asker{share: cfg.Timeout / time.Duration(len(cfg.Servers))}
	for _, server := range cfg.Servers {
		a.upstreams = append(a.upstreams, &net.Resolver{PreferGo: true, Dial: dialer(server.String(), a.share/2)})
	}
	return a
}

// dialer connects to a server, the one that the resolver names if it is empty.
// Over UDP, a question that was not answered after patience counts as lost.
func dialer(server string, patience time.Duration) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		if server != "" {
			address = server
		}
		var d net.Dialer
		conn, err := d.DialContext(ctx, network, address)
		if udp, ok := conn.(*net.UDPConn); ok {
			return impatient{udp, time.Now().Add(patience)}, err
		}
		return conn, err
	}
}

// impatient is a connection whose deadline is at the latest the one that it has.
// The resolver would wait five seconds for a lost datagram.
type impatient struct {
	*net.UDPConn
	latest time.Time
}

// SetDeadline implements net.Conn.
func (c impatient) SetDeadline(t time.Time) error {
	if t.IsZero() || t.After(c.latest) {
		t = c.latest
	}
	return c.UDPConn.SetDeadline(t)
}

// each asks one server after the other until one knows an answer, or that there is
// none.
func each[T any](ctx context.Context, a asker, ask func(context.Context, upstream) (T, error)) (answer T, err error) {
	for _, server := range a.upstreams {
		trying, cancel := context.WithTimeout(ctx, a.share)
		answer, err = ask(trying, server)
		cancel()
		if err == nil || ctx.Err() != nil {
			break
		}
	}
	return answer, err
}

// addresses are those of a host, for versions 4 and 6 or one of them: sorted as
// text, unique. With an error there may be some all the same: those of the other
// version.
func (a asker) addresses(ctx context.Context, host string, version int) ([]string, error) {
	var networks []string
	if version != 6 {
		networks = append(networks, "ip4")
	}
	if version != 4 {
		networks = append(networks, "ip6")
	}
	var (
		found = make([][]netip.Addr, len(networks))
		errs  = make([]error, len(networks))
		asked sync.WaitGroup
	)
	for i, network := range networks {
		asked.Go(func() {
			found[i], errs[i] = each(ctx, a, func(ctx context.Context, u upstream) ([]netip.Addr, error) {
				addrs, err := u.LookupNetIP(ctx, network, host)
				return addrs, unlessNone(err)
			})
		})
	}
	asked.Wait()
	texts := []string{}
	for _, addr := range slices.Concat(found...) {
		texts = append(texts, addr.Unmap().String())
	}
	slices.Sort(texts)
	return slices.Compact(texts), errors.Join(errs...)
}

// name is the first name of an address, without the final dot; empty when it has
// none.
func (a asker) name(ctx context.Context, addr netip.Addr) (string, error) {
	names, err := each(ctx, a, func(ctx context.Context, u upstream) ([]string, error) {
		names, err := u.LookupAddr(ctx, addr.String())
		if len(names) > 0 {
			return names, nil // the error is about others that make no sense
		}
		return nil, unlessNone(err)
	})
	if err != nil || len(names) == 0 {
		return "", err
	}
	return strings.TrimSuffix(names[0], "."), nil
}

// unlessNone is an error other than that there is no answer.
func unlessNone(err error) error {
	if e, ok := errors.AsType[*net.DNSError](err); ok && e.IsNotFound {
		return nil
	}
	if _, ok := errors.AsType[*net.AddrError](err); ok { // addresses of the other version alone
		return nil
	}
	return err
}
