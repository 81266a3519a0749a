package plugins

import (
	"context"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	googleproto "google.golang.org/protobuf/proto"

	"github.com/sallyport-auth/sallyport/plugins/proto"
	"github.com/sallyport-auth/sallyport/policyengine"
)

// maxOutcomes is how many outcomes wait for one program. Further ones are lost.
const maxOutcomes = 1024

// Outcome is how a login ended, as programs with an observer are told.
type Outcome struct {
	// Verdict is "accept" or "reject", Reason one of the words of the log.
	Verdict, Reason string
	// Input is what is known of the login; nil for nothing. Its User is nil when
	// nobody was found.
	Input *policyengine.Input
	Time  time.Time
}

// Observes reports whether a program wants to be told how logins end.
func (h *Host) Observes() bool {
	for _, p := range h.programs {
		if _, observes := p.observer(); observes {
			return true
		}
	}
	return false
}

// Observe tells the programs that want to know how a login ended. It never
// blocks: what a program has no time for is lost, and counted.
func (h *Host) Observe(o Outcome) {
	if o.Input == nil {
		o.Input = &policyengine.Input{}
	}
	for _, p := range h.programs {
		if facts, observes := p.observer(); observes {
			p.observe(facts, o)
		}
	}
}

// observer is what the program wants to know of logins that ended, if anything.
func (p *program) observer() (facts []fact, observes bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.watched, p.description.GetObserver() != nil
}

func (p *program) observe(facts []fact, o Outcome) {
	message := &proto.ObserveRequest{
		Verdict: o.Verdict, Reason: o.Reason, Application: o.Input.Application, Protocol: o.Input.Protocol,
		Facts: gather(facts, o.Input), Time: timestamppb.New(o.Time),
	}
	if googleproto.Size(message) > proto.MaxMessage {
		p.counters.lost.Add(1)
		return
	}
	select {
	case p.outcomes <- message:
	default:
		p.counters.lost.Add(1)
	}
}

// tell hands the outcomes to the program, one after the other, until ctx ends.
func (p *program) tell(ctx context.Context) {
	for well := true; ; {
		select {
		case <-ctx.Done():
			p.counters.lost.Add(uint64(len(p.outcomes)))
			return
		case message := <-p.outcomes:
			err := p.tellOne(ctx, message)
			if err == nil {
				p.counters.observed.Add(1)
			} else {
				p.counters.lost.Add(1)
			}
			if err != nil && well && ctx.Err() == nil { // one of many is enough
				p.log.Warn("plugin was not told how a login ended", "error", err)
			}
			well = err == nil
		}
	}
}

func (p *program) tellOne(ctx context.Context, message *proto.ObserveRequest) error {
	ctx, cancel := context.WithTimeout(ctx, p.timeout())
	defer cancel()
	inst, err := p.await(ctx, nil)
	if err != nil {
		return err
	}
	if _, err := inst.helper.Observe(ctx, message); err != nil {
		return callError(err)
	}
	return nil
}

// timeout is the configured one.
func (p *program) timeout() time.Duration {
	if p.cfg.Timeout <= 0 {
		return time.Second
	}
	return p.cfg.Timeout
}
