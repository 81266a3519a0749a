package proxy

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sallyport-auth/sallyport/internal/identity"
	"github.com/sallyport-auth/sallyport/policyengine"
)

// Options are what a Proxy is made of. All of it belongs to one configuration.
type Options struct {
	Realms   []Realm
	Decider  Decider
	Recorder Recorder
	// Locator locates the address of the client; nil knows none.
	Locator Locator
	// Timeout bounds one login as a whole.
	Timeout time.Duration
	// Location is the time zone in which policies see the clock.
	Location *time.Location
	// Now is the clock; time.Now if nil.
	Now func() time.Time
}

// Proxy runs logins. It is immutable and safe for concurrent use; a new
// configuration makes a new Proxy.
type Proxy struct {
	realms   realms
	decider  Decider
	recorder Recorder
	locator  Locator
	timeout  time.Duration
	location *time.Location
	now      func() time.Time
}

// New makes a Proxy.
func New(o Options) *Proxy {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Proxy{
		realms:   newRealms(o.Realms),
		decider:  o.Decider,
		recorder: o.Recorder,
		locator:  o.Locator,
		timeout:  o.Timeout,
		location: o.Location,
		now:      o.Now,
	}
}

// Login runs the five stages: identify, admit and verify (which authenticate),
// authorize, answer. There is always an Outcome: what goes wrong on
// the way, a panic included, is a refusal with its own reason.
func (p *Proxy) Login(ctx context.Context, a *Attempt) Outcome {
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	t := newTrace(p.now)

	who, in, end := p.authenticate(ctx, a, t)
	if end.reason == "" {
		_, end = run(t, "authorize", func() (none, ending) { return none{}, p.authorize(ctx, in) })
	}
	return p.answer(a, who, in, end, t)
}

// authenticate runs the stages that find out who it is. When the directory that
// knows the user cannot verify the credential, and the realm says so, the ones
// behind it are asked, all three questions anew.
func (p *Proxy) authenticate(ctx context.Context, a *Attempt, t *trace) (who subject, in *policyengine.Input, end ending) {
	for {
		who, end = run(t, "identify", func() (subject, ending) { return p.identify(ctx, a, who) })
		in = p.input(a, who)
		if end.reason == "" {
			_, end = run(t, "admit", func() (none, ending) { return none{}, p.admit(ctx, who, in) })
		}
		if end.reason == "" {
			in.AuthMethod, end = run(t, "verify", func() (string, ending) { return p.verify(ctx, who, a.Credential) })
		}
		if !who.mayGoOn(ctx, end) {
			return who, in, end
		}
		who.down, who.next = errors.Join(who.down, end.err), who.next+1
	}
}

// Refuse ends an attempt that a front-end found wanting before the stages: a
// malformed credential, a name outside every application. It is recorded like
// any other login.
func (p *Proxy) Refuse(_ context.Context, a *Attempt, r Reason) Outcome {
	t := newTrace(p.now)
	_, end := run(t, "receive", func() (none, ending) { return none{}, refuse(r, "refused before the login began") })
	return p.answer(a, subject{}, p.input(a, subject{}), end, t)
}

// subject is who a login is about, as far as stage identify found out. User is
// nil when no directory knows the login.
type subject struct {
	login  string
	realm  *Realm
	source *Source
	user   *identity.User
	// next is the directory of the realm that was asked last, or is to be asked
	// first.
	next int
	// down is why a directory before that one could not be asked.
	down error
}

// mayGoOn reports whether the directories behind the user's may be asked: it
// could not find out, and the realm goes on.
func (s subject) mayGoOn(ctx context.Context, end ending) bool {
	return s.user != nil && end.unverified && end.reason == ReasonUpstreamUnavailable &&
		s.realm.NextOnOutage && s.next+1 < len(s.realm.Directories) && ctx.Err() == nil
}

