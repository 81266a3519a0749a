package config

import "fmt"

// maxDNSServers is as many as look-ups have time for; resolv.conf has the same
// limit.
const maxDNSServers = 3

// outside checks what reaches beyond this machine and its directories: locations
// of addresses, DNS, web servers.
func (c *checker) outside() {
	if len(c.cfg.DNS.Servers) > maxDNSServers {
		c.refuse("dns.servers", "has more than %d servers", maxDNSServers)
	}
	c.requests()
}

func (c *checker) requests() {
	r := c.cfg.Policies.Requests
	seen := map[Origin]bool{}
	for i, o := range r.Allow {
		path := fmt.Sprintf("policies.requests.allow[%d]", i)
		if seen[o] {
			c.refuse(path, "%s is there twice", o)
		}
		seen[o] = true
		if o.Scheme == "http" {
			c.warn(path, "what policies ask and are told there crosses the network without TLS")
		}
	}
	if len(r.Allow) == 0 && len(r.Private) > 0 {
		c.warn("policies.requests.private", "has no effect without policies.requests.allow")
	}
}
