package proxy_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-auth/sallyport/internal/identity"
	"github.com/sallyport-auth/sallyport/internal/testenv"
	"github.com/sallyport-auth/sallyport/policyengine"
	"github.com/sallyport-auth/sallyport/proxy"
)

// decider says what it is told to and remembers what it was asked.
type decider struct {
	admission, access policyengine.Decision
	values            policyengine.Values
	err, valuesErr    error
	asked             []policyengine.Input
}

func (d *decider) Decide(_ context.Context, s policyengine.Stage, in *policyengine.Input) (policyengine.Decision, error) {
	d.asked = append(d.asked, *in)
	if s == policyengine.StageAdmission {
		return d.admission, d.err
	}
	return d.access, d.err
}

func (d *decider) Values(context.Context, *policyengine.Input, string, string) (policyengine.Values, error) {
	return d.values, d.valuesErr
}

type recorder struct{ outcomes []proxy.Outcome }

func (r *recorder) Record(_ *proxy.Attempt, o *proxy.Outcome) { r.outcomes = append(r.outcomes, *o) }

func yes() *decider {
	ok := policyengine.Decision{Allowed: true}
	return &decider{admission: ok, access: ok}
}

func no(policy string, failed bool, messages ...string) policyengine.Decision {
	return policyengine.Decision{Policy: policy, Failed: failed, Messages: messages}
}

func authorized(value string) policyengine.Values {
	return policyengine.Values{Set: []policyengine.Setting{{Value: value, Policies: []string{"gate"}}}}
}

func newProxy(d proxy.Decider, r proxy.Recorder, dirs ...*testenv.Directory) *proxy.Proxy {
	realm := proxy.Realm{Name: "corp", Default: true}
	for i, dir := range dirs {
		realm.Directories = append(realm.Directories, proxy.Source{Name: fmt.Sprintf("dir%d", i), Type: "local", Directory: dir})
	}
	return proxy.New(proxy.Options{
		Realms: []proxy.Realm{realm}, Decider: d, Recorder: r, Timeout: 5 * time.Second, Location: time.UTC,
	})
}

func attempt(user, password string) *proxy.Attempt {
	return &proxy.Attempt{
		ID: "1", Protocol: proxy.RADIUS, Operation: "auth", Application: "vpn", Username: user,
		Credential: identity.NewPassword(password), PeerIP: netip.MustParseAddr("::ffff:10.0.0.1"),
	}
}

func people() *testenv.Directory {
	d := testenv.NewDirectory(map[string]string{"alice:vpn-users": "alice-pw", "carol": "carol-pw"})
	d.Users["carol"].Active = false
	return d
}

