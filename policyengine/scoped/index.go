package scoped

import (
	"math/bits"
	"slices"
	"strings"
)

// index finds the policies that can match a query, without looking at each. It
// knows scopes, actions, realms and users; what it leaves over is compared
// attribute by attribute.
type index struct {
	scopes map[string]*scopeIndex
	realm  attrIndex
	user   attrIndex
}

// scopeIndex are the policies of one scope.
type scopeIndex struct {
	ids     idSet
	actions attrIndex
}

// attrIndex finds policies by a value of one attribute. A policy is either in
// always, or in one entry per member of its list.
type attrIndex struct {
	// exact is by members that are compared as they are, folded by those that are
	// folded before.
	exact, folded map[string]idSet
	// always are the policies whose list is empty or has patterns or a star.
	always idSet
}

// idSet is a set of ids: sorted, and as bits too where it is dense.
type idSet struct {
	ids  []uint32
	bits []uint64
}

func (s *idSet) has(id uint32) bool {
	if s.bits != nil {
		return s.bits[id>>6]>>(id&63)&1 == 1
	}
	if len(s.ids) <= smallList {
		return slices.Contains(s.ids, id)
	}
	_, ok := slices.BinarySearch(s.ids, id)
	return ok
}

// close makes bits of a set of which many of n ids are members.
func (s *idSet) close(n int) {
	s.ids = slices.Clip(s.ids)
	if len(s.ids) <= smallList || len(s.ids) < n/64 {
		return
	}
	s.bits = make([]uint64, (n+63)/64)
	for _, id := range s.ids {
		s.bits[id>>6] |= 1 << (id & 63)
	}
}

func (s *idSet) add(id uint32) {
	if n := len(s.ids); n == 0 || s.ids[n-1] != id {
		s.ids = append(s.ids, id)
	}
}

func newAttrIndex() attrIndex {
	return attrIndex{exact: map[string]idSet{}, folded: map[string]idSet{}}
}

func (x *attrIndex) add(id uint32, l *patternList) {
	if l.empty || l.star || len(l.patterns) > 0 {
		x.always.add(id)
		return
	}
	into := x.exact
	if l.folding != exactly {
		into = x.folded
	}
	for _, member := range l.exact.list {
		set := into[member]
		set.add(id)
		into[member] = set
	}
}

func (x *attrIndex) close(n int) {
	x.always.close(n)
	for _, m := range []map[string]idSet{x.exact, x.folded} {
		for member, set := range m {
			set.close(n)
			m[member] = set
		}
	}
}

// buildIndex indexes the policies of a set, whose ids are their places in all.
func buildIndex(s *Set) index {
	x := index{scopes: map[string]*scopeIndex{}, realm: newAttrIndex(), user: newAttrIndex()}
	for i := range s.all {
		c, id := &s.all[i], uint32(i)
		sc := x.scopes[c.Scope]
		if sc == nil {
			sc = &scopeIndex{actions: newAttrIndex()}
			x.scopes[c.Scope] = sc
		}
		sc.ids.add(id)
		sc.actions.add(id, &c.actions)
		x.realm.add(id, &c.realm)
		x.user.add(id, &c.user)
	}
	for _, sc := range x.scopes {
		sc.ids.close(len(s.all))
		sc.actions.close(len(s.all))
	}
	x.realm.close(len(s.all))
	x.user.close(len(s.all))
	return x
}

// possible are the policies that one attribute leaves over: the union of some
// sets that have no id in common.
type possible struct {
	sets [3]idSet
	n    int
	size int
}

func (p *possible) add(s idSet) {
	if len(s.ids) > 0 {
		p.sets[p.n] = s
		p.n++
		p.size += len(s.ids)
	}
}

func (p *possible) has(id uint32) bool {
	for i := range p.n {
		if p.sets[i].has(id) {
			return true
		}
	}
	return false
}

// word has the ids from 64w on as bits. The words must be asked in order: sparse
// sets are used up.
func (p *possible) word(w uint32) uint64 {
	var word uint64
	for i := range p.n {
		s := &p.sets[i]
		if s.bits != nil {
			word |= s.bits[w]
			continue
		}
		for len(s.ids) > 0 && s.ids[0]>>6 <= w {
			if s.ids[0]>>6 == w {
				word |= 1 << (s.ids[0] & 63)
			}
			s.ids = s.ids[1:]
		}
	}
	return word
}

