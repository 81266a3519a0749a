package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"path/filepath"
	"strings"
	"testing"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/bundle"
)

// packed is a bundle of policies with a signature of the key.
func packed(t *testing.T, key string, policies map[string]string) string {
	t.Helper()
	b := bundle.Bundle{Data: map[string]any{"staff": []any{"alice"}}}
	b.Manifest.Init()
	b.Manifest.SetRegoVersion(ast.RegoV1)
	for name, text := range policies {
		b.Modules = append(b.Modules, bundle.ModuleFile{
			URL: "/" + name, Path: "/" + name, RelativePath: "/" + name, Raw: []byte(text),
			Parsed: ast.MustParseModuleWithOpts(text, ast.ParserOptions{RegoVersion: ast.RegoV1}),
		})
	}
	if err := b.GenerateSignature(bundle.NewSigningConfig(key, "ES256", ""), "", true); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := bundle.NewWriter(&out).UseModulePath(true).DisableFormat(true).Write(b); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// signer makes a key: the private part, and the public one, both as PEM.
func signer(t *testing.T) (private, public string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	q, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: p})), string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: q}))
}

// TestSignedBundle: a bundle with the right signature decides logins, and one that
// somebody else signed never does.
func TestSignedBundle(t *testing.T) {
	t.Parallel()
	private, public := signer(t)
	stranger, _ := signer(t)
	policies := func(message string) map[string]string {
		return map[string]string{"vpn/staff.rego": named("staff", `allow if input.request.user.username in data.staff`+"\n\n"+`messages contains "`+message+`" if not allow`)}
	}
	text := expressive(app{"vpn", "bindings: [{policy: staff}]"}) + athome +
		"policies: {expressions: policies.tar.gz, bundle: {public_key: policies.pem, algorithm: ES256}}\n"
	dir := expressing(t, text, nil)
	put := func(key, message string) {
		t.Helper()
		writeFile(t, filepath.Join(quickstartDir(dir), "policies.tar.gz"), packed(t, key, policies(message)))
	}
	writeFile(t, filepath.Join(quickstartDir(dir), "policies.pem"), public)
	run := func(verb string) (string, int) {
		t.Helper()
		return command(t, dir, "", nil, filepath.Join(dir, "bin/sallyport"), "-c", "examples/quickstart/sallyport.yaml", verb)
	}
	put(stranger, "wrong")
	for _, verb := range []string{"check", "serve"} {
		if out, code := run(verb); code != 3 || !strings.Contains(out, "policies.tar.gz") || !strings.Contains(out, "sign") {
			t.Errorf("%s with a bundle of somebody else: exit code %d\n%s", verb, code, out)
		}
	}
	put(private, "right")
	if out, code := run("check"); code != 0 {
		t.Errorf("check with a signed bundle: exit code %d\n%s", code, out)
	}
	s := startIn(t, dir)
	b := s.binder(t)
	s.expect(b, "alice", "vpn", "ok")
	s.expect(b, "robert", "vpn", "policy_denied", "right")
	put(stranger, "wrong")
	s.hangup("reload failed")
	s.expect(b, "robert", "vpn", "policy_denied", "right")
	put(private, "newer")
	s.hangup("reloaded")
	s.expect(b, "robert", "vpn", "policy_denied", "newer")
}
