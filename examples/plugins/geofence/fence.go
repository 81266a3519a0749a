package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/sallyport-auth/sallyport/plugins/sdk"
)

// maxSites bounds the list of sites.
const maxSites = 1000

// What inside answers for a login from nobody knows where.
const (
	unknownError   = "error"
	unknownInside  = "inside"
	unknownOutside = "outside"
)

// settings are the program's section of the configuration.
type settings struct {
	Sites   []siteSettings `config:"sites"`
	Unknown string         `config:"unknown"`
	Peer    bool           `config:"peer"`
}

// siteSettings are one site; what must be said is a pointer.
type siteSettings struct {
	Name   string   `config:"name"`
	Lat    *float64 `config:"lat"`
	Long   *float64 `config:"long"`
	Radius *float64 `config:"radius_km"`
}

// site is a circle on the earth.
type site struct {
	name   string
	center point
	radius float64 // km
}

// fence answers where logins come from.
type fence struct {
	sites   []site
	unknown string
	peer    bool // the peer's location is as good as the user's
}

func (f *fence) configure(_ context.Context, s settings) error {
	var faults []error
	fault := func(path, format string, args ...any) {
		faults = append(faults, sdk.ConfigFault(path, format, args...))
	}
	switch s.Unknown {
	case unknownError, unknownInside, unknownOutside:
	default:
		fault("unknown", "%q is none of error, inside, outside", s.Unknown)
	}
	if n := len(s.Sites); n == 0 || n > maxSites {
		fault("sites", "lists %d sites: want 1 to %d", n, maxSites)
	}
	seen := make(map[string]bool)
	for i, one := range s.Sites {
		at := fmt.Sprintf("sites[%d]", i)
		switch {
		case one.Name == "":
			fault(at, "has no name")
		case seen[one.Name]:
			fault(at+".name", "%q is the name of another site too", one.Name)
		}
		seen[one.Name] = true
		switch {
		case one.Lat == nil || one.Long == nil:
			fault(at, "has no place: give lat and long in degrees, such as lat: 52.52, long: 13.41")
			continue
		case !(point{*one.Lat, *one.Long}).valid():
			fault(at, "lat goes from -90 to 90, long from -180 to 180")
		}
		if one.Radius == nil || *one.Radius <= 0 {
			fault(at, "radius_km must be given, and more than 0")
			continue
		}
		f.sites = append(f.sites, site{one.Name, point{*one.Lat, *one.Long}, *one.Radius})
	}
	f.unknown, f.peer = s.Unknown, s.Peer
	return errors.Join(faults...)
}

// errUnknown is why there is no answer about a login from nobody knows where.
var errUnknown = errors.New("it is not known where the login comes from")

// locate is where a login comes from, if that is known.
func (f *fence) locate(login sdk.Facts) (at point, known bool, err error) {
	if !login.Has("geoip.lat") || !login.Has("geoip.long") || !f.peer && !login.Boolean("client_ip_known") {
		return point{}, false, nil
	}
	at = point{login.Number("geoip.lat"), login.Number("geoip.long")}
	if !at.valid() {
		return point{}, false, fmt.Errorf("the location of the login is none: latitude %g, longitude %g", at.lat, at.long)
	}
	return at, true, nil
}

// inside reports whether a login comes from within one of the sites.
func (f *fence) inside(login sdk.Facts, sites []site) (bool, error) {
	at, known, err := f.locate(login)
	switch {
	case err != nil:
		return false, err
	case !known && f.unknown == unknownError:
		return false, errUnknown
	case !known:
		return f.unknown == unknownInside, nil
	}
	for _, s := range sites {
		if at.distance(s.center) <= s.radius {
			return true, nil
		}
	}
	return false, nil
}

func (f *fence) insideSite(_ context.Context, login sdk.Facts, name string) (bool, error) {
	s, err := f.site(name)
	if err != nil {
		return false, err
	}
	return f.inside(login, []site{s})
}

func (f *fence) distance(_ context.Context, login sdk.Facts, name string) (float64, error) {
	s, err := f.site(name)
	if err != nil {
		return 0, err
	}
	at, known, err := f.locate(login)
	if err == nil && !known {
		err = errUnknown
	}
	return at.distance(s.center), err
}

func (f *fence) site(name string) (site, error) {
	names := make([]string, len(f.sites))
	for i, s := range f.sites {
		if s.name == name {
			return s, nil
		}
		names[i] = s.name
	}
	return site{}, fmt.Errorf("there is no site %q among the settings; there are: %s", name, strings.Join(names, ", "))
}
