package rego

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/bundle"

	"github.com/sallyport-auth/sallyport/config"
)

const bundleSecret = "a secret for bundles"

// build makes a bundle of policies as opa build does; change may spoil it before
// it is written.
func build(t *testing.T, files map[string]string, documents map[string]any, change func(b *bundle.Bundle)) []byte {
	t.Helper()
	b := bundle.Bundle{Data: documents}
	b.Manifest.Init()
	b.Manifest.SetRegoVersion(ast.RegoV1)
	for _, name := range sortedKeys(files) {
		b.Modules = append(b.Modules, bundle.ModuleFile{
			URL: "/" + name, Path: "/" + name, RelativePath: "/" + name, Raw: []byte(files[name]),
			Parsed: ast.MustParseModuleWithOpts(files[name], ast.ParserOptions{RegoVersion: ast.RegoV1}),
		})
	}
	if change != nil {
		change(&b)
	}
	var packed bytes.Buffer
	if err := bundle.NewWriter(&packed).UseModulePath(true).DisableFormat(true).Write(b); err != nil {
		t.Fatal(err)
	}
	return packed.Bytes()
}

// sign signs a bundle with a secret or a private key in PEM.
func sign(t *testing.T, key, algorithm, id string, claims string) func(b *bundle.Bundle) {
	return func(b *bundle.Bundle) {
		file := ""
		if claims != "" {
			file = filepath.Join(t.TempDir(), "claims.json")
			if err := os.WriteFile(file, []byte(claims), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := b.GenerateSignature(bundle.NewSigningConfig(key, algorithm, file), id, true); err != nil {
			t.Fatal(err)
		}
	}
}

func pair(t *testing.T, private any, public any) (privatePEM, publicFile string) {
	t.Helper()
	p, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	q, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	publicFile = filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(publicFile, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: q}), 0o600); err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: p})), publicFile
}

func loadBundle(t *testing.T, packed []byte, b *config.Bundle) (*Set, error) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "policies.tar.gz")
	if err := os.WriteFile(name, packed, 0o600); err != nil {
		t.Fatal(err)
	}
	return Load(t.Context(), name, Options{Bundle: b})
}

func bundled() (map[string]string, map[string]any) {
	files := map[string]string{
		"vpn/p.rego":      policyText(`allow if input.request.user.username in data.staff`),
		"vpn/p_test.rego": "package sallyport.policies.p_test\ntest_x if true",
	}
	return files, map[string]any{"staff": []any{"alice"}}
}

func TestSignedBundles(t *testing.T) {
	files, documents := bundled()
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rsaPrivate, rsaPublic := pair(t, rsaKey, rsaKey.Public())
	ecPrivate, ecPublic := pair(t, ecKey, ecKey.Public())
	secret := config.NewSecret(bundleSecret)
	for _, tt := range []struct {
		name   string
		sign   func(*bundle.Bundle)
		verify config.Bundle
	}{
		{"secret", sign(t, bundleSecret, "HS256", "", ""), config.Bundle{Secret: secret, Algorithm: "HS256"}},
		{"RSA", sign(t, rsaPrivate, "RS256", "", ""), config.Bundle{PublicKey: rsaPublic, Algorithm: "RS256"}},
		{"ECDSA", sign(t, ecPrivate, "ES256", "", ""), config.Bundle{PublicKey: ecPublic, Algorithm: "ES256"}},
		{"key id", sign(t, bundleSecret, "HS256", "release", ""), config.Bundle{Secret: secret, Algorithm: "HS256", KeyID: "release"}},
		{"any key id", sign(t, bundleSecret, "HS256", "release", ""), config.Bundle{Secret: secret, Algorithm: "HS256"}},
		{"scope", sign(t, bundleSecret, "HS256", "", `{"scope": "write"}`), config.Bundle{Secret: secret, Algorithm: "HS256", Scope: "write"}},
		{"unsigned", nil, config.Bundle{Unsigned: true}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			packed := build(t, files, documents, tt.sign)
			set, err := loadBundle(t, packed, &tt.verify)
			if err != nil {
				t.Fatal(err)
			}
			for name, in := range map[string]bool{"alice": true, "bob": false} {
				if r, err := set.Expressions()["p"].Eval(t.Context(), user(name)); err != nil || r.Passing != in {
					t.Errorf("%s: %+v, error %v", name, r, err)
				}
			}
		})
	}
}

