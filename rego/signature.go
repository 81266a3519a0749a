package rego

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/bundle"

	"github.com/sallyport-auth/sallyport/config"
)

const maxKeySize = 64 << 10 // octets of a key file

// verify checks the signature over all files, and what the manifest says.
func verify(files []file, b *config.Bundle) error {
	i := slices.IndexFunc(files, func(f file) bool { return f.path == signatureName })
	switch {
	case b.Unsigned:
	case i < 0:
		return errors.New("it is not signed: build it with opa build --bundle --signing-key")
	default:
		if err := verifySignature(files[i], files, b); err != nil {
			return fmt.Errorf("verify the signature: %w", err)
		}
	}
	return checkManifest(files)
}

// verifySignature checks that every file is as it was signed, and that none is
// missing.
func verifySignature(signature file, files []file, b *config.Bundle) error {
	keys, err := verification(b)
	if err != nil {
		return err
	}
	var signatures bundle.SignaturesConfig
	if err := json.Unmarshal(signature.text, &signatures); err != nil {
		return fmt.Errorf("%s: %w", signatureName, err)
	}
	signed, err := bundle.VerifyBundleSignature(signatures, keys)
	if err != nil {
		return err
	}
	for _, f := range files {
		if f.path == signatureName {
			continue
		}
		if err := bundle.VerifyBundleFile(f.path, *bytes.NewBuffer(f.text), signed); err != nil {
			return err
		}
	}
	for _, name := range sortedKeys(signed) {
		return fmt.Errorf("%s was signed and is not in the bundle", name)
	}
	return nil
}

// anyKey is what our one key is called where the signature may name it as it
// likes.
const anyKey = "bundle"

// verification makes the settings of OPA of ours.
func verification(b *config.Bundle) (*bundle.VerificationConfig, error) {
	key := b.Secret.Reveal()
	if b.PublicKey != "" {
		if strings.HasPrefix(b.Algorithm, "HS") { // whoever knows the public key could sign
			return nil, fmt.Errorf("%s needs a secret, and a public key is none", b.Algorithm)
		}
		text, err := publicKey(b.PublicKey)
		if err != nil {
			return nil, err
		}
		key = text
	}
	if key == "" {
		return nil, errors.New("there is no key to verify it with")
	}
	c := &bundle.KeyConfig{Key: key, Algorithm: b.Algorithm, Scope: b.Scope}
	if b.KeyID != "" {
		return bundle.NewVerificationConfig(map[string]*bundle.KeyConfig{b.KeyID: c}, "", b.Scope, nil), nil
	}
	return bundle.NewVerificationConfig(map[string]*bundle.KeyConfig{anyKey: c}, anyKey, b.Scope, nil), nil
}

// publicKey reads a key file that must not hold a private key: whoever reads it
// could sign.
func publicKey(name string) (string, error) {
	text, err := readLimited(name, maxKeySize)
	if err != nil {
		return "", err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return "", fmt.Errorf("%s: it is no PEM file", name)
	}
	switch block.Type {
	case "PUBLIC KEY":
		_, err = x509.ParsePKIXPublicKey(block.Bytes)
	case "RSA PUBLIC KEY":
		_, err = x509.ParsePKCS1PublicKey(block.Bytes)
	case "CERTIFICATE":
		_, err = x509.ParseCertificate(block.Bytes)
	default:
		err = fmt.Errorf("it holds a %.40q: write a public key or a certificate", block.Type)
	}
	if err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	return string(pem.EncodeToMemory(block)), nil
}
