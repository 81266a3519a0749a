package upstream

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	// maxServers bounds the servers that DNS may name.
	maxServers = 32
	// resolveEvery is how often SRV records are looked up, hurriedEvery the least
	// time between two look-ups when no server is left, or none is known.
	resolveEvery = time.Minute
	hurriedEvery = 2 * time.Second
	// resolveWithin bounds one look-up.
	resolveWithin = 5 * time.Second
)

// resolver finds servers by their SRV records (RFC 2782).
type resolver struct {
	name, domain string
	scheme       string
	startTLS     bool
	tls          *tls.Config
	lookup       func(ctx context.Context, name string) ([]*net.SRV, error)
	first        chan struct{} // closed after the first look-up
	again        chan struct{}

	mu      sync.Mutex
	records []net.SRV // the last good answer
	failure string    // of the last look-up
}

func newResolver(name string, startTLS bool, base *tls.Config, lookup func(context.Context, string) ([]*net.SRV, error)) (*resolver, error) {
	r := &resolver{
		name: name, domain: srvDomain(name), scheme: "ldap", startTLS: startTLS, tls: base, lookup: lookup,
		first: make(chan struct{}), again: make(chan struct{}, 1),
	}
	if r.domain == "" {
		return nil, fmt.Errorf("%q has no domain", name)
	}
	if strings.HasPrefix(strings.ToLower(name), "_ldaps.") {
		r.scheme = "ldaps"
	}
	if lookup == nil {
		r.lookup = func(ctx context.Context, name string) ([]*net.SRV, error) {
			_, records, err := net.DefaultResolver.LookupSRV(ctx, "", "", name)
			return records, err
		}
	}
	return r, nil
}

// srvDomain is what follows the last label with an underscore: sites and roles
// of Active Directory (_ldap._tcp.dc._msdcs.corp.example) have servers in the
// domain itself.
func srvDomain(name string) string {
	labels := strings.Split(strings.ToLower(strings.Trim(name, ".")), ".")
	for i, label := range slices.Backward(labels) {
		if strings.HasPrefix(label, "_") {
			return strings.Join(labels[i+1:], ".")
		}
	}
	return ""
}

// wait waits for the first look-up, or for the end of ctx.
func (r *resolver) wait(ctx context.Context) {
	select {
	case <-r.first:
	case <-ctx.Done():
	}
}

// hurry asks for a look-up before its time.
func (r *resolver) hurry() {
	select {
	case r.again <- struct{}{}:
	default:
	}
}

// failures tells why there may be too few servers.
func (r *resolver) failures() []Failure {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failure == "" {
		return nil
	}
	return []Failure{{r.name, OutcomeUnreachable, r.failure}}
}

// resolve keeps the servers of the cluster as DNS has them, until ctx ends.
func (c *Cluster) resolve(ctx context.Context) {
	ok := c.resolveOnce(ctx)
	close(c.resolver.first)
	for c.resolver.pause(ctx, ok) {
		ok = c.resolveOnce(ctx)
	}
}

// pause waits for the next look-up. False: ctx ended.
func (r *resolver) pause(ctx context.Context, ok bool) bool {
	wait := resolveEvery
	if !ok {
		wait = hurriedEvery
	}
	begin := time.Now()
	t := time.NewTimer(jitter(wait))
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-t.C:
			return true
		case <-r.again:
			t.Reset(min(wait, hurriedEvery) - min(time.Since(begin), hurriedEvery))
		}
	}
}

// resolveOnce looks the servers up. What is not in the answer any more is given
// up; without an answer everything stays as it is.
func (c *Cluster) resolveOnce(ctx context.Context) bool {
	r := c.resolver
	within, cancel := context.WithTimeout(ctx, resolveWithin)
	defer cancel()
	found, err := r.lookup(within, r.name)
	if ctx.Err() != nil {
		return false
	}
	records, foreign := r.usable(found)
	switch {
	case err != nil:
	case len(foreign) > 0 && len(records) == 0:
		err = fmt.Errorf("all servers are outside of %s: %s", r.domain, strings.Join(foreign, ", "))
	case len(records) == 0:
		err = errors.New("there are no SRV records")
	}
	r.mu.Lock()
	failure, known := r.failure, r.records
	r.failure = ""
	if err != nil {
		r.failure = "look up SRV records: " + err.Error()
	}
	changed := err == nil && !slices.Equal(known, records)
	if changed {
		r.records = records
	}
	r.mu.Unlock()
	if err != nil {
		if failure == "" {
			c.log.Warn("directory servers cannot be looked up", "name", r.name, "error", err)
		}
		return false
	}
	if changed {
		c.replace(ctx, records, foreign)
	}
	return true
}