func TestLoginOutcomes(t *testing.T) {
	wrong := []string{"Wrong user name or password."}
	down := []string{"The login service is not available at the moment."}
	tests := []struct {
		name     string
		attempt  *proxy.Attempt
		change   func(*decider, *testenv.Directory)
		verdict  proxy.Verdict
		reason   proxy.Reason
		messages []string
		policy   string
		stages   string
	}{
		{"right", attempt("alice", "alice-pw"), nil, proxy.Accept, proxy.ReasonOK, nil, "", "identify admit verify authorize answer"},
		{"wrong password", attempt("alice", "x"), nil, proxy.Reject, proxy.ReasonBadPassword, wrong, "", "identify admit verify answer"},
		{"unknown user", attempt("nobody", "x"), nil, proxy.Reject, proxy.ReasonUnknownUser, wrong, "", "identify admit verify answer"},
		{"disabled, right password", attempt("carol", "carol-pw"), nil, proxy.Reject, proxy.ReasonUserDisabled, wrong, "", "identify admit verify answer"},
		{"disabled, wrong password", attempt("carol", "x"), nil, proxy.Reject, proxy.ReasonBadPassword, wrong, "", "identify admit verify answer"},
		{"empty password", attempt("alice", ""), nil, proxy.Reject, proxy.ReasonEmptyPassword, []string{"An empty password is not accepted."}, "", "identify admit verify answer"},
		{"empty login", attempt("", "x"), nil, proxy.Reject, proxy.ReasonEmptyLogin, wrong, "", "identify answer"},
		{"empty realm", attempt("alice@", "alice-pw"), nil, proxy.Reject, proxy.ReasonEmptyRealm, wrong, "", "identify answer"},
		{
			"method that nobody verifies", &proxy.Attempt{Username: "alice", Credential: identity.Unverifiable(identity.KindCHAP)}, nil,
			proxy.Reject, proxy.ReasonUnsupportedMethod,
			[]string{"This login method is not supported."},
			"", "identify admit verify answer",
		},
		{
			"no credential", &proxy.Attempt{Username: "alice"}, nil,
			proxy.Reject, proxy.ReasonMissingCredential, wrong, "", "identify admit verify answer",
		},
		{
			"directory down", attempt("alice", "alice-pw"), func(_ *decider, d *testenv.Directory) { d.Down = true },
			proxy.Reject, proxy.ReasonUpstreamUnavailable, down, "", "identify answer",
		},
		{
			"directory says expired", attempt("alice", "alice-pw"), func(_ *decider, d *testenv.Directory) { d.Says = identity.Expired },
			proxy.Reject, proxy.ReasonPasswordExpired,
			[]string{"Your password has expired."},
			"", "identify admit verify answer",
		},
		{
			"directory panics", attempt("alice", "alice-pw"), func(_ *decider, d *testenv.Directory) { d.Panics = true },
			proxy.Reject, proxy.ReasonInternalError,
			[]string{"Access denied."},
			"", "identify admit verify answer",
		},
		{
			"admission refuses before the password", attempt("alice", "wrong"),
			func(d *decider, _ *testenv.Directory) {
				d.admission = no("policy office", false, "Come back tomorrow.")
			},
			proxy.Reject, proxy.ReasonPolicyDenied,
			[]string{"Come back tomorrow."},
			"policy office", "identify admit answer",
		},
		{
			"access refuses after the password", attempt("alice", "alice-pw"),
			func(d *decider, _ *testenv.Directory) { d.access = no("group staff", false, "For staff.") },
			proxy.Reject, proxy.ReasonPolicyDenied,
			[]string{"For staff."},
			"group staff", "identify admit verify authorize answer",
		},
		{
			"access refuses, but the password is wrong", attempt("alice", "wrong"),
			func(d *decider, _ *testenv.Directory) { d.access = no("group staff", false, "For staff.") },
			proxy.Reject, proxy.ReasonBadPassword, wrong, "", "identify admit verify answer",
		},
		{
			"policy broken", attempt("alice", "alice-pw"),
			func(d *decider, _ *testenv.Directory) { d.access = no("policy helper", true, "Access denied.") },
			proxy.Reject, proxy.ReasonPolicyFailed,
			[]string{"Access denied."},
			"policy helper", "identify admit verify authorize answer",
		},
		{
			"no decision", attempt("alice", "alice-pw"), func(d *decider, _ *testenv.Directory) { d.err = errors.New("boom") },
			proxy.Reject, proxy.ReasonPolicyFailed,
			[]string{"Access denied."},
			"", "identify admit answer",
		},
		{
			"scoped policy denies", attempt("alice", "alice-pw"),
			func(d *decider, _ *testenv.Directory) { d.values = authorized("deny_access") },
			proxy.Reject, proxy.ReasonPolicyDenied,
			[]string{"Access denied."},
			"scoped policy gate", "identify admit verify authorize answer",
		},
		{
			"scoped policy grants", attempt("alice", "alice-pw"),
			func(d *decider, _ *testenv.Directory) { d.values = authorized("grant_access") },
			proxy.Accept, proxy.ReasonOK, nil, "", "identify admit verify authorize answer",
		},
		{
			"scoped policy says neither", attempt("alice", "alice-pw"),
			func(d *decider, _ *testenv.Directory) { d.values = authorized("deny_acess") },
			proxy.Reject, proxy.ReasonPolicyFailed,
			[]string{"Access denied."},
			"scoped policy gate", "identify admit verify authorize answer",
		},
		{
			"scoped policies conflict", attempt("alice", "alice-pw"),
			func(d *decider, _ *testenv.Directory) { d.valuesErr = errors.New("conflict") },
			proxy.Reject, proxy.ReasonPolicyFailed,
			[]string{"Access denied."},
			"", "identify admit verify authorize answer",
		},
		{
			"messages of an accept", attempt("alice", "alice-pw"),
			func(d *decider, _ *testenv.Directory) {
				d.access = policyengine.Decision{Allowed: true, Messages: []string{"Maintenance tonight."}}
			},
			proxy.Accept, proxy.ReasonOK,
			[]string{"Maintenance tonight."},
			"", "identify admit verify authorize answer",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d, dir, rec := yes(), people(), &recorder{}
			if tt.change != nil {
				tt.change(d, dir)
			}
			o := newProxy(d, rec, dir).Login(t.Context(), tt.attempt)
			if o.Verdict != tt.verdict || o.Reason != tt.reason || o.Policy != tt.policy {
				t.Errorf("got %s, %s, policy %q (%v); want %s, %s, policy %q",
					o.Verdict, o.Reason, o.Policy, o.Err, tt.verdict, tt.reason, tt.policy)
			}
			if diff := cmp.Diff(tt.messages, o.Messages); diff != "" {
				t.Errorf("messages: %s", diff)
			}
			if got := stages(o); got != tt.stages {
				t.Errorf("stages %q, want %q", got, tt.stages)
			}
			if len(rec.outcomes) != 1 || rec.outcomes[0].Reason != o.Reason {
				t.Errorf("recorded %v, want this outcome once", rec.outcomes)
			}
		})
	}
}

