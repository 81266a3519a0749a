package upstream

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"

	"github.com/sallyport-auth/sallyport/config"
)

// loadTLS makes what all servers of a directory have in common. The check of the
// server's certificate cannot be turned off.
func loadTLS(cfg config.UpstreamTLS) (*tls.Config, error) {
	t := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: cfg.ServerName}
	if cfg.MinVersion == "1.3" {
		t.MinVersion = tls.VersionTLS13
	}
	if cfg.CA != "" {
		pem, err := os.ReadFile(cfg.CA)
		if err != nil {
			return nil, fmt.Errorf("tls.ca: %w", err)
		}
		t.RootCAs = x509.NewCertPool()
		if !t.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("tls.ca: %s has no certificate in PEM form", cfg.CA)
		}
	}
	if cfg.Certificate == "" && cfg.Key == "" {
		return t, nil
	}
	pair, err := tls.LoadX509KeyPair(cfg.Certificate, cfg.Key)
	if err != nil {
		return nil, fmt.Errorf("tls.certificate: load %s with key %s: %w", cfg.Certificate, cfg.Key, err)
	}
	t.Certificates = []tls.Certificate{pair}
	return t, nil
}