// replace goes over to other servers; those that stay keep their connections.
func (c *Cluster) replace(ctx context.Context, records []net.SRV, foreign []string) {
	r := c.resolver
	if len(foreign) > 0 {
		c.log.Warn("directory servers outside of the domain are not used", "name", r.name, "domain", r.domain, "servers", foreign)
	}
	before := map[string]*server{}
	for _, s := range *c.servers.Load() {
		before[s.url] = s
	}
	var servers []*server
	for _, record := range byWeight(records, rand.IntN) {
		url := r.scheme + "://" + net.JoinHostPort(record.Target, strconv.Itoa(int(record.Port)))
		if s := before[url]; s != nil {
			servers = append(servers, s)
			delete(before, url)
			continue
		}
		if e, err := parseEndpoint(url, r.startTLS, r.tls); err == nil {
			servers = append(servers, newServer(c.settings, e))
		}
	}
	c.use(ctx, servers)
	for _, s := range before {
		s.retire()
	}
}

// hostName is what a target must look like, so that it makes a URL.
var hostName = regexp.MustCompile(`^[a-z0-9_]([a-z0-9_-]*[a-z0-9])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9])?)*$`)

// usable takes the records whose targets are in the domain, sorted, each once.
// DNS is not to be trusted: with TLS, whoever forges an answer gets no further
// than to servers that have a certificate for a name in the domain.
func (r *resolver) usable(found []*net.SRV) (records []net.SRV, foreign []string) {
	for _, f := range found {
		target := strings.ToLower(strings.TrimSuffix(f.Target, "."))
		switch {
		case target == "" || f.Port == 0: // "." says that there is no such service
		case target != r.domain && !strings.HasSuffix(target, "."+r.domain), !hostName.MatchString(target):
			foreign = append(foreign, target)
		default:
			records = append(records, net.SRV{Target: target, Port: f.Port, Priority: f.Priority, Weight: f.Weight})
		}
	}
	slices.SortFunc(records, func(a, b net.SRV) int {
		return cmp.Or(cmp.Compare(a.Priority, b.Priority), cmp.Compare(a.Target, b.Target), cmp.Compare(a.Port, b.Port), cmp.Compare(a.Weight, b.Weight))
	})
	seen := map[string]bool{}
	records = slices.DeleteFunc(records, func(s net.SRV) bool {
		key := net.JoinHostPort(s.Target, strconv.Itoa(int(s.Port)))
		defer func() { seen[key] = true }()
		return seen[key]
	})
	return records[:min(len(records), maxServers)], foreign
}

// byWeight orders records for use: by priority, and by chance within one, where
// those with more weight tend to come first (RFC 2782). intn returns one of the
// numbers below n.
func byWeight(records []net.SRV, intn func(n int) int) []net.SRV {
	var ordered []net.SRV
	for len(records) > 0 {
		n := 1
		for n < len(records) && records[n].Priority == records[0].Priority {
			n++
		}
		group := slices.Clone(records[:n])
		records = records[n:]
		// Those without weight are to have a very small chance of coming first.
		slices.SortStableFunc(group, func(a, b net.SRV) int { return cmp.Compare(min(a.Weight, 1), min(b.Weight, 1)) })
		for len(group) > 0 {
			total := 0
			for _, g := range group {
				total += int(g.Weight)
			}
			at, rest := 0, intn(total+1)
			for rest > int(group[at].Weight) {
				rest -= int(group[at].Weight)
				at++
			}
			ordered = append(ordered, group[at])
			group = slices.Delete(group, at, at+1)
		}
	}
	return ordered
}
