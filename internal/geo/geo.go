package geo

import (
	"cmp"
	"context"
	"log/slog"
	"math"
	"net/netip"
	"sync"
	"time"

	"github.com/sallyport-auth/sallyport/config"
)

// Place is where an address is. All fields but Known are zero when it is false.
type Place struct {
	Known bool
	// Continent is a code of two letters ("EU"), Country one of ISO 3166-1 ("FR"),
	// City the name in English. Each is empty where the file does not say it.
	Continent, Country, City string
	// Lat and Long are in degrees. Positioned is false where the file has none, as
	// files of countries do; both are 0 then.
	Lat, Long  float64
	Positioned bool
}

// Network is the autonomous system that announces an address. All fields but
// Known are zero when it is false.
type Network struct {
	Known bool
	ASN   uint
	Org   string
	// Network is the part that holds the address, as the file has it.
	Network netip.Prefix
}

// pollInterval is how often the files are looked at. A change is read when two
// looks in a row see the same.
const pollInterval = 5 * time.Second

// Options are what a DB needs beside its configuration.
type Options struct {
	// Log is told of files that are read, and of those that cannot be.
	Log *slog.Logger
	// Poll is how often the files are looked at; five seconds if it is 0.
	Poll time.Duration
}

// DB is the files that the configuration names. Its methods are safe for
// concurrent use.
type DB struct {
	city, asn *file // nil: not configured

	cancel  context.CancelFunc
	running sync.WaitGroup
}

// Open reads the files and starts to watch them; Status says which could not be
// read. Close it in the end.
func Open(cfg config.GeoIP, o Options) *DB {
	d := &DB{cancel: func() {}}
	if cfg.City != "" {
		d.city = newFile("city", cfg.City, o.Log, "City", "Country", "Enterprise", "Location")
	}
	if cfg.ASN != "" {
		d.asn = newFile("asn", cfg.ASN, o.Log, "ASN", "ISP")
	}
	files := d.files()
	if len(files) == 0 {
		return d
	}
	for _, f := range files {
		f.load()
	}
	ctx, cancel := context.WithCancel(context.Background())
	d.cancel = cancel
	d.running.Go(func() { watch(ctx, files, cmp.Or(o.Poll, pollInterval)) })
	return d
}

// watch looks at the files until ctx ends.
func watch(ctx context.Context, files []*file, interval time.Duration) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for _, f := range files {
			f.look()
		}
	}
}

// Close ends the watch and waits for it. What was read stays readable.
func (d *DB) Close() error {
	d.cancel()
	d.running.Wait()
	return nil
}

func (d *DB) files() []*file {
	var list []*file
	for _, f := range []*file{d.city, d.asn} {
		if f != nil {
			list = append(list, f)
		}
	}
	return list
}

// placeRecord is what we read of a record in a file of cities or countries.
type placeRecord struct {
	Continent struct {
		Code string `maxminddb:"code"`
	} `maxminddb:"continent"`
	Country struct {
		ISO string `maxminddb:"iso_code"`
	} `maxminddb:"country"`
	City struct {
		Names struct {
			English string `maxminddb:"en"`
		} `maxminddb:"names"`
	} `maxminddb:"city"`
	Location struct {
		Lat  float64 `maxminddb:"latitude"`
		Long float64 `maxminddb:"longitude"`
	} `maxminddb:"location"`
}

// networkRecord is what we read of a record in a file of autonomous systems.
type networkRecord struct {
	ASN uint   `maxminddb:"autonomous_system_number"`
	Org string `maxminddb:"autonomous_system_organization"`
}

// Locate says what the files know of an address. It does not wait for anything.
func (d *DB) Locate(addr netip.Addr) (Place, Network) {
	addr = addr.Unmap()
	return d.place(addr), d.network(addr)
}

func (d *DB) place(addr netip.Addr) Place {
	var r placeRecord
	r.Location.Lat, r.Location.Long = math.NaN(), math.NaN() // stay where the record has none
	if _, found := d.city.find(addr, &r); !found {
		return Place{}
	}
	p := Place{Continent: r.Continent.Code, Country: r.Country.ISO, City: r.City.Names.English}
	if lat, long := r.Location.Lat, r.Location.Long; math.Abs(lat) <= 90 && math.Abs(long) <= 180 {
		p.Lat, p.Long, p.Positioned = lat, long, true
	}
	p.Known = p != Place{} // a record may speak of something else alone, such as anonymity
	return p
}

func (d *DB) network(addr netip.Addr) Network {
	var r networkRecord
	prefix, found := d.asn.find(addr, &r)
	if !found || r.ASN == 0 {
		return Network{}
	}
	return Network{Known: true, ASN: r.ASN, Org: r.Org, Network: prefix}
}
