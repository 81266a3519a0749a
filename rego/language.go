package rego

import (
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"
)

// removal says why policies do not have a function of OPA, and what to use.
type removal struct{ why, instead string }

const (
	reachesOut   = "it reaches out of the process"
	tellsAbout   = "it tells about the process"
	random       = "it answers differently each time"
	privateKeys  = "private keys have no place in policies"
	credentials  = "it makes credentials"
	hiddenClock  = "it looks at the clock in hiding"
	unstoppable  = "a number from outside makes it run on behind every deadline"
	usePlugin    = "use a plugin"
	useInputNow  = "check the signature with io.jwt.verify_… and compare the times with input.now"
	useX509Parse = "use crypto.x509.parse_certificates and compare the times with input.now"
)

// removed are the functions of OPA that policies do not get: those that reach
// out of the process or tell about it, that answer differently each time without
// being seen to, that deal in private keys, and that no deadline ends.
// docs/policies/language.md has the same list.
var removed = map[string]removal{
	"http.send":          {reachesOut, "use requests.get or requests.post"},
	"net.lookup_ip_addr": {reachesOut, "use resolve_dns"},
	"json.match_schema":  {reachesOut + " where a schema refers to another", "test the fields themselves"},
	"json.verify_schema": {reachesOut + " where a schema refers to another", "test the fields themselves"},

	"opa.runtime":       {tellsAbout, "put what the policy needs into a data file"},
	"rego.parse_module": {tellsAbout, "use `sallyport policy test`"},
	"trace":             {tellsAbout, "use print"},

	"rand.intn":    {random, "decide by facts"},
	"uuid.rfc4122": {random, "use input.request.id"},

	"crypto.parse_private_keys":         {privateKeys, usePlugin},
	"crypto.x509.parse_keypair":         {privateKeys, usePlugin},
	"crypto.x509.parse_rsa_private_key": {privateKeys, usePlugin},
	"io.jwt.encode_sign":                {credentials, usePlugin},
	"io.jwt.encode_sign_raw":            {credentials, usePlugin},
	"providers.aws.sign_req":            {credentials, usePlugin},

	"bits.lsh":                {unstoppable, "multiply"},
	"strings.render_template": {unstoppable, "use sprintf or concat"},

	"io.jwt.decode_verify":                                   {hiddenClock, useInputNow},
	"crypto.x509.parse_and_verify_certificates":              {hiddenClock, useX509Parse},
	"crypto.x509.parse_and_verify_certificates_with_options": {hiddenClock, useX509Parse},
}

// reserved are functions that a policy written elsewhere may use, and why they
// are not here.
var reserved = map[string]string{
	"ak_send_email":     "not available in an authentication proxy; use a plugin",
	"ak_create_jwt":     "not available in an authentication proxy; use a plugin",
	"ak_create_jwt_raw": "not available in an authentication proxy; use a plugin",
	"ak_device":         "not available in an authentication proxy; ask with ak_user_has_authenticator",
	"test.login":        "tests alone have it, files that end in _test.rego",
	"test.decide":       "tests alone have it, files that end in _test.rego; a policy asks another one by ak_call_policy",
}

// capabilities is the language that policies are written in: Rego v1 without the
// removed functions, and no network. The list is the caller's own.
func capabilities() *ast.Capabilities {
	c := ast.CapabilitiesForThisVersion(ast.CapabilitiesRegoVersion(ast.RegoV1))
	c.Builtins = slices.DeleteFunc(c.Builtins, func(b *ast.Builtin) bool {
		_, ok := removed[b.Name]
		return ok
	})
	c.AllowNet = []string{}
	c.Features = []string{ast.FeatureRegoV1}
	return c
}

// missing says why a function is not here and what to use, as the rest of a
// sentence; empty if it is not known at all.
func missing(function string) string {
	if r, ok := removed[function]; ok {
		return "not available in policies: " + r.why + "; " + r.instead
	}
	return reserved[function]
}