// next is the smallest id from the given one on; false when there is none. The
// sets are used up.
func (p *possible) next() (uint32, bool) {
	best := -1
	for i := range p.n {
		if len(p.sets[i].ids) > 0 && (best < 0 || p.sets[i].ids[0] < p.sets[best].ids[0]) {
			best = i
		}
	}
	if best < 0 {
		return 0, false
	}
	id := p.sets[best].ids[0]
	p.sets[best].ids = p.sets[best].ids[1:]
	return id, true
}

// find returns the policies that a value leaves over; false when the value says
// nothing.
func (x *attrIndex) find(arg Arg, folded string, compat bool) (possible, bool) {
	var p possible
	if !arg.Given || compat && strings.HasSuffix(arg.Value, "\n") {
		return p, false // a member is also found in its text with a newline
	}
	p.add(x.always)
	p.add(x.exact[arg.Value])
	if len(x.folded) > 0 {
		p.add(x.folded[folded])
	}
	return p, true
}

// collect appends the ids of the policies that pass the filters of List, in
// order. It goes through those that the most selective attribute leaves over.
func (s *Set) collect(a *asked, end stage, ids []uint32) ([]uint32, error) {
	var narrow [3]possible
	n, none := s.narrow(a, &narrow)
	if none {
		return ids, nil
	}
	if a.q.Name.Given {
		id, ok := s.byName[a.q.Name.Value]
		if !ok {
			return ids, nil
		}
		return s.check(a, id, end, ids)
	}
	if n == 0 {
		var err error
		for id := uint32(0); id < uint32(len(s.all)) && err == nil; id++ {
			ids, err = s.check(a, id, end, ids)
		}
		return ids, err
	}
	least := 0
	for i := range n {
		if narrow[i].size < narrow[least].size {
			least = i
		}
	}
	narrow[0], narrow[least] = narrow[least], narrow[0]
	if narrow[0].size > len(s.all)/128 {
		return s.intersect(a, narrow[:n], end, ids)
	}
	source, others := &narrow[0], narrow[1:n]
next:
	for id, ok := source.next(); ok; id, ok = source.next() {
		for i := range others {
			if !others[i].has(id) {
				continue next
			}
		}
		var err error
		if ids, err = s.check(a, id, end, ids); err != nil {
			return nil, err
		}
	}
	return ids, nil
}

// intersect goes through the ids that all attributes leave over, 64 at a time:
// with many candidates, that is faster than one after the other.
func (s *Set) intersect(a *asked, narrow []possible, end stage, ids []uint32) ([]uint32, error) {
	for w := range uint32(len(s.all)+63) / 64 {
		word := ^uint64(0)
		for i := range narrow {
			if word &= narrow[i].word(w); word == 0 {
				break
			}
		}
		for ; word != 0; word &= word - 1 {
			var err error
			if ids, err = s.check(a, w<<6+uint32(bits.TrailingZeros64(word)), end, ids); err != nil {
				return nil, err
			}
		}
	}
	return ids, nil
}

// narrow finds what each attribute leaves over; none says that it is nothing.
func (s *Set) narrow(a *asked, into *[3]possible) (n int, none bool) {
	use := func(p possible, ok bool) {
		if ok {
			into[n] = p
			n++
			none = none || p.size == 0
		}
	}
	if a.q.Scope.Given {
		sc := s.index.scopes[a.q.Scope.Value]
		if sc == nil {
			return 0, true
		}
		p, ok := sc.actions.find(a.q.Action, a.q.Action.Value, a.compat)
		if !ok {
			p.add(sc.ids)
		}
		use(p, true)
	}
	use(s.index.realm.find(a.realm, a.realmFolded, a.compat))
	use(s.index.user.find(a.user, a.userFolded, a.compat))
	return n, none
}

// check appends the id if the policy passes all stages before end.
func (s *Set) check(a *asked, id uint32, end stage, ids []uint32) ([]uint32, error) {
	c := &s.all[id]
	for st := range end {
		if ok, err := s.compare(a, c, st); err != nil || !ok {
			return ids, err
		}
	}
	return append(ids, id), nil
}
