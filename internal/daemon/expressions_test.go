package daemon

import (
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport/config"
)

// TestCheckShowsWarningsOfExpressions, and the start logs them.
func TestCheckShowsWarningsOfExpressions(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "users.csv", people)
	write(t, dir, "sallyport.yaml", minimal+"policies: {expressions: .}\n")
	write(t, dir, "p.rego", "package sallyport.policies.p\n\ndefault allow := false\n\nallow if not input.geoip.country == \"RU\"\n")
	cfg, err := config.Load(filepath.Join(dir, "sallyport.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	warnings, _, err := Check(t.Context(), cfg, t.TempDir(), slog.New(slog.DiscardHandler))
	if err != nil || len(warnings) != 1 {
		t.Fatalf("warnings %v, error %v", warnings, err)
	}
	if text := warnings[0].String(); !strings.HasPrefix(text, filepath.Join(dir, "p.rego")+":5:10: input.geoip.country may be null") {
		t.Errorf("warning %s", text)
	}
}

// TestBundleNeedsItsKey: what the configuration says of the signature reaches
// whoever reads the bundle.
func TestBundleNeedsItsKey(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "users.csv", people)
	write(t, dir, "sallyport.yaml", minimal+"policies: {expressions: p.tar.gz, bundle: {public_key: gone.pem}}\n")
	write(t, dir, "p.tar.gz", "no bundle")
	cfg, err := config.Load(filepath.Join(dir, "sallyport.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := Check(t.Context(), cfg, t.TempDir(), slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "p.tar.gz: it is no bundle") {
		t.Errorf("error %v", err)
	}
}
