package config

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// Origin is a web server that policies may ask: scheme, host and port. With
// Below it stands for all hosts below Host.
type Origin struct {
	// Scheme is "https" or "http".
	Scheme string
	// Host is a name in lower case without a final dot, or an IP address.
	Host string
	// Port is never 0.
	Port  uint16
	Below bool
}

// UnmarshalText reads HOST, SCHEME://HOST or SCHEME://HOST:PORT, where HOST may
// begin with "*.".
func (o *Origin) UnmarshalText(text []byte) error {
	s := string(text)
	scheme, rest, written := strings.Cut(s, "://")
	if !written {
		scheme, rest = "https", s
	}
	if scheme != "https" && scheme != "http" {
		return fmt.Errorf("%q: only https:// and http:// can be asked", s)
	}
	if strings.ContainsAny(rest, "/?#@") {
		return fmt.Errorf("%q: write only the server, such as https://api.example.org", s)
	}
	host, port := rest, uint16(443)
	if scheme == "http" {
		port = 80
	}
	if h, p, err := net.SplitHostPort(rest); err == nil {
		n, err := strconv.ParseUint(p, 10, 16)
		if err != nil || n == 0 {
			return fmt.Errorf("%q: the port must be from 1 to 65535", s)
		}
		host, port = h, uint16(n)
	} else if strings.HasPrefix(rest, "[") && strings.HasSuffix(rest, "]") {
		host = rest[1 : len(rest)-1]
	}
	host, below := strings.CutPrefix(host, "*.")
	host, err := canonicalHost(host)
	if err != nil {
		return fmt.Errorf("%q: %w", s, err)
	}
	if _, err := netip.ParseAddr(host); err == nil && below {
		return fmt.Errorf("%q: an address has nothing below it", s)
	}
	*o = Origin{scheme, host, port, below}
	return nil
}

// maxHost is the longest name of a host (RFC 1035 section 2.3.4).
const maxHost = 253

// canonicalHost is a name in lower case without a final dot, or an address in its
// usual form.
func canonicalHost(host string) (string, error) {
	if addr, err := netip.ParseAddr(host); err == nil && addr.Zone() == "" {
		return addr.Unmap().String(), nil
	}
	name := strings.ToLower(strings.TrimSuffix(host, "."))
	if name == "" || len(name) > maxHost {
		return "", fmt.Errorf("%q is not the name of a host", host)
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return "", fmt.Errorf("%q is not the name of a host (letters, digits, hyphens and dots; other letters in their xn-- form)", host)
		}
	}
	return name, nil
}

// Matches reports whether a scheme, a host and a port are of this origin. Host is
// compared in any case and with or without a final dot.
func (o Origin) Matches(scheme, host string, port uint16) bool {
	host, err := canonicalHost(host)
	if err != nil || scheme != o.Scheme || port != o.Port {
		return false
	}
	if o.Below {
		return strings.HasSuffix(host, "."+o.Host)
	}
	return host == o.Host
}

// String is the origin as it is written, with its port where that is not the
// scheme's own.
func (o Origin) String() string {
	host := o.Host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if o.Below {
		host = "*." + host
	}
	if o.Scheme == "https" && o.Port == 443 || o.Scheme == "http" && o.Port == 80 {
		return o.Scheme + "://" + host
	}
	return fmt.Sprintf("%s://%s:%d", o.Scheme, host, o.Port)
}

// DNSServer is the address of a name server.
type DNSServer struct{ netip.AddrPort }

// UnmarshalText reads ADDRESS or ADDRESS:PORT.
func (s *DNSServer) UnmarshalText(text []byte) error {
	if addr, err := netip.ParseAddr(string(text)); err == nil {
		s.AddrPort = netip.AddrPortFrom(addr, 53)
		return nil
	}
	at, err := netip.ParseAddrPort(string(text))
	if err != nil || at.Port() == 0 {
		return fmt.Errorf("%q is not the address of a name server; write ADDRESS or ADDRESS:PORT, IPv6 with a port in brackets", text)
	}
	s.AddrPort = at
	return nil
}
