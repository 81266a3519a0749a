package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"reflect"
	"regexp"
	"runtime"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

const maxSecret = 64 << 10 // bytes in a secret file

var envName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// secretHow completes a fault of a secret.
const secretHow = "write {file: PATH} or {env: NAME}"

// secret reads a secret from where the file says. No fault shows its text.
func (d *decoder) secret(n ast.Node, path string, into *Secret, f field) {
	var text string
	var err error
	switch k, literal := classify(n); k {
	case kindText:
		if text = literal; f.literal {
			break
		}
		if text == "" {
			err = errEmpty
		} else {
			d.warn(path, "the secret stands in the file itself; better %s", secretHow)
		}
	case kindMap:
		var ok bool
		if text, ok, err = d.reference(n, path); !ok {
			return
		}
	case kindList, kindOther:
		err = fmt.Errorf("%s; %s", k, secretHow)
	default:
		err = fmt.Errorf("%s; put it in quotes, or better %s", k, secretHow)
	}
	if err != nil {
		d.fault(path, "%w", err)
		return
	}
	*into = NewSecret(text)
}

// reference follows {file: PATH} or {env: NAME}. It is not ok when faults of the
// reference itself were reported.
func (d *decoder) reference(n ast.Node, path string) (text string, ok bool, err error) {
	var ref struct {
		File string `yaml:"file"`
		Env  string `yaml:"env"`
	}
	before := len(d.faults)
	d.section(d.entries(n, path), path, reflect.ValueOf(&ref).Elem())
	switch {
	case len(d.faults) > before:
		return "", false, nil
	case (ref.File == "") == (ref.Env == ""):
		return "", true, fmt.Errorf("names no secret, or two; %s", secretHow)
	case ref.File != "":
		text, err = d.secretFile(path, d.file(ref.File))
		return text, true, err
	case !envName.MatchString(ref.Env):
		return "", true, fmt.Errorf("%q is not a name of an environment variable", ref.Env)
	}
	text, set := d.getenv(ref.Env)
	switch {
	case !set:
		return "", true, fmt.Errorf("the environment variable %s is not set", ref.Env)
	case text == "":
		return "", true, fmt.Errorf("the environment variable %s is empty", ref.Env)
	}
	return text, true, nil
}

// secretFile reads a secret, less one newline at its end.
func (d *decoder) secretFile(path, name string) (string, error) {
	info, err := os.Stat(name)
	if err != nil {
		return "", fmt.Errorf("read the secret: %w", err)
	}
	if !info.Mode().IsRegular() {
		return "", fmt.Errorf("read the secret: %s is not a plain file", name)
	}
	f, err := os.Open(name)
	if err != nil {
		return "", fmt.Errorf("read the secret: %w", err)
	}
	defer func() { _ = f.Close() }()
	data, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	if err != nil {
		return "", fmt.Errorf("read the secret: %w", err)
	}
	if len(data) > maxSecret {
		return "", fmt.Errorf("the secret file %s has more than %d bytes", name, maxSecret)
	}
	text := strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r")
	if text == "" {
		return "", errors.New("the secret file " + name + " is empty")
	}
	if runtime.GOOS != "windows" && info.Mode()&fs.FileMode(0o004) != 0 {
		d.warn(path, "the secret file %s can be read by everybody on this machine; chmod o-r it", name)
	}
	return text, nil
}

// warn adds a warning about the value at path.
func (d *decoder) warn(path, format string, args ...any) {
	f := d.places.fault(path, format, args...)
	d.warnings = append(d.warnings, Warning{f.File, f.Line, f.Column, f.Path, f.Err.Error()})
}