// entry is a file of an archive made by hand.
type entry struct {
	name, text string
	kind       byte
}

// archive packs entries.
func archive(t *testing.T, entries ...entry) []byte {
	t.Helper()
	var packed bytes.Buffer
	zipped := gzip.NewWriter(&packed)
	w := tar.NewWriter(zipped)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Mode: 0o600, Typeflag: tar.TypeReg}
		if e.kind != 0 {
			h.Typeflag, h.Linkname = e.kind, e.text
		} else {
			h.Size = int64(len(e.text))
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if h.Size > 0 {
			if _, err := w.Write([]byte(e.text)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := zipped.Close(); err != nil {
		t.Fatal(err)
	}
	return packed.Bytes()
}

// unpacked is an archive as entries.
func unpacked(t *testing.T, packed []byte) []entry {
	t.Helper()
	files, err := unpack("b", packed)
	if err != nil {
		t.Fatal(err)
	}
	var all []entry
	for _, f := range files {
		all = append(all, entry{name: "/" + f.path, text: string(f.text)})
	}
	return all
}

func TestBundlesRefused(t *testing.T) {
	files, documents := bundled()
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	rsaPrivate, rsaPublic := pair(t, rsaKey, rsaKey.Public())
	privateFile := filepath.Join(t.TempDir(), "private.pem")
	if err := os.WriteFile(privateFile, []byte(rsaPrivate), 0o600); err != nil {
		t.Fatal(err)
	}
	trusted := &config.Bundle{Secret: config.NewSecret(bundleSecret), Algorithm: "HS256"}
	signed := build(t, files, documents, sign(t, bundleSecret, "HS256", "", ""))
	// spoiled is the signed bundle with a change to its entries.
	spoiled := func(change func(e []entry) []entry) []byte { return archive(t, change(unpacked(t, signed))...) }
	replace := func(name, old, fresh string) []byte {
		return spoiled(func(entries []entry) []entry {
			for i := range entries {
				if entries[i].name == name {
					entries[i].text = strings.Replace(entries[i].text, old, fresh, 1)
				}
			}
			return entries
		})
	}
	unsigned := &config.Bundle{Unsigned: true}
	publicText, err := os.ReadFile(rsaPublic)
	if err != nil {
		t.Fatal(err)
	}
	unsignedToken := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." +
		base64.RawURLEncoding.EncodeToString([]byte(`{"files":[{"name":"p.rego","hash":"00","algorithm":"SHA-256"}]}`)) + "."
	p := entry{name: "p.rego", text: policyText("")}
	for _, tt := range []struct {
		name   string
		packed []byte
		verify *config.Bundle
		want   string
	}{
		{"nobody to trust", signed, nil, "nothing says who must have signed"},
		{"not signed", build(t, files, documents, nil), trusted, "it is not signed"},
		{"another secret", signed, &config.Bundle{Secret: config.NewSecret("another secret, longer"), Algorithm: "HS256"}, "verify the signature: failed to verify JWT signature"},
		{"another algorithm", signed, &config.Bundle{Secret: config.NewSecret(bundleSecret), Algorithm: "HS512"}, "failed to verify JWT signature"},
		{"public key as secret", build(t, files, documents, sign(t, rsaPrivate, "RS256", "", "")), trusted, "failed to verify JWT signature"},
		{"another key id", signed, &config.Bundle{Secret: config.NewSecret(bundleSecret), Algorithm: "HS256", KeyID: "release"}, "verify the signature: verification key"},
		{"another scope", signed, &config.Bundle{Secret: config.NewSecret(bundleSecret), Algorithm: "HS256", Scope: "write"}, "scope mismatch"},
		{"a private key", signed, &config.Bundle{PublicKey: privateFile, Algorithm: "RS256"}, `it holds a "PRIVATE KEY": write a public key`},
		{"no key file", signed, &config.Bundle{PublicKey: privateFile + ".gone", Algorithm: "RS256"}, "no such file"},
		{"key of another kind", signed, &config.Bundle{PublicKey: rsaPublic, Algorithm: "ES256"}, "verify the signature:"},
		{"no key", signed, &config.Bundle{Algorithm: "HS256"}, "there is no key"},
		{"changed policy", replace("/vpn/p.rego", "default allow := false", "default allow := true"), trusted, "digest mismatch"},
		{"changed data", replace("/data.json", "alice", "mallory"), trusted, "data.json: digest mismatch"},
		{"changed manifest", replace("/.manifest", `"roots":[""]`, `"roots":["x"]`), trusted, ".manifest: digest mismatch"},
		{"added policy", spoiled(func(e []entry) []entry {
			return append(e, entry{name: "/q.rego", text: "package sallyport.policies.q\ndefault allow := true"})
		}), trusted, "q.rego not included in bundle signature"},
		{"lost policy", spoiled(func(e []entry) []entry { return append(e[:len(e)-2:len(e)-2], e[len(e)-1]) }), trusted, "was signed and is not in the bundle"},
		{"twice", spoiled(func(e []entry) []entry { return append(e, e[0]) }), trusted, "is in it twice"},
		{"lost signature", spoiled(func(e []entry) []entry {
			var rest []entry
			for _, one := range e {
				if one.name != "/.signatures.json" {
					rest = append(rest, one)
				}
			}
			return rest
		}), trusted, "it is not signed"},
		{"signature that is none", archive(t, p, entry{name: ".signatures.json", text: "{"}), trusted, ".signatures.json:"},
		{"foreign verifier", archive(t, p, entry{name: ".signatures.json", text: `{"plugin": "x", "signatures": ["a.b.c"]}`}), trusted, `no verifier exists under id x`},
		{"no signatures", archive(t, p, entry{name: ".signatures.json", text: `{"signatures": []}`}), trusted, "missing JWT"},
		{"twice in another spelling", spoiled(func(e []entry) []entry { return append(e, entry{name: "./vpn/p.rego", text: e[0].text}) }), trusted, "vpn/p.rego is in it twice"},
		{"signature in another case", spoiled(func(e []entry) []entry { return append(e, entry{name: "/.Signatures.json", text: "{}"}) }), trusted, "is neither a policy"},
		{"signature further down", spoiled(func(e []entry) []entry { return append(e, entry{name: "/x/.signatures.json", text: "{}"}) }), trusted, "is neither a policy"},
		{"no algorithm", archive(t, p, entry{name: ".signatures.json", text: `{"signatures": ["` + unsignedToken + `"]}`}), trusted, "failed to verify JWT signature"},
		{"public key for a secret", build(t, files, documents, sign(t, string(publicText), "HS256", "", "")), &config.Bundle{PublicKey: rsaPublic, Algorithm: "HS256"}, "a public key is none"},

		{"no archive", []byte("package x"), unsigned, "it is no bundle"},
		{"cut off", signed[:len(signed)/2], unsigned, "read "},
		{"wasm", archive(t, p, entry{name: "/policy.wasm", text: "\x00asm"}), unsigned, "policy.wasm: compiled policies are not supported"},
		{"plan", archive(t, p, entry{name: "/plan.json", text: "{}"}), unsigned, "plan.json: compiled policies"},
		{"patch", archive(t, p, entry{name: "/patch.json", text: "{}"}), unsigned, "patch.json: changes to another bundle"},
		{"something else", archive(t, p, entry{name: "/bin/sh", text: "#"}), unsigned, "bin/sh is neither a policy"},
		{"way out", archive(t, entry{name: "../p.rego", text: p.text}), unsigned, "no proper file name"},
		{"way around", archive(t, entry{name: "/x/../p.rego", text: p.text}), unsigned, "no proper file name"},
		{"link", archive(t, entry{name: "/p.rego", text: "/etc/passwd", kind: tar.TypeSymlink}), unsigned, "no plain file"},
		{"large policy", archive(t, entry{name: "/p.rego", text: policyText("#" + strings.Repeat("x", maxFileSize))}), unsigned, "p.rego has more than"},
		{"bomb", bomb(t), unsigned, "octets unpacked"},
		{"other version", archive(t, p, entry{name: "/.manifest", text: `{"rego_version": 0, "roots": [""]}`}), unsigned, "rego_version is 0"},
		{"wasm in the manifest", archive(t, p, entry{name: "/.manifest", text: `{"wasm": [{"entrypoint": "x", "module": "y"}]}`}), unsigned, "compiled policies"},
		{"no manifest", archive(t, p, entry{name: "/.manifest", text: `x`}), unsigned, ".manifest:"},
		{"policy outside of the roots", archive(t, p, entry{name: "/.manifest", text: `{"roots": ["x"]}`}), unsigned, `p.rego: /sallyport/policies/p is outside of the roots ["x"]`},
		{"data outside of the roots", archive(t, p, entry{name: "/data.json", text: `{"a": {}, "x": {"y": 1}}`}, entry{name: "/.manifest", text: `{"roots": ["sallyport"]}`}), unsigned, "data.json: /x/y is outside of the roots"},
		{"data where rules are", archive(t, p, entry{name: "/data.json", text: `{"sallyport": {"x": 1}}`}), unsigned, "sallyport is the place of rules"},
		{"faulty policy", archive(t, entry{name: "/vpn/p.rego", text: "package sallyport.policies.p\nallow if x("}), unsigned, "policies.tar.gz/vpn/p.rego:2:"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := loadBundle(t, tt.packed, tt.verify)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("want %q, got %v", tt.want, err)
			}
			if err != nil && strings.Contains(err.Error(), bundleSecret) {
				t.Errorf("the error tells the secret: %v", err)
			}
		})
	}
}

