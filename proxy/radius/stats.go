package radius

import "sync/atomic"

// cause says why a packet was discarded without an answer.
type cause uint8

const (
	kept cause = iota
	causeUnknownClient
	causeLength
	causeCode
	causeAttribute
	causeAttributeCount
	causeAttributeLength
	causeVendorAttribute
	causeWrongSignature
	causeMissingSignature
	causeNoCredential
	causeMixedEAP
	causeQueueFull
	causeQueueTime
	causes // their number
)

// String returns the name that logs and metrics use.
func (c cause) String() string { return causeNames[c] }

var causeNames = [causes]string{
	kept:                  "kept",
	causeUnknownClient:    "unknown_client",
	causeLength:           "bad_length",
	causeCode:             "unexpected_code",
	causeAttribute:        "malformed_attribute",
	causeAttributeCount:   "too_many_attributes",
	causeAttributeLength:  "bad_attribute_length",
	causeVendorAttribute:  "malformed_vendor_attribute",
	causeWrongSignature:   "wrong_message_authenticator",
	causeMissingSignature: "missing_message_authenticator",
	causeNoCredential:     "unsigned_without_credential",
	causeMixedEAP:         "eap_with_password",
	causeQueueFull:        "queue_full",
	causeQueueTime:        "queued_too_long",
}

// Causes lists the names under which Stats.Discarded counts: the whole list,
// so that a metric exists before its first event.
func Causes() []string { return append([]string(nil), causeNames[1:]...) }

// Stats are counters since the start of the server, and its present load.
type Stats struct {
	// Received counts datagrams, whoever sent them.
	Received uint64
	// Discarded counts the ones that were never answered, by cause (see Causes).
	Discarded map[string]uint64
	// Answered counts answers by the name of their code, replayed ones not
	// included.
	Answered map[string]uint64
	// Silent counts logins that ended without an answer (outage, drop).
	Silent uint64
	// Joined counts retransmissions of logins in flight, Replayed the ones that
	// got the answer that was given before.
	Joined, Replayed uint64
	// Panics counts logins that ended in a panic, SendErrors answers that the
	// kernel did not take.
	Panics, SendErrors uint64
	// Queued is how many requests wait for a worker, InFlight how many logins
	// are queued or worked on, Remembered how many answers are kept.
	Queued, InFlight, Remembered int
}

// counters are the live form of Stats.
type counters struct {
	received, silent, joined, replayed, panics, sendErrors atomic.Uint64

	discarded                   [causes]atomic.Uint64
	accepts, rejects, challenge atomic.Uint64
}

// Stats returns the counters as they are now.
func (s *Server) Stats() Stats {
	n := &s.count
	st := Stats{
		Received:  n.received.Load(),
		Discarded: make(map[string]uint64, causes-1),
		Answered: map[string]uint64{
			"Access-Accept":    n.accepts.Load(),
			"Access-Reject":    n.rejects.Load(),
			"Access-Challenge": n.challenge.Load(),
		},
		Silent:     n.silent.Load(),
		Joined:     n.joined.Load(),
		Replayed:   n.replayed.Load(),
		Panics:     n.panics.Load(),
		SendErrors: n.sendErrors.Load(),
		Queued:     len(s.queue),
	}
	for c := kept + 1; c < causes; c++ {
		st.Discarded[c.String()] = n.discarded[c].Load()
	}
	st.InFlight, st.Remembered = s.seen.sizes()
	return st
}
