package config

import "strings"

// minBundleSecret is how long a secret for signatures must be, in octets; a
// shorter one can be guessed from a signature.
const minBundleSecret = 16

// bundle checks that a bundle has exactly one way to be trusted, and that
// nobody believes a directory to be verified.
func (c *checker) bundle() {
	const path = "policies.bundle"
	name, b := c.cfg.Policies.Expressions, c.cfg.Policies.Bundle
	isBundle := strings.HasSuffix(name, BundleSuffix)
	switch {
	case b == nil && isBundle:
		c.refuse("policies.expressions", "%s is a bundle, and nothing says who must have signed it; write policies.bundle with public_key, secret, or unsigned: true", name)
		return
	case b == nil:
		return
	case !isBundle:
		c.refuse(path, "is for bundles, and policies.expressions names none (%s); a directory has no signature", BundleSuffix)
		return
	}
	secret := b.Secret.Reveal()
	switch {
	case b.Unsigned && (b.PublicKey != "" || secret != ""):
		c.refuse(path+".unsigned", "does not go together with a key; remove one of them")
	case b.Unsigned:
		c.warn(path+".unsigned", "the bundle is not verified; whoever can write %s decides who logs in", name)
	case b.PublicKey != "" && secret != "":
		c.refuse(path+".secret", "does not go together with public_key; remove one of them")
	case b.PublicKey == "" && secret == "":
		c.refuse(path, "names no key; write public_key, secret, or unsigned: true")
	case secret != "" && len(secret) < minBundleSecret:
		c.refuse(path+".secret", "is shorter than %d characters", minBundleSecret)
	}
	c.bundleAlgorithm(b, secret != "")
}

// bundleAlgorithm gives the algorithm its default and holds it against the key.
func (c *checker) bundleAlgorithm(b *Bundle, shared bool) {
	if b.Algorithm == "" {
		b.Algorithm = "RS256"
		if shared {
			b.Algorithm = "HS256"
		}
	}
	if hmac := strings.HasPrefix(b.Algorithm, "HS"); hmac != shared && !b.Unsigned {
		key := "public_key"
		if hmac {
			key = "secret"
		}
		c.refuse("policies.bundle.algorithm", "%s needs %s", b.Algorithm, key)
	}
}