// identify finds out whose login it is: name, realm, directories in order. It
// goes on where before ended.
func (p *Proxy) identify(ctx context.Context, a *Attempt, before subject) (subject, ending) {
	login, realm, reason := p.realms.split(a.Username)
	if reason != ReasonOK {
		return subject{}, refuse(reason, "no realm to look in")
	}
	who := subject{login: login, realm: realm, next: before.next, down: before.down}
	for ; who.next < len(realm.Directories); who.next++ {
		source := &realm.Directories[who.next]
		user, err := source.Lookup(ctx, login)
		switch {
		case err == nil:
			who.source, who.user = source, user
			return who, goOn("found")
		case errors.Is(err, identity.ErrNotFound):
			continue
		case errors.Is(err, identity.ErrAmbiguous) && who.down != nil:
			// The directory that is down may know just one, before these.
			return who, failed(ctx, fmt.Errorf("ambiguous in directory %s: %w", source.Name, who.down))
		case errors.Is(err, identity.ErrAmbiguous):
			return who, ending{reason: ReasonAmbiguousUser, note: "ambiguous in directory " + source.Name, err: err}
		}
		err = fmt.Errorf("look up in directory %s: %w", source.Name, err)
		if end := failed(ctx, err); !realm.NextOnOutage || end.reason != ReasonUpstreamUnavailable {
			return who, end
		}
		who.down = errors.Join(who.down, err)
	}
	if who.down != nil { // one of those that could not be asked may know the user
		return who, failed(ctx, who.down)
	}
	return who, goOn("known to no directory of realm " + realm.Name)
}

// admit asks the admission bindings. Nobody is admitted or refused by name when
// no directory knows the name: stage verify ends that login.
func (p *Proxy) admit(ctx context.Context, who subject, in *policyengine.Input) ending {
	if who.user == nil {
		return goOn("nobody to admit")
	}
	return p.decide(ctx, policyengine.StageAdmission, in)
}

// verify checks the credential where the user lives. An unknown user costs the
// time of a wrong password.
func (p *Proxy) verify(ctx context.Context, who subject, c identity.Credential) (string, ending) {
	if c == nil {
		return "", refuse(ReasonMissingCredential, "no credential")
	}
	if password, ok := c.(identity.Password); ok && password.Empty() {
		return "", refuse(ReasonEmptyPassword, "an empty password proves nothing")
	}
	if who.user == nil {
		return "", verifyNobody(ctx, who, c)
	}
	verdict, err := who.source.Verify(ctx, who.user, c)
	if err != nil {
		end := failed(ctx, fmt.Errorf("verify in directory %s: %w", who.source.Name, err))
		end.unverified = true
		return "", end
	}
	if (verdict == identity.Wrong || verdict == identity.Locked) && who.down != nil {
		// The password may be the right one for the directory that is down. All
		// other verdicts but Unsupported say that it is the right one for this one.
		return "", failed(ctx, fmt.Errorf("%s for directory %s: %w", verdict, who.source.Name, who.down))
	}
	if verdict == identity.Unsupported {
		return "", refuse(ReasonUnsupportedMethod,
			fmt.Sprintf("directory %s cannot verify a login by %s", who.source.Name, c.Kind()))
	}
	if verdict != identity.Right {
		return "", refuse(reasonOf(verdict), "directory "+who.source.Name+" says "+verdict.String())
	}
	if !who.user.Active {
		return "", refuse(ReasonUserDisabled, "the account is switched off")
	}
	return c.Kind().String(), goOn("right")
}

// verifyNobody ends the login of an unknown user after the time that a wrong
// password would have taken.
func verifyNobody(ctx context.Context, who subject, c identity.Credential) ending {
	realm := who.realm
	for i := range realm.Directories {
		decoy, ok := realm.Directories[i].Directory.(Decoy)
		if !ok {
			continue
		}
		if err := decoy.VerifyNobody(ctx, who.login, c); err != nil {
			return failed(ctx, fmt.Errorf("verify in directory %s: %w", realm.Directories[i].Name, err))
		}
		break
	}
	return refuse(ReasonUnknownUser, "known to no directory of realm "+realm.Name)
}

