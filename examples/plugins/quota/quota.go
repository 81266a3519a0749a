package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"time"

	"github.com/sallyport-auth/sallyport/plugins/sdk"
)

// Bounds of the settings. A time takes eight bytes.
const (
	maxLimit  = 10_000
	maxWindow = 31 * 24 * time.Hour
	maxUsers  = 1_000_000
	maxTimes  = 10_000_000 // users times limit
)

// settings are the program's section of the configuration.
type settings struct {
	Limit        int           `config:"limit"`
	Window       time.Duration `config:"window"`
	Users        int           `config:"users"`
	Applications []string      `config:"applications"`
}

func defaults() settings { return settings{Window: 24 * time.Hour, Users: 10_000} }

// quota answers how many logins a user has had.
type quota struct {
	settings
	times *times
}

func (q *quota) configure(_ context.Context, s settings) error {
	var faults []error
	fault := func(path, format string, args ...any) {
		faults = append(faults, sdk.ConfigFault(path, format, args...))
	}
	if s.Limit < 1 || s.Limit > maxLimit {
		fault("limit", "is %d: say how many logins a user may have in the window, 1 to %d", s.Limit, maxLimit)
	}
	if s.Window < time.Second || s.Window > maxWindow {
		fault("window", "is %s: want one second to %s", s.Window, maxWindow)
	}
	switch {
	case s.Users < 1 || s.Users > maxUsers:
		fault("users", "is %d: say how many users are counted, 1 to %d", s.Users, maxUsers)
	case s.Limit <= maxLimit && s.Users*s.Limit > maxTimes:
		fault("users", "%d times a limit of %d is too much to remember: at most %d", s.Users, s.Limit, maxTimes)
	}
	if len(faults) > 0 {
		return errors.Join(faults...)
	}
	q.settings, q.times = s, newTimes(s.Users, s.Limit)
	return nil
}

// userKey names the user of a login: the identifier in the directory, or else the
// login there.
func userKey(login sdk.Facts) (string, error) {
	id := login.String("user.id")
	if id == "" {
		id = login.String("user.login")
	}
	if id == "" {
		return "", errors.New("it is not known who logs in")
	}
	return login.String("source.name") + "/" + id, nil
}

// observe counts an accepted login.
func (q *quota) observe(_ context.Context, o sdk.Outcome) error {
	if !o.Accepted() || len(q.Applications) > 0 && !slices.Contains(q.Applications, o.Application) {
		return nil
	}
	user, err := userKey(o.Facts)
	if err != nil {
		return err
	}
	now := o.Time.Unix()
	if last, forgotten := q.times.add(user, now); forgotten && now-last < int64(q.Window.Seconds()) {
		fmt.Fprintf(os.Stderr, "more than %d users log in within %s, and the longest absent one begins anew: raise users\n", q.Users, q.Window)
	}
	return nil
}

// count is how many logins of a user, up to the limit of the settings, were
// accepted within a window that ends now.
func (q *quota) count(login sdk.Facts, window time.Duration) (int, error) {
	user, err := userKey(login)
	if err != nil {
		return 0, err
	}
	since := int64(login.Number("now.unix")) - int64(math.Ceil(window.Seconds()))
	return q.times.since(user, since), nil
}

func (q *quota) used(_ context.Context, login sdk.Facts) (float64, error) {
	n, err := q.count(login, q.Window)
	return float64(n), err
}

func (q *quota) left(_ context.Context, login sdk.Facts) (float64, error) {
	n, err := q.count(login, q.Window)
	return float64(q.Limit - n), err
}

func (q *quota) under(_ context.Context, login sdk.Facts, limit float64, window string) (bool, error) {
	if limit != math.Trunc(limit) || limit < 1 || limit > float64(q.Limit) {
		return false, fmt.Errorf("limit %g: want a whole number from 1 to %d, the limit of the settings", limit, q.Limit)
	}
	span, err := time.ParseDuration(window)
	if err != nil || span <= 0 || span > q.Window {
		return false, fmt.Errorf("window %q: want a duration such as 90m, up to %s, the window of the settings", window, q.Window)
	}
	n, err := q.count(login, span)
	return err == nil && n < int(limit), err
}
