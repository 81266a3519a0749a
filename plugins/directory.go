package plugins

import (
	"crypto/sha256"
	"encoding/json"
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

// Unlisted names the programs that lie in the plugin directory and are not run,
// because plugins.allow does not have them. Without a directory there are none.
func Unlisted(cfg *config.Config) ([]string, error) {
	d, err := openDirectory(cfg)
	if d == nil {
		return nil, err
	}
	defer d.close()
	return d.unlisted()
}

func (d *directory) unlisted() ([]string, error) {
	listed := make(map[string]bool)
	for _, a := range d.cfg.Plugins.Allow {
		listed[a.Name] = true
	}
	entries, err := fs.ReadDir(d.root.FS(), ".")
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", d.path, err)
	}
	var names []string
	for _, e := range entries {
		info, err := d.root.Stat(e.Name())
		if listed[e.Name()] || (err == nil && (!info.Mode().IsRegular() || info.Mode()&0o111 == 0)) {
			continue
		}
		names = append(names, e.Name())
	}
	return names, nil
}

// logUnlisted reports the programs that lie in the directory and are not run.
func (d *directory) logUnlisted(log *slog.Logger) {
	names, err := d.unlisted()
	if err != nil {
		log.Warn("plugin directory cannot be listed", "directory", d.path, "error", err)
	}
	for _, name := range names {
		log.Warn("plugin is not listed in plugins.allow and is not run", "plugin", name, "directory", d.path)
	}
}

// verified is a listed program whose file is what the manifest says.
type verified struct {
	cfg     config.Plugin
	index   int // in plugins.allow
	sum     digest
	key     digest // of everything that a process of it depends on
	dir     string
	account *account
}

// verify checks every listed program, or the one of that name, or reports all
// faults.
func (d *directory) verify(only string) ([]verified, error) {
	v := verifier{directory: d, seen: make(map[string]bool)}
	var all []verified
	for i, a := range d.cfg.Plugins.Allow {
		if only != "" && a.Name != only {
			continue
		}
		if one, ok := v.program(i, a); ok {
			all = append(all, one)
		}
	}
	return all, errors.Join(v.faults...)
}

// verifier is the work of verify.
type verifier struct {
	*directory
	faults   []error
	seen     map[string]bool
	manifest map[string]digest // nil before it was needed
	broken   bool              // the manifest, and it was said
}

func (v *verifier) fault(i int, key, format string, args ...any) {
	v.faults = append(v.faults, v.cfg.Fault(allowPath(i)+"."+key, format, args...))
}

func (v *verifier) program(i int, a config.Plugin) (verified, bool) {
	before := len(v.faults)
	switch {
	case !proto.ValidName(a.Name):
		v.fault(i, "name", "%.80q cannot be used in policies: name the program with letters, digits and underscores", a.Name)
		return verified{}, false
	case v.seen[a.Name]:
		v.fault(i, "name", "%q is listed twice", a.Name)
		return verified{}, false
	}
	v.seen[a.Name] = true
	if err := checkEnv(a.Env); err != nil {
		v.fault(i, "env", "%w", err)
	}
	account, err := findAccount(a.User)
	if err != nil {
		v.fault(i, "user", "%w", err)
	}
	if _, err := section(a.Config); err != nil {
		v.fault(i, "config", "%w", err)
	}
	want, ok := v.wanted(i, a)
	if !ok {
		return verified{}, false
	}
	got, err := v.read(a.Name, io.Discard)
	switch {
	case err != nil:
		v.fault(i, "name", "%w", err)
	case got != want:
		v.fault(i, "name", "%s has the SHA-256 %s, not %s: if you changed it on purpose, write the new one into the manifest (or sha256)",
			filepath.Join(v.path, a.Name), got, want)
	}
	one := verified{cfg: a, index: i, sum: got, key: settingsKey(got, v.path, v.cfg.Plugins.Sockets, a), dir: v.path, account: account}
	return one, len(v.faults) == before
}

// wanted is the SHA-256 that the program should have.
func (v *verifier) wanted(i int, a config.Plugin) (digest, bool) {
	if a.SHA256 != "" {
		want, err := parseDigest(a.SHA256)
		if err != nil {
			v.fault(i, "sha256", "%w", err)
		}
		return want, err == nil
	}
	if v.manifest == nil && !v.broken {
		var err error
		if v.manifest, err = v.readManifest(); err != nil {
			v.broken = true
			v.faults = append(v.faults, v.cfg.Fault("plugins.manifest", "%w", err))
		}
	}
	want, ok := v.manifest[a.Name]
	if !ok && !v.broken {
		v.fault(i, "name", "%q has no line in %s: run sha256sum %s >>%s in %s, or set sha256",
			a.Name, v.cfg.Plugins.Manifest, a.Name, v.cfg.Plugins.Manifest, v.path)
	}
	return want, ok
}

// settingsKey is equal for two programs that would run in the same way.
func settingsKey(sum digest, dir, sockets string, a config.Plugin) digest {
	a.SHA256 = "" // where the sum stands does not matter
	env := make(map[string]string, len(a.Env))
	for name, value := range a.Env {
		env[name] = value.Reveal()
	}
	// An error of a value that JSON does not have was reported before.
	text, _ := json.Marshal([]any{sum.String(), dir, sockets, a, env})
	return sha256.Sum256(text)
}

// readManifest reads the manifest file.
func (d *directory) readManifest() (map[string]digest, error) {
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

// read copies a program's file, and hashes it on the way.
func (d *directory) read(name string, to io.Writer) (digest, error) {
	src, info, err := d.open(name)
	if err != nil {
		return digest{}, fmt.Errorf("open program: %w", err)
	}
	defer src.Close()
	switch {
	case info.Mode()&0o111 == 0:
		return digest{}, fmt.Errorf("%s is not executable: run chmod +x on it", src.Name())
	case info.Size() > maxProgram:
		return digest{}, fmt.Errorf("%s is larger than %d MiB", src.Name(), maxProgram>>20)
	}
	hash := sha256.New()
	if _, err := io.Copy(io.MultiWriter(to, hash), io.LimitReader(src, maxProgram+1)); err != nil {
		return digest{}, fmt.Errorf("read program %s: %w", src.Name(), err)
	}
	return digest(hash.Sum(nil)), nil
}

// install copies a verified program into the private directory. The copy is
// hashed again and is what runs, so nobody can change the program between the
// check and the start, or between two starts.
func (d *directory) install(v verified, to *privateDir) (string, error) {
	dst, err := to.binary(v.cfg.Name)
	if err != nil {
		return "", fmt.Errorf("copy program: %w", err)
	}
	sum, err := d.read(v.cfg.Name, dst)
	if err == nil && sum != v.sum {
		err = errors.New("it was changed while it was read: reload when that has ended")
	}
	if err == nil {
		err = dst.Chmod(0o555) // whatever the umask says
	}
	if err = errors.Join(err, dst.Close()); err != nil {
		_ = os.RemoveAll(filepath.Dir(dst.Name()))
		return "", fmt.Errorf("copy program %s: %w", v.cfg.Name, err)
	}
	return dst.Name(), nil
}