// reasonOf maps what a directory says to why a login ended.
func reasonOf(v identity.Verdict) Reason {
	switch v {
	case identity.Disabled:
		return ReasonUserDisabled
	case identity.Expired:
		return ReasonPasswordExpired
	case identity.MustChange:
		return ReasonPasswordMustChange
	case identity.Locked:
		return ReasonLockedOut
	case identity.AccountExpired:
		return ReasonAccountExpired
	case identity.Restricted:
		return ReasonLogonRestricted
	}
	return ReasonBadPassword
}

// authorize asks the access bindings, then the scoped policies of scope
// authorization.
func (p *Proxy) authorize(ctx context.Context, in *policyengine.Input) ending {
	end := p.decide(ctx, policyengine.StageAccess, in)
	if end.reason != "" {
		return end
	}
	values, err := p.decider.Values(ctx, in, "authorization", "authorized")
	if err != nil {
		return broken(ctx, fmt.Errorf("scoped policies, authorized: %w", err)).with(end)
	}
	setting, found := values.First()
	if !found || setting.Value == "grant_access" {
		return end
	}
	name := "scoped policy"
	if len(setting.Policies) > 0 {
		name += " " + setting.Policies[0]
	}
	if setting.Value != "deny_access" {
		end = broken(ctx, fmt.Errorf("%s: authorized=%q is neither grant_access nor deny_access", name, setting.Value)).with(end)
	} else {
		end = refuse(ReasonPolicyDenied, name+" denies access").with(end)
		end.messages = nil
	}
	end.policy = name
	return end
}

// decide asks the engine for one stage.
func (p *Proxy) decide(ctx context.Context, stage policyengine.Stage, in *policyengine.Input) ending {
	decision, err := p.decider.Decide(ctx, stage, in)
	end := ending{policy: decision.Policy, messages: decision.Messages, bindings: decision.Bindings, events: decision.Events}
	if err != nil {
		return broken(ctx, fmt.Errorf("decide %s: %w", stage, err)).with(end)
	}
	switch {
	case decision.Allowed:
		end.note = "allowed"
	case decision.Failed:
		end.reason, end.note = ReasonPolicyFailed, decision.Policy+" could not be evaluated"
		end.err = firstError(decision.Bindings)
	default:
		end.reason, end.note = ReasonPolicyDenied, decision.Policy+" refuses"
	}
	return end
}

func firstError(bindings []policyengine.BindingRecord) error {
	for _, b := range bindings {
		if b.Err != nil {
			return b.Err
		}
	}
	return nil
}

// input collects what policies may know of the login.
func (p *Proxy) input(a *Attempt, who subject) *policyengine.Input {
	in := &policyengine.Input{
		RequestID:   a.ID,
		Protocol:    string(a.Protocol),
		Operation:   a.Operation,
		Application: a.Application,
		User:        who.user,
		Login:       a.Username,
		ClientIP:    a.ClientIP.Unmap(),
		PeerIP:      a.PeerIP.Unmap(),
		RADIUS:      a.RADIUS,
		LDAP:        a.LDAP,
		Now:         p.now().In(p.location),
	}
	if in.ClientIPKnown = a.ClientIP.IsValid(); !in.ClientIPKnown {
		in.ClientIP = in.PeerIP
	}
	if p.locator != nil {
		in.Geo, in.ASN = p.locator.Locate(in.ClientIP)
	}
	if who.realm != nil {
		in.Realm = who.realm.Name
	}
	if who.source != nil {
		in.Source = policyengine.Source{Name: who.source.Name, Type: who.source.Type}
	}
	return in
}

// answer turns the ending of the stages into the Outcome and records it.
func (p *Proxy) answer(a *Attempt, who subject, in *policyengine.Input, end ending, t *trace) Outcome {
	o := Outcome{
		Verdict: Accept, Reason: ReasonOK,
		Messages: end.messages, Policy: end.policy,
		User: who.user, Input: in, Events: t.events, Err: end.err,
	}
	if end.reason != "" {
		o.Verdict, o.Reason = Reject, end.reason
		if len(o.Messages) == 0 {
			o.Messages = []string{end.reason.Text()}
		}
	}
	if who.realm != nil {
		o.Realm = who.realm.Name
	}
	o.Trace, o.Took = t.finish("answer", o.Verdict.String())
	p.recorder.Record(a, &o)
	return o
}