func stages(o proxy.Outcome) string {
	var names []string
	for _, r := range o.Trace {
		names = append(names, r.Stage)
	}
	return strings.Join(names, " ")
}

func TestUnknownUserCostsADecoy(t *testing.T) {
	dir := people()
	newProxy(yes(), &recorder{}, dir).Login(t.Context(), attempt("nobody", "x"))
	if dir.Decoys.Load() != 1 || dir.Verified.Load() != 0 {
		t.Errorf("%d decoys, %d verifications; want one decoy", dir.Decoys.Load(), dir.Verified.Load())
	}
}

func TestEmptyPasswordReachesNoDirectory(t *testing.T) {
	dir := people()
	newProxy(yes(), &recorder{}, dir).Login(t.Context(), attempt("alice", ""))
	if dir.Verified.Load() != 0 {
		t.Error("the directory was asked about an empty password")
	}
}

func TestDirectoriesInOrder(t *testing.T) {
	first, second := people(), testenv.NewDirectory(map[string]string{"zoe": "zoe-pw", "alice": "other-pw"})
	p := newProxy(yes(), &recorder{}, first, second)
	if o := p.Login(t.Context(), attempt("zoe", "zoe-pw")); o.Verdict != proxy.Accept {
		t.Errorf("zoe of the second directory: %s, %s", o.Verdict, o.Reason)
	}
	if o := p.Login(t.Context(), attempt("alice", "other-pw")); o.Reason != proxy.ReasonBadPassword {
		t.Errorf("alice is the first directory's: got %s, %s", o.Verdict, o.Reason)
	}
	first.Down = true
	if o := p.Login(t.Context(), attempt("zoe", "zoe-pw")); o.Reason != proxy.ReasonUpstreamUnavailable {
		t.Errorf("first directory down: got %s, %s; must not go on to the next", o.Verdict, o.Reason)
	}
}

func TestDeadlineAndCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := people()
		dir.Stuck = true
		p := newProxy(yes(), &recorder{}, dir)
		began := time.Now()
		o := p.Login(t.Context(), attempt("alice", "alice-pw"))
		if o.Reason != proxy.ReasonTimeout || !o.Reason.Outage() || time.Since(began) != 5*time.Second {
			t.Errorf("stuck directory: %s after %s", o.Reason, time.Since(began))
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if o := p.Login(ctx, attempt("alice", "alice-pw")); o.Reason != proxy.ReasonCanceled {
			t.Errorf("client left: %s", o.Reason)
		}
	})
}

type overloaded struct{ error }

func (overloaded) Overloaded() bool { return true }

type busy struct{ *testenv.Directory }

func (busy) Verify(context.Context, *identity.User, identity.Credential) (identity.Verdict, error) {
	return identity.Wrong, fmt.Errorf("hash: %w", overloaded{errors.New("waited too long")})
}