// bomb is an archive that is small when it is packed: the same packed blanks for
// many files.
func bomb(t *testing.T) []byte {
	t.Helper()
	packed := func(write func(w *gzip.Writer) error) []byte {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		if err := errors.Join(write(w), w.Close()); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	blanks := packed(func(w *gzip.Writer) error {
		_, err := w.Write(bytes.Repeat([]byte(" "), maxDataSize))
		return err
	})
	var all []byte
	for i := range maxTotalSize/maxDataSize + 1 {
		header := &tar.Header{Name: "/" + strings.Repeat("x", i+1) + "/data.json", Mode: 0o600, Size: maxDataSize}
		all = append(all, packed(func(w *gzip.Writer) error { return tar.NewWriter(w).WriteHeader(header) })...)
		all = append(all, blanks...)
	}
	return all
}

func TestBundleOrDirectory(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "p.rego"), []byte(policyText("")), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(t.Context(), dir, Options{Bundle: &config.Bundle{Unsigned: true}}); err == nil {
		t.Error("a directory is taken for a bundle that was verified")
	}
}

func TestReadFiles(t *testing.T) {
	files, documents := bundled()
	name := filepath.Join(t.TempDir(), "policies.tar.gz")
	write(t, name, string(build(t, files, documents, nil)))
	got, err := ReadFiles(name, Options{Bundle: &config.Bundle{Unsigned: true}})
	if err != nil || len(got.Policies) != 1 || got.Tests[name+"/vpn/p_test.rego"] == nil || len(got.Data) != 1 {
		t.Errorf("files of a bundle: %v, error %v", got, err)
	}
	dir := t.TempDir()
	for name, text := range map[string]string{"p.rego": policyText(""), "p_test.rego": "package x_test\ntest_x if true", "data.json": "{}"} {
		write(t, filepath.Join(dir, name), text)
	}
	if got, err := ReadFiles(dir, Options{}); err != nil || len(got.Tests) != 1 || len(got.Policies) != 1 {
		t.Errorf("files of a directory: %v, error %v", got, err)
	}
	write(t, filepath.Join(dir, "q_test.rego"), "package x\n}")
	if _, err := ReadFiles(dir, Options{}); err == nil || !strings.Contains(err.Error(), "q_test.rego:2:1") {
		t.Errorf("a faulty test: %v", err)
	}
}

func FuzzUnpack(f *testing.F) {
	f.Add([]byte("\x1f\x8b"))
	var packed bytes.Buffer
	zipped := gzip.NewWriter(&packed)
	w := tar.NewWriter(zipped)
	if err := w.WriteHeader(&tar.Header{Name: "/p.rego", Mode: 0o600, Size: 1}); err != nil {
		f.Fatal(err)
	}
	if _, err := w.Write([]byte("x")); err != nil {
		f.Fatal(err)
	}
	if err := errors.Join(w.Close(), zipped.Close()); err != nil {
		f.Fatal(err)
	}
	f.Add(packed.Bytes())
	f.Fuzz(func(t *testing.T, packed []byte) {
		files, err := unpack("b", packed)
		if err != nil {
			return
		}
		for _, f := range files {
			if strings.HasPrefix(f.path, "/") || strings.Contains("/"+f.path+"/", "/../") {
				t.Errorf("the name %q leads out", f.path)
			}
		}
	})
}
