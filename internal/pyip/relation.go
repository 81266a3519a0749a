package pyip

// SubnetOf reports whether b holds all addresses of n. As in Python, two networks
// that begin with the same address in different zones do not hold each other.
// Networks of different versions have no answer: that is an *Error of
// ClassVersionMismatch.
func (n Network) SubnetOf(b Network) (bool, error) {
	if n.Version() != b.Version() {
		return false, newError(ClassVersionMismatch, "%.60s and %.60s are of different versions of IP", n, b)
	}
	sameStart := n.prefix.Addr() == b.prefix.Addr()
	return n.PrefixLen() >= b.PrefixLen() && n.Overlaps(b) && (!sameStart || n.address == b.address), nil
}

// SupernetOf reports whether n holds all addresses of b; see SubnetOf.
func (n Network) SupernetOf(b Network) (bool, error) { return b.SubnetOf(n) }

// Overlaps reports whether the networks have an address in common, whatever their
// zones. Those of different versions have none.
func (n Network) Overlaps(b Network) bool { return n.prefix.Overlaps(b.prefix) }

// Relation tells what a is to b: "equal", "subnet", "supernet" or "disjoint", and
// "overlap" for networks that begin with the same address in different zones. Networks of
// different versions are disjoint.
func Relation(a, b Network) string {
	if !a.Overlaps(b) {
		return "disjoint"
	}
	if a == b {
		return "equal"
	}
	if sub, err := a.SubnetOf(b); err == nil && sub {
		return "subnet"
	}
	if super, err := a.SupernetOf(b); err == nil && super {
		return "supernet"
	}
	return "overlap"
}
