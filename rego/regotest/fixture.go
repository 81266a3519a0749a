package regotest

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/identity"
)

// FixtureName is the fixture of a directory of policies.
const FixtureName = "users.yaml"

const maxFixture = 4 << 20 // octets

// Fixture is the world that policies see in tests. It is immutable.
type Fixture struct {
	now    time.Time
	users  []*identity.User
	groups map[string]identity.Membership
	dns    map[string][]netip.Addr
	web    map[string]response
	// plugins are the functions of plugins by name, scoped the scoped policies.
	plugins map[string]answers
	scoped  map[string]bool
}

// fixtureFile is a fixture as it is written.
type fixtureFile struct {
	Clock    time.Time           `yaml:"clock"`
	TimeZone string              `yaml:"time_zone"`
	Users    []fixtureUser       `yaml:"users"`
	Groups   []fixtureGroup      `yaml:"groups"`
	DNS      map[string][]string `yaml:"dns"`
	Requests map[string]response `yaml:"requests"`
	Plugins  map[string]answers  `yaml:"plugins"`
	Scoped   map[string]bool     `yaml:"scoped"`
}

type fixtureUser struct {
	Username        string              `yaml:"username" required:"true"`
	PK              string              `yaml:"pk"`
	DN              string              `yaml:"dn"`
	Name            string              `yaml:"name"`
	Email           string              `yaml:"email"`
	Directory       string              `yaml:"directory" default:"local"`
	Active          bool                `yaml:"active" default:"true"`
	Service         bool                `yaml:"service"`
	Superuser       bool                `yaml:"superuser"`
	Groups          []string            `yaml:"groups"`
	Attributes      map[string][]string `yaml:"attributes"`
	Authenticators  []string            `yaml:"authenticators"`
	PasswordChanged time.Time           `yaml:"password_changed"`
	LastLogin       time.Time           `yaml:"last_login"`
}

type fixtureGroup struct {
	Name       string              `yaml:"name" required:"true"`
	PK         string              `yaml:"pk"`
	DN         string              `yaml:"dn"`
	Superuser  bool                `yaml:"superuser"`
	Attributes map[string][]string `yaml:"attributes"`
}

// ReadFixture reads a fixture. The error joins all faults, each with file, line
// and column; a file that is not there is fs.ErrNotExist.
func ReadFixture(file string) (*Fixture, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("read the fixture: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFixture+1))
	if err != nil {
		return nil, fmt.Errorf("read the fixture: %w", err)
	}
	if len(data) > maxFixture {
		return nil, fmt.Errorf("read the fixture %s: more than %d octets", file, maxFixture)
	}
	return ParseFixture(file, data)
}

// fixtureOf reads the fixture of a directory of policies; one that is not there is
// empty.
func fixtureOf(dir string) (*Fixture, error) {
	fixture, err := ReadFixture(filepath.Join(dir, FixtureName))
	if errors.Is(err, fs.ErrNotExist) {
		return Empty(defaultClock()), nil
	}
	return fixture, err
}

// ParseFixture reads a fixture from memory; file is its name in errors. Unknown
// keys are errors.
func ParseFixture(file string, data []byte) (*Fixture, error) {
	var written fixtureFile
	places, err := config.Decode(file, data, &written)
	if err != nil {
		return nil, err
	}
	f := &Fixture{web: written.Requests, plugins: written.Plugins, scoped: written.Scoped, groups: map[string]identity.Membership{}}
	faults := []error{f.setClock(places, &written), f.setGroups(places, written.Groups), f.setUsers(places, written.Users), f.setDNS(places, written.DNS)}
	faults = append(faults, f.checkWeb(places), f.checkPlugins(places))
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	return f, nil
}

// defaultClock is a Monday, so that tests do not depend on the day on which they
// run.
func defaultClock() time.Time { return time.Date(2026, time.January, 5, 12, 0, 0, 0, time.UTC) }

// setClock sets what the clock says.
func (f *Fixture) setClock(places config.Places, written *fixtureFile) error {
	f.now = written.Clock
	if f.now.IsZero() {
		f.now = defaultClock()
	}
	if written.TimeZone != "" {
		zone, err := time.LoadLocation(written.TimeZone)
		if err != nil {
			return places.Fault("time_zone", "%w", err)
		}
		f.now = f.now.In(zone)
		return nil
	}
	f.now = f.now.In(zoneOf(f.now))
	return nil
}

// zoneOf is the time zone of an offset, which has no name unless it is none.
func zoneOf(t time.Time) *time.Location {
	_, offset := t.Zone()
	if offset == 0 {
		return time.UTC
	}
	return time.FixedZone(t.Format("-07:00"), offset)
}

func (f *Fixture) setGroups(places config.Places, groups []fixtureGroup) error {
	var faults []error
	for i, g := range groups {
		if _, again := f.groups[g.Name]; again {
			faults = append(faults, places.Fault(fmt.Sprintf("groups[%d].name", i), "there is another group %q", g.Name))
		}
		f.groups[g.Name] = identity.Membership{ID: g.PK, Name: g.Name, DN: g.DN, Superuser: g.Superuser, Attributes: g.Attributes}
	}
	return errors.Join(faults...)
}

func (f *Fixture) setUsers(places config.Places, users []fixtureUser) error {
	var faults []error
	for i := range users {
		w := &users[i]
		if slices.ContainsFunc(f.users, func(u *identity.User) bool {
			return u.Directory == w.Directory && identity.SameLogin(u.Login, w.Username)
		}) {
			faults = append(faults, places.Fault(fmt.Sprintf("users[%d].username", i), "there is another user %q in directory %s", w.Username, w.Directory))
		}
		u := &identity.User{
			ID: w.PK, Login: w.Username, Directory: w.Directory, DN: w.DN, Name: w.Name, Email: w.Email,
			Active: w.Active, Service: w.Service, Superuser: w.Superuser,
			Groups: slices.Compact(slices.Sorted(slices.Values(w.Groups))), Attributes: w.Attributes,
			Authenticators:  slices.Compact(slices.Sorted(slices.Values(w.Authenticators))),
			PasswordChanged: w.PasswordChanged, LastLogin: w.LastLogin,
		}
		if u.ID == "" {
			u.ID = w.Directory + "/" + w.Username
		}
		u.Memberships = f.memberships(u.Groups)
		f.users = append(f.users, u)
	}
	return errors.Join(faults...)
}

// memberships are the groups of these names; of those that the fixture does not
// describe nothing else is known.
func (f *Fixture) memberships(names []string) []identity.Membership {
	all := make([]identity.Membership, len(names))
	for i, name := range names {
		known, ok := f.groups[name]
		if !ok {
			known = identity.Membership{Name: name}
		}
		all[i] = known
	}
	return all
}

func (f *Fixture) setDNS(places config.Places, written map[string][]string) error {
	var faults []error
	f.dns = make(map[string][]netip.Addr, len(written))
	for host, texts := range written {
		for i, text := range texts {
			addr, err := netip.ParseAddr(text)
			if err != nil {
				faults = append(faults, places.Fault(fmt.Sprintf("dns.%s[%d]", host, i), "%q is no address", text))
				continue
			}
			f.dns[hostKey(host)] = append(f.dns[hostKey(host)], addr.Unmap())
		}
	}
	return errors.Join(faults...)
}

// Empty is a fixture with nobody and nothing, at a point of time.
func Empty(now time.Time) *Fixture {
	return &Fixture{now: now, groups: map[string]identity.Membership{}}
}

// Now is the clock of the fixture.
func (f *Fixture) Now() time.Time { return f.now }
