package config

// BundleSuffix is how the name of a bundle of expression policies ends; every
// other name is that of a directory.
const BundleSuffix = ".tar.gz"

// Bundle says who must have signed the bundle that policies.expressions names.
type Bundle struct {
	PublicKey string `yaml:"public_key" path:"true" doc:"PEM file with the public key, or the certificate, of whoever signs the bundle."`
	Secret    Secret `yaml:"secret" doc:"The secret that a bundle is signed with (HMAC), instead of public_key."`
	Algorithm string `yaml:"algorithm" enum:"RS256,RS384,RS512,PS256,PS384,PS512,ES256,ES384,ES512,HS256,HS384,HS512" doc:"The algorithm of the signature; another one is refused. Absent: RS256 with public_key, HS256 with secret."`
	KeyID     string `yaml:"key_id" doc:"The key id that the signature must name. Absent: any."`
	Scope     string `yaml:"scope" doc:"The scope that the signature must have. Absent: none."`
	Unsigned  bool   `yaml:"unsigned" default:"false" doc:"Take the bundle as it is, without looking at a signature. Whoever can write the file then decides who logs in."`
}