func TestOverload(t *testing.T) {
	p := proxy.New(proxy.Options{
		Realms: []proxy.Realm{{Name: "corp", Default: true, Directories: []proxy.Source{
			{Name: "local", Type: "local", Directory: busy{people()}},
		}}},
		Decider: yes(), Recorder: &recorder{}, Timeout: time.Second, Location: time.UTC,
	})
	if o := p.Login(t.Context(), attempt("alice", "alice-pw")); o.Reason != proxy.ReasonOverloaded {
		t.Errorf("got %s, want overloaded", o.Reason)
	}
}

func TestInputForPolicies(t *testing.T) {
	d := yes()
	a := attempt("alice@corp", "alice-pw")
	newProxy(d, &recorder{}, people()).Login(t.Context(), a)
	in := d.asked[len(d.asked)-1]
	if in.Login != "alice@corp" || in.Realm != "corp" || in.User.Login != "alice" || in.Source.Name != "dir0" || in.AuthMethod != "password" {
		t.Errorf("input %+v", in)
	}
	if in.ClientIPKnown || in.ClientIP != netip.MustParseAddr("10.0.0.1") || in.PeerIP != in.ClientIP {
		t.Errorf("client %v (known %v), peer %v: want the unmapped peer", in.ClientIP, in.ClientIPKnown, in.PeerIP)
	}
	if d.asked[0].AuthMethod != "" {
		t.Errorf("stage admission sees auth method %q before any credential was looked at", d.asked[0].AuthMethod)
	}
}

func TestRefuseIsRecorded(t *testing.T) {
	rec := &recorder{}
	o := newProxy(yes(), rec, people()).Refuse(t.Context(), attempt("alice", "x"), proxy.ReasonAmbiguousCredential)
	if o.Verdict != proxy.Reject || o.Reason != proxy.ReasonAmbiguousCredential || len(o.Messages) != 1 || len(rec.outcomes) != 1 {
		t.Errorf("got %+v, recorded %d", o, len(rec.outcomes))
	}
}

func TestNoPasswordInTheOutcome(t *testing.T) {
	rec := &recorder{}
	a := attempt("alice", "not-alices-pw")
	newProxy(yes(), rec, people()).Login(t.Context(), a)
	if text := fmt.Sprintf("%+v %#v %v", rec.outcomes, rec.outcomes, a); strings.Contains(text, "not-alices-pw") {
		t.Error("the password can be printed")
	}
}

// TestEventsAreRecorded: what policies want in the audit is in the Outcome, of both
// stages, whatever becomes of the login.
func TestEventsAreRecorded(t *testing.T) {
	event := func(name string) []policyengine.Event { return []policyengine.Event{{Action: name}} }
	record := []policyengine.BindingRecord{{Name: "policy x"}}
	for _, tt := range []struct {
		name    string
		change  func(d *decider)
		verdict proxy.Verdict
		want    []policyengine.Event
	}{
		{"let in", func(*decider) {}, proxy.Accept, append(event("first"), event("second")...)},
		{"refused at once", func(d *decider) { d.admission.Allowed = false }, proxy.Reject, event("first")},
		{"refused later", func(d *decider) { d.access.Allowed = false }, proxy.Reject, append(event("first"), event("second")...)},
		{"refused by a scoped policy", func(d *decider) { d.values = authorized("deny_access") }, proxy.Reject, append(event("first"), event("second")...)},
		{"a scoped policy of no meaning", func(d *decider) { d.values = authorized("perhaps") }, proxy.Reject, append(event("first"), event("second")...)},
		{"no values", func(d *decider) { d.valuesErr = errors.New("they disagree") }, proxy.Reject, append(event("first"), event("second")...)},
		{"no decision", func(d *decider) { d.err = errors.New("out of time") }, proxy.Reject, event("first")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := yes()
			d.admission.Events, d.access.Events = event("first"), event("second")
			d.admission.Bindings, d.access.Bindings = record, record
			tt.change(d)
			o := newProxy(d, &recorder{}, people()).Login(t.Context(), attempt("alice", "alice-pw"))
			if diff := cmp.Diff(tt.want, o.Events); o.Verdict != tt.verdict || diff != "" {
				t.Errorf("%v, events (-want +got):\n%s", o.Verdict, diff)
			}
			if last := o.Trace[len(o.Trace)-2]; len(last.Bindings) != 1 {
				t.Errorf("the bindings of stage %s are lost", last.Stage)
			}
		})
	}
}
