package daemon

import (
	"time"

	"github.com/sallyport-auth/sallyport/plugins"
	"github.com/sallyport-auth/sallyport/proxy"
)

// observing records a login, and tells the helpers that want to know of it.
type observing struct {
	proxy.Recorder
	helpers *plugins.Host
}

// Record implements proxy.Recorder.
func (r observing) Record(a *proxy.Attempt, o *proxy.Outcome) {
	r.Recorder.Record(a, o)
	r.helpers.Observe(plugins.Outcome{Verdict: o.Verdict.String(), Reason: string(o.Reason), Input: o.Input, Time: time.Now()})
}

// observed is the recorder of the Snapshot's logins.
func (s *Snapshot) observed(r proxy.Recorder) proxy.Recorder {
	if s.helpers == nil || !s.helpers.Observes() {
		return r
	}
	return observing{r, s.helpers}
}
