package plugins

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/plugins/proto"
)

const (
	maxManifest = 1 << 20   // bytes
	maxProgram  = 512 << 20 // bytes; Go programs have ten to thirty MiB
)

// directory is the verified directory that programs come from. Files are opened
// through root, which follows no symbolic link out of it.
type directory struct {
	cfg  *config.Config
	path string
	root *os.Root
}

// openDirectory opens and checks the directory; nil without an error means that
// there is none and that none is needed.
func openDirectory(cfg *config.Config) (*directory, error) {
	if cfg.Plugins.Directory == "" {
		if len(cfg.Plugins.Allow) > 0 {
			return nil, cfg.Fault("plugins.allow", "no plugins.directory is set: name the directory that holds these programs")
		}
		return nil, nil
	}
	path, err := filepath.Abs(cfg.Plugins.Directory)
	if err != nil {
		return nil, cfg.Fault("plugins.directory", "%w", err)
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, cfg.Fault("plugins.directory", "open directory: %w", err)
	}
	d := &directory{cfg: cfg, path: path, root: root}
	info, err := root.Stat(".")
	if err == nil {
		err = trusted(info)
	}
	if err != nil {
		d.close()
		return nil, cfg.Fault("plugins.directory", "%s: %w", path, err)
	}
	return d, nil
}

func (d *directory) close() { _ = d.root.Close() }

// trusted reports an error for what others could have changed.
func trusted(info fs.FileInfo) error {
	if mode := info.Mode().Perm(); mode&0o022 != 0 {
		return fmt.Errorf("is writable by others (mode %04o): run chmod go-w on it", mode)
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && stat.Uid != 0 && int(stat.Uid) != os.Geteuid() {
		return fmt.Errorf("belongs to user %d: it must belong to root or to the user that runs Sallyport (%d)", stat.Uid, os.Geteuid())
	}
	return nil
}

// open opens a regular file that is trusted. It never blocks on a pipe.
func (d *directory) open(name string) (*os.File, fs.FileInfo, error) {
	f, err := d.root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("is not a regular file")
	}
	if err == nil {
		err = trusted(info)
	}
	if err != nil {
		_ = f.Close()
		return nil, nil, fmt.Errorf("%s: %w", filepath.Join(d.path, name), err)
	}
	return f, info, nil
}

// logUnlisted reports the programs that lie in the directory and are not run.
func (d *directory) logUnlisted(log *slog.Logger) {
	listed := make(map[string]bool)
	for _, a := range d.cfg.Plugins.Allow {
		listed[a.Name] = true
	}
	entries, err := fs.ReadDir(d.root.FS(), ".")
	if err != nil {
		log.Warn("plugin directory cannot be listed", "directory", d.path, "error", err)
		return
	}
	for _, e := range entries {
		info, err := d.root.Stat(e.Name())
		if listed[e.Name()] || (err == nil && (!info.Mode().IsRegular() || info.Mode()&0o111 == 0)) {
			continue
		}
		log.Warn("plugin is not listed in plugins.allow and is not run", "plugin", e.Name(), "directory", d.path)
	}
}

// install verifies every listed program and puts what was verified into the
// private directory. It returns the paths there, or all faults.
func (d *directory) install(to *privateDir) ([]string, error) {
	var (
		faults   []error
		manifest map[string]digest
		seen     = make(map[string]bool)
		paths    = make([]string, len(d.cfg.Plugins.Allow))
	)
	for i, a := range d.cfg.Plugins.Allow {
		at := func(key, format string, args ...any) {
			faults = append(faults, d.cfg.Fault(allowPath(i)+"."+key, format, args...))
		}
		switch {
		case !proto.ValidName(a.Name):
			at("name", "%.80q cannot be used in policies: name the program with letters, digits and underscores", a.Name)
			continue
		case seen[a.Name]:
			at("name", "%q is listed twice", a.Name)
			continue
		}
		seen[a.Name] = true
		if err := checkEnv(a.Env); err != nil {
			at("env", "%w", err)
		}
		var want digest
		var err error
		if a.SHA256 != "" {
			if want, err = parseDigest(a.SHA256); err != nil {
				at("sha256", "%w", err)
				continue
			}
		} else {
			if manifest == nil {
				if manifest, err = d.manifest(); err != nil {
					return nil, errors.Join(append(faults, d.cfg.Fault("plugins.manifest", "%w", err))...)
				}
			}
			var ok bool
			if want, ok = manifest[a.Name]; !ok {
				at("name", "%q has no line in %s: run sha256sum %s >>%s in %s, or set sha256",
					a.Name, d.cfg.Plugins.Manifest, a.Name, d.cfg.Plugins.Manifest, d.path)
				continue
			}
		}
		if paths[i], err = d.copyVerified(a.Name, want, to); err != nil {
			at("name", "%w", err)
		}
	}
	return paths, errors.Join(faults...)
}

// manifest reads the manifest file.
func (d *directory) manifest() (map[string]digest, error) {
	if d.cfg.Plugins.Manifest == "" {
		return nil, errors.New("no manifest is set: name the file with the SHA-256 of each program, or set sha256 for each")
	}
	f, _, err := d.open(d.cfg.Plugins.Manifest)
	if err != nil {
		return nil, fmt.Errorf("open manifest: %w (write it with sha256sum, or set sha256 for each program)", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxManifest+1))
	if err != nil {
		return nil, fmt.Errorf("read manifest: %w", err)
	}
	if len(text) > maxManifest {
		return nil, fmt.Errorf("%s is longer than %d bytes", f.Name(), maxManifest)
	}
	sums, err := parseManifest(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.Name(), err)
	}
	return sums, nil
}

// copyVerified copies a program into the private directory and hashes it on the
// way. The copy is what runs, so nobody can change the program between the check
// and the start, or between two starts.
func (d *directory) copyVerified(name string, want digest, to *privateDir) (string, error) {
	src, info, err := d.open(name)
	if err != nil {
		return "", fmt.Errorf("open program: %w", err)
	}
	defer src.Close()
	switch {
	case info.Mode()&0o111 == 0:
		return "", fmt.Errorf("%s is not executable: run chmod +x on it", src.Name())
	case info.Size() > maxProgram:
		return "", fmt.Errorf("%s is larger than %d MiB", src.Name(), maxProgram>>20)
	}
	path := to.binary(name)
	dst, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o500) //nolint:gosec // it is to be executed, by us alone
	if err != nil {
		return "", fmt.Errorf("copy program: %w", err)
	}
	hash := sha256.New()
	_, err = io.Copy(io.MultiWriter(dst, hash), io.LimitReader(src, maxProgram+1))
	if err = errors.Join(err, dst.Close()); err != nil {
		return "", fmt.Errorf("copy program %s: %w", src.Name(), err)
	}
	if got := digest(hash.Sum(nil)); got != want {
		return "", fmt.Errorf("%s has the SHA-256 %s, not %s: if you changed it on purpose, write the new one into the manifest (or sha256)",
			src.Name(), got, want)
	}
	return path, nil
}
