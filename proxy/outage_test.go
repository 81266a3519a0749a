package proxy_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/internal/identity"
	"github.com/sallyport-auth/sallyport/internal/testenv"
	"github.com/sallyport-auth/sallyport/proxy"
)

// bindless knows its users from memory, but cannot verify anybody.
type bindless struct{ *testenv.Directory }

func (bindless) Verify(context.Context, *identity.User, identity.Credential) (identity.Verdict, error) {
	return identity.Wrong, testenv.ErrDown
}

// ambiguous has every login twice.
type ambiguous struct{ *testenv.Directory }

func (ambiguous) Lookup(context.Context, string) (*identity.User, error) {
	return nil, fmt.Errorf("2 entries: %w", identity.ErrAmbiguous)
}

// locked has locked all accounts, whatever the password.
type locked struct{ *testenv.Directory }

func (locked) Verify(context.Context, *identity.User, identity.Credential) (identity.Verdict, error) {
	return identity.Locked, nil
}

func TestNextOnOutage(t *testing.T) {
	local := func() *testenv.Directory {
		return testenv.NewDirectory(map[string]string{"admin": "emergency", "alice": "local-pw"})
	}
	down := people()
	down.Down = true
	for _, tt := range []struct {
		name            string
		directories     []proxy.Directory
		user, password  string
		reason          proxy.Reason
		source, refused string // refused: the reason without on_outage next
		stages          string
	}{
		{
			"a user of the next directory",
			[]proxy.Directory{down, local()},
			"admin", "emergency",
			proxy.ReasonOK, "dir1", "upstream_unavailable", "identify admit verify authorize answer",
		},
		{
			"a password that may be right in the one that is down",
			[]proxy.Directory{down, local()},
			"alice", "alice-pw",
			proxy.ReasonUpstreamUnavailable, "dir1", "upstream_unavailable", "identify admit verify answer",
		},
		{
			"a user who may be in the one that is down",
			[]proxy.Directory{down, local()},
			"carol", "carol-pw",
			proxy.ReasonUpstreamUnavailable, "", "upstream_unavailable", "identify answer",
		},
		{
			"all are down",
			[]proxy.Directory{down, down},
			"alice", "alice-pw",
			proxy.ReasonUpstreamUnavailable, "", "upstream_unavailable", "identify answer",
		},
		{
			"known, but not to be verified",
			[]proxy.Directory{bindless{people()}, local()},
			"alice", "local-pw",
			proxy.ReasonOK, "dir1", "upstream_unavailable", "identify admit verify identify admit verify authorize answer",
		},
		{
			"known to one that cannot verify, and to no other",
			[]proxy.Directory{bindless{people()}, local()},
			"carol", "carol-pw",
			proxy.ReasonUpstreamUnavailable, "dir0", "upstream_unavailable", "identify admit verify identify answer",
		},
		{
			"a wrong password in one that works",
			[]proxy.Directory{people(), local()},
			"alice", "local-pw",
			proxy.ReasonBadPassword, "dir0", "bad_password", "identify admit verify answer",
		},
		{
			"locked in the next one, the password may be right in the one that is down",
			[]proxy.Directory{down, locked{local()}},
			"alice", "alice-pw",
			proxy.ReasonUpstreamUnavailable, "dir1", "upstream_unavailable", "identify admit verify answer",
		},
		{
			"ambiguous in the next one, perhaps known to the one that is down",
			[]proxy.Directory{down, ambiguous{people()}, local()},
			"alice", "alice-pw",
			proxy.ReasonUpstreamUnavailable, "", "upstream_unavailable", "identify answer",
		},
		{
			"an ambiguous login is an answer",
			[]proxy.Directory{ambiguous{people()}, local()},
			"admin", "emergency",
			proxy.ReasonAmbiguousUser, "", "ambiguous_user", "identify answer",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, next := range []bool{true, false} {
				realm := proxy.Realm{Name: "corp", Default: true, NextOnOutage: next}
				for i, dir := range tt.directories {
					realm.Directories = append(realm.Directories, proxy.Source{Name: fmt.Sprintf("dir%d", i), Type: "ldap", Directory: dir})
				}
				d := yes()
				o := proxy.New(proxy.Options{
					Realms: []proxy.Realm{realm}, Decider: d, Recorder: &recorder{}, Timeout: time.Second, Location: time.UTC,
				}).Login(t.Context(), attempt(tt.user, tt.password))
				if !next {
					if string(o.Reason) != tt.refused {
						t.Errorf("on_outage fail: %s (%v), want %s", o.Reason, o.Err, tt.refused)
					}
					continue
				}
				if o.Reason != tt.reason || stages(o) != tt.stages {
					t.Errorf("got %s, stages %q (%v)", o.Reason, stages(o), o.Err)
				}
				if len(d.asked) > 0 && d.asked[len(d.asked)-1].Source.Name != tt.source {
					t.Errorf("decided for directory %q, want %q", d.asked[len(d.asked)-1].Source.Name, tt.source)
				}
			}
		})
	}
}

func TestOverloadDoesNotGoOn(t *testing.T) {
	second := testenv.NewDirectory(map[string]string{"alice": "alice-pw"})
	o := proxy.New(proxy.Options{
		Realms: []proxy.Realm{{Name: "corp", Default: true, NextOnOutage: true, Directories: []proxy.Source{
			{Name: "local", Type: "local", Directory: busy{people()}}, {Name: "other", Type: "ldap", Directory: second},
		}}},
		Decider: yes(), Recorder: &recorder{}, Timeout: time.Second, Location: time.UTC,
	}).Login(t.Context(), attempt("alice", "alice-pw"))
	if o.Reason != proxy.ReasonOverloaded || second.Lookups.Load() != 0 {
		t.Errorf("got %s, %d look-ups in the next directory", o.Reason, second.Lookups.Load())
	}
}
