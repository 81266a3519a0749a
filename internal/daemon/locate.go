package daemon

import (
	"log/slog"
	"net/netip"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/geo"
	"github.com/sallyport-auth/sallyport/policyengine"
)

// Locate says where an address is, and whose, by the files that cfg names; what
// these do not know is not known. Files that cannot be read are told to log.
func Locate(cfg *config.Config, addr netip.Addr, log *slog.Logger) (policyengine.GeoFacts, policyengine.ASNFacts) {
	db := geo.Open(cfg.GeoIP, geo.Options{Log: log})
	defer db.Close()
	return locator{db}.Locate(addr)
}
