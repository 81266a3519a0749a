package proxy

import (
	"time"

	"github.com/sallyport-auth/sallyport/internal/identity"
	"github.com/sallyport-auth/sallyport/policyengine"
)

// Verdict is what becomes of a login. Its zero value refuses.
type Verdict uint8

// The verdicts of a login.
const (
	Reject Verdict = iota
	Accept
	// Challenge asks for one more round; Outcome.State must come back with it.
	Challenge
	// Drop wants no answer at all.
	Drop
)

// String returns the verdict's name for logs and metrics.
func (v Verdict) String() string {
	names := [...]string{"reject", "accept", "challenge", "drop"}
	if int(v) < len(names) {
		return names[v]
	}
	return "invalid"
}

// Outcome is the answer to an Attempt. Front-ends map it to a packet or a
// result code and invent nothing.
type Outcome struct {
	Verdict Verdict
	Reason  Reason
	// Messages are texts for the user, in order. A refusal has at least one, and
	// none of them tells what an attacker could use.
	Messages []string
	// Attributes go into the answer of a protocol that has such.
	Attributes []Attribute
	// State must come back in the next round of a challenge.
	State []byte
	// Policy names what decided, for the log; empty when no policy did.
	Policy string
	// User is who it was, nil when nobody was found.
	User *identity.User
	// Input is what policies see of the login; never nil, but its User is when nobody
	// was found.
	Input *policyengine.Input
	// Realm is the realm that the login resolved to, empty when to none.
	Realm string
	// Events are what policies want in the audit, whatever became of the login.
	Events []policyengine.Event
	// Err is the cause behind a reason that is a failure, for the log only.
	Err error
	// Trace has a record of each stage that ran.
	Trace []StageRecord
	Took  time.Duration
}

// Attribute is a name and a value for the answer, as dictionaries name them.
type Attribute struct {
	Name, Value string
}

// StageRecord is what one stage of the login found.
type StageRecord struct {
	// Stage is "identify", "admit", "verify", "authorize" or "answer".
	Stage string
	// Result is a short text for people: what was found or why it ended here.
	Result string
	// Reason is set on the record of the stage that ended the login.
	Reason Reason
	// Bindings are the bindings that the stage asked.
	Bindings []policyengine.BindingRecord
	Err      error
	Took     time.Duration
}
