package daemon

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/sallyport-auth/sallyport/config"
)

// loadTLS makes the TLS configuration of the LDAP listeners, nil without a
// certificate.
func loadTLS(cfg *config.Config) (*tls.Config, error) {
	certFile, keyFile := cfg.TLS.Certificate, cfg.TLS.Key
	if dir := cfg.TLS.SelfSigned; dir != "" {
		made, err := ensureSelfSigned(dir)
		if err != nil {
			return nil, cfg.Fault("tls.self_signed", "%w", err)
		}
		certFile, keyFile = made.certificate, made.key
	}
	if certFile == "" {
		return nil, nil
	}
	cert, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return nil, cfg.Fault("tls.certificate", "load %s with key %s: %w", certFile, keyFile, err)
	}
	oldest := uint16(tls.VersionTLS12)
	if cfg.TLS.MinVersion == "1.3" {
		oldest = tls.VersionTLS13
	}
	return &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: oldest}, nil
}

// selfSigned are the files of a certificate that we made ourselves.
type selfSigned struct {
	authority, certificate, key string
}

func selfSignedIn(dir string) selfSigned {
	return selfSigned{
		authority:   filepath.Join(dir, "ca.pem"),
		certificate: filepath.Join(dir, "server.pem"),
		key:         filepath.Join(dir, "server.key"),
	}
}

// ensureSelfSigned returns the files in dir, and makes them if they are not
// there or about to expire. The authority's key is not kept: nothing else will
// ever be signed with it.
func ensureSelfSigned(dir string) (selfSigned, error) {
	files := selfSignedIn(dir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return files, fmt.Errorf("make directory for the certificate: %w", err)
	}
	if err := guarded(dir); err != nil {
		return files, err
	}
	usable, err := files.usable()
	if err != nil || usable {
		return files, err
	}
	pems, err := makeCertificate(hostNames())
	if err != nil {
		return files, fmt.Errorf("make certificate: %w", err)
	}
	for _, f := range []struct {
		name string
		data []byte
		mode fs.FileMode
	}{{files.key, pems.key, 0o600}, {files.certificate, pems.certificate, 0o644}, {files.authority, pems.authority, 0o644}} {
		if err := writeFile(f.name, f.data, f.mode); err != nil {
			return files, err
		}
	}
	return files, nil
}

// usable reports whether the certificate is there, fits its key and is good for
// another month. A file that is there but cannot be read is an error: it is not
// overwritten.
func (s selfSigned) usable() (bool, error) {
	for _, name := range []string{s.authority, s.certificate, s.key} {
		if _, err := os.Stat(name); errors.Is(err, fs.ErrNotExist) {
			return false, nil
		}
	}
	cert, err := tls.LoadX509KeyPair(s.certificate, s.key)
	if err != nil {
		return false, fmt.Errorf("load %s: %w; remove the directory to have a new certificate made", s.certificate, err)
	}
	return stillGood(cert.Leaf), nil
}

// guarded refuses a directory in which everybody on this machine could put
// another key, or read the one that is being made.
func guarded(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("look at the directory for the certificate: %w", err)
	}
	if mode := info.Mode().Perm(); mode&0o002 != 0 {
		return fmt.Errorf("%s is writable by everybody (mode %04o): run chmod o-w on it, or name a directory of its own", dir, mode)
	}
	return nil
}

// writeFile replaces a file as a whole: a reader sees the old one or the new.
// What is written first is a file that was not there before, so that nobody
// else has it open.
func writeFile(name string, data []byte, mode fs.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+"-")
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Chmod(mode), f.Close()); err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", name, err), os.Remove(f.Name()))
	}
	return nil
}
