package plugins

import (
	"crypto/sha256"
	"fmt"
	"io"

	"github.com/sallyport-auth/sallyport/config"
)

// Fingerprint is equal for two configurations whose helpers are the same: equal
// settings, and the same bytes in the manifest and in every listed program now.
// A Host that was opened with this fingerprint need not be replaced. An error
// means that Open would fail too, and say more.
func Fingerprint(cfg *config.Config) ([sha256.Size]byte, error) {
	sum := sha256.New()
	fmt.Fprintf(sum, "%#v", cfg.Plugins) // maps are printed in the order of their keys
	dir, err := openDirectory(cfg)
	if err != nil {
		return [sha256.Size]byte{}, err
	}
	if dir != nil {
		defer dir.close()
		names := []string{cfg.Plugins.Manifest}
		for _, a := range cfg.Plugins.Allow {
			names = append(names, a.Name)
		}
		for _, name := range names {
			if err := dir.addTo(sum, name); err != nil {
				return [sha256.Size]byte{}, err
			}
		}
	}
	return [sha256.Size]byte(sum.Sum(nil)), nil
}

// addTo writes the digest of a file; no name counts as an empty one.
func (d *directory) addTo(w io.Writer, name string) error {
	one := sha256.New()
	if name != "" {
		f, _, err := d.open(name)
		if err != nil {
			return fmt.Errorf("read %s: %w", name, err)
		}
		defer f.Close()
		if _, err := io.Copy(one, io.LimitReader(f, maxProgram+1)); err != nil {
			return fmt.Errorf("read %s: %w", name, err)
		}
	}
	_, err := w.Write(one.Sum(nil))
	return err
}
