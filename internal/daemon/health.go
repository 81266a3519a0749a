package daemon

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/sallyport-auth/sallyport/plugins"
)

// component is the state of one part of the daemon, for /readyz.
type component struct {
	Ready  bool   `json:"ready"`
	Detail string `json:"detail,omitempty"`
}

// handler serves /healthz (the process lives), /readyz (it can decide logins,
// with the state of each component) and /metrics.
func (d *Daemon) handler(registry *prometheus.Registry) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("ok\n"))
	})
	mux.HandleFunc("GET /readyz", d.serveReadiness)
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{Timeout: 5 * time.Second}))
	return mux
}

func (d *Daemon) serveReadiness(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
	defer cancel()
	components, ready := d.readiness(ctx)
	answer := struct {
		Ready      bool                 `json:"ready"`
		Components map[string]component `json:"components"`
	}{ready, components}
	w.Header().Set("Content-Type", "application/json")
	if !answer.Ready {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	_ = enc.Encode(answer) // the client has gone; there is nobody to tell
}

// readiness asks every component. All must be ready, but of the directories only
// one: the others' users cannot log in here, nor anywhere else as long as they
// are down. A failed reload is told and does not make us unready: the old
// configuration goes on. So do the policies that were in force when a change of
// the stored ones cannot be taken over.
func (d *Daemon) readiness(ctx context.Context) (components map[string]component, ready bool) {
	s := d.snapshot.Load()
	components = map[string]component{
		"configuration": {Ready: true, Detail: "loaded " + s.loaded.UTC().Format(time.RFC3339)},
		"listeners":     {Ready: !d.draining.Load()},
		"store":         {Ready: true},
	}
	if text := d.reloadFault.Load(); text != nil {
		components["configuration"] = component{Ready: true, Detail: "the last reload failed, the configuration before it goes on: " + *text}
	}
	components["policies"] = component{Ready: true, Detail: fmt.Sprintf("revision %d of the store", s.revision)}
	if text := d.policyFault.Load(); text != nil {
		components["policies"] = component{Ready: true, Detail: "the stored policies cannot be taken over, the ones before go on: " + *text}
	}
	if err := d.store.Ping(ctx); err != nil {
		components["store"] = component{Detail: err.Error()}
	}
	for _, p := range s.helpers.Status() {
		c := component{Ready: p.State == plugins.Ready, Detail: string(p.State)}
		if p.LastError != "" {
			c.Detail += ": " + p.LastError
		}
		components["plugin "+p.Name] = c
	}
	maps.Copy(components, s.outside.readiness())
	ready = true
	for _, c := range components {
		ready = ready && c.Ready
	}
	directories, usable := s.directoryReadiness(components["store"])
	for name, c := range directories {
		components["directory "+name] = c
	}
	return components, ready && usable
}
