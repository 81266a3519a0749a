package daemon

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/sallyport-auth/sallyport/config"
)

// watch reloads whenever it is asked to, and takes changes of the stored policies
// over: one after the other, since both replace the Snapshot.
func (d *Daemon) watch(ctx context.Context) error {
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	var p policyPoll
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			d.pollPolicies(ctx, &p)
			continue
		case <-d.options.Reload:
		}
		err := d.reload(ctx)
		if err != nil {
			text := err.Error()
			d.reloadFault.Store(&text)
			d.log.Error("reload failed, the configuration before it goes on", "error", text)
			continue
		}
		d.reloadFault.Store(nil)
		d.log.Info("reloaded")
	}
}

// reload builds a Snapshot of the configuration as it is now. An error means that
// nothing has changed.
func (d *Daemon) reload(ctx context.Context) error {
	cfg, err := d.options.Load()
	if err != nil {
		return err
	}
	if err := unchangeable(d.snapshot.Load().cfg, cfg); err != nil {
		return err
	}
	if err := d.replace(ctx, cfg); err != nil {
		return err
	}
	if d.options.Level != nil {
		d.options.Level.Set(logLevel(cfg.Log.Level))
	}
	return nil
}

// replace builds a Snapshot beside the present one and puts it in its place. An
// error means that nothing has changed.
func (d *Daemon) replace(ctx context.Context, cfg *config.Config) error {
	old := d.snapshot.Load()
	fresh, err := build(ctx, cfg, d.resources())
	if err != nil {
		return err
	}
	d.snapshot.Store(fresh)
	d.radius.Use(fresh.radius)
	d.ldap.Use(fresh.ldap)
	d.policyFault.Store(nil)
	d.retire(old)
	return nil
}

// unchangeable reports the settings that only a restart can change.
func unchangeable(old, fresh *config.Config) error {
	var faults []error
	for _, s := range []struct {
		path     string
		old, new any
	}{
		{"listen", old.Listen, fresh.Listen},
		{"store", old.StoreFile(), fresh.StoreFile()},
		{"radius.workers", old.RADIUS.Workers, fresh.RADIUS.Workers},
		{"radius.queue", old.RADIUS.Queue, fresh.RADIUS.Queue},
		{"radius.duplicate_window", old.RADIUS.DuplicateWindow, fresh.RADIUS.DuplicateWindow},
		{"radius.duplicate_entries", old.RADIUS.DuplicateEntries, fresh.RADIUS.DuplicateEntries},
		{"ldap.max_connections", old.LDAP.MaxConnections, fresh.LDAP.MaxConnections},
		{"ldap.max_connections_per_address", old.LDAP.MaxConnectionsPerAddress, fresh.LDAP.MaxConnectionsPerAddress},
		{"ldap.workers", old.LDAP.Workers, fresh.LDAP.Workers},
		{"ldap.idle_timeout", old.LDAP.IdleTimeout, fresh.LDAP.IdleTimeout},
		{"log.format", old.Log.Format, fresh.Log.Format},
	} {
		if !reflect.DeepEqual(s.old, s.new) {
			faults = append(faults, fresh.Fault(s.path, "cannot change while running; restart Sallyport to change it"))
		}
	}
	if len(faults) > 0 {
		return fmt.Errorf("nothing was changed: %w", errors.Join(faults...))
	}
	return nil
}

// retire closes a Snapshot when the last login that can still use it has ended:
// a request waits for a worker, and its login takes its time. It does so at once
// when the front-ends have stopped.
func (d *Daemon) retire(old *Snapshot) {
	d.retiring.Go(func() {
		idle := time.NewTimer(d.patience + old.cfg.Login.Timeout + time.Second)
		defer idle.Stop()
		select {
		case <-idle.C:
		case <-d.over:
		}
		old.Close()
	})
}
