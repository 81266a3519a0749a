package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"sync/atomic"
	"time"

	"github.com/sallyport-auth/sallyport/plugins/sdk"
)

// maxUsers bounds the setting users.
const maxUsers = 250_000

// What speed_kmh answers for a login from nobody knows where.
const (
	unknownSkip  = "skip"
	unknownError = "error"
)

// settings are the program's section of the configuration.
type settings struct {
	Tolerance   float64       `config:"tolerance_km"`
	ForgetAfter time.Duration `config:"forget_after"`
	Users       int           `config:"users"`
	Unknown     string        `config:"unknown"`
	Peer        bool          `config:"peer"`
	State       string        `config:"state"`
}

func defaults() settings {
	return settings{Tolerance: 100, ForgetAfter: 30 * 24 * time.Hour, Users: 10_000, Unknown: unknownSkip}
}

// travel answers how fast users travel.
type travel struct {
	log io.Writer // what goes wrong between the calls

	settings
	places atomic.Pointer[places] // nil before it was configured
}

func (t *travel) configure(_ context.Context, s settings) error {
	var faults []error
	fault := func(path, format string, args ...any) {
		faults = append(faults, sdk.ConfigFault(path, format, args...))
	}
	if s.Tolerance < 0 || s.Tolerance > 2000 {
		fault("tolerance_km", "is %g: want 0 to 2000 km", s.Tolerance)
	}
	if s.ForgetAfter < time.Minute || s.ForgetAfter > 366*24*time.Hour {
		fault("forget_after", "is %s: want a minute to 8784h, a year", s.ForgetAfter)
	}
	if s.Users < 1 || s.Users > maxUsers {
		fault("users", "is %d: say how many users are remembered, 1 to %d", s.Users, maxUsers)
	}
	if s.Unknown != unknownSkip && s.Unknown != unknownError {
		fault("unknown", "%q is neither skip nor error", s.Unknown)
	}
	if len(faults) > 0 {
		return errors.Join(faults...)
	}
	p := newPlaces(s.Users, s.ForgetAfter)
	if s.State != "" {
		saved, err := readState(s.State)
		if err != nil {
			return sdk.ConfigFault("state", "%w", err)
		}
		p.merge(saved)
	}
	t.settings = s
	t.places.Store(p)
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

// locate is where a login comes from, if that is known. Private addresses have no
// place, and where the peer is says nothing of the user.
func (t *travel) locate(login sdk.Facts) (at point, known bool, err error) {
	if !login.Has("geoip.lat") || !login.Has("geoip.long") || !t.Peer && !login.Boolean("client_ip_known") {
		return point{}, false, nil
	}
	at = point{login.Number("geoip.lat"), login.Number("geoip.long")}
	if !at.valid() {
		return point{}, false, fmt.Errorf("the location of the login is none: latitude %g, longitude %g", at.lat, at.long)
	}
	return at, true, nil
}

// observe remembers where an accepted login came from.
func (t *travel) observe(_ context.Context, o sdk.Outcome) error {
	if !o.Accepted() {
		return nil
	}
	at, known, err := t.locate(o.Facts)
	if err != nil || !known {
		return err
	}
	user, err := userKey(o.Facts)
	if err != nil {
		return err
	}
	t.places.Load().add(user, visit{at, o.Time.Unix()})
	return nil
}

// speed is how fast the user must have travelled, in km/h.
func (t *travel) speed(_ context.Context, login sdk.Facts) (float64, error) {
	user, err := userKey(login)
	if err != nil {
		return 0, err
	}
	at, known, err := t.locate(login)
	switch {
	case err != nil:
		return 0, err
	case !known && t.Unknown == unknownError:
		return 0, errors.New("it is not known where the login comes from")
	case !known:
		return 0, nil
	}
	now := int64(login.Number("now.unix"))
	last, ok := t.places.Load().last(user, now)
	if !ok {
		return 0, nil
	}
	way := at.distance(last.at) - t.Tolerance
	if way <= 0 {
		return 0, nil
	}
	hours := float64(max(1, now-last.unix)) / 3600 // at the same second: nearly infinite
	return math.Round(way / hours), nil
}

func (t *travel) possible(ctx context.Context, login sdk.Facts, most float64) (bool, error) {
	if most <= 0 {
		return false, fmt.Errorf("max_kmh %g: want more than 0", most)
	}
	speed, err := t.speed(ctx, login)
	return err == nil && speed <= most, err
}
