package config

import (
	"net/netip"
	"time"
)

// GeoIP names the MaxMind files that locate addresses.
type GeoIP struct {
	City string `yaml:"city" path:"true" doc:"MaxMind file (.mmdb) with cities or countries. Policies read it as input.geoip."`
	ASN  string `yaml:"asn" path:"true" doc:"MaxMind file (.mmdb) with autonomous systems. Policies read it as input.asn."`
}

// DNS configures the look-ups of policies (resolve_dns, reverse_dns).
type DNS struct {
	Servers      []DNSServer   `yaml:"servers" doc:"Addresses of the name servers to ask, in this order, at most 3; port 53 unless one is given. Absent: those of the system."`
	Timeout      time.Duration `yaml:"timeout" default:"1500ms" min:"50ms" max:"30s" doc:"How long one look-up may take, all servers together; then it has failed."`
	CacheEntries int           `yaml:"cache_entries" default:"32" min:"0" max:"65536" doc:"How many answers are remembered. 0 remembers nothing."`
	CacheTTL     time.Duration `yaml:"cache_ttl" default:"180s" min:"0s" max:"1h" doc:"How long an answer is remembered."`
	NegativeTTL  time.Duration `yaml:"negative_ttl" default:"15s" min:"0s" max:"1h" doc:"How long it is remembered that there is no answer, or that none could be had."`
}

// Requests configures what policies may ask of web servers (requests.get,
// requests.post).
type Requests struct {
	Allow   []Origin       `yaml:"allow" doc:"The servers that may be asked: HOST or https://HOST[:PORT]; http:// has to be written out. *.example.org stands for all names below example.org. Without an entry policies cannot ask anybody."`
	Private []netip.Prefix `yaml:"private" doc:"Networks that an allowed host may be in although they are not public: private, loopback and link-local addresses are refused otherwise, whatever a name resolves to."`
	Timeout time.Duration  `yaml:"timeout" default:"1s" min:"10ms" max:"30s" doc:"How long one request may take, redirects and the answer's body included."`
	CAFile  string         `yaml:"ca_file" path:"true" doc:"PEM file with authorities to trust beside the system's."`
}
