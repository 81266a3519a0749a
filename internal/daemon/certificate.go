package daemon

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"time"
)

// pems are a certificate, the authority that signed it, and its key, in PEM.
type pems struct {
	authority, certificate, key []byte
}

// The certificate lives a year and is renewed at a start in its last month.
const (
	certificateLife = 365 * 24 * time.Hour
	certificateRest = 30 * 24 * time.Hour
)

func stillGood(leaf *x509.Certificate) bool {
	return leaf != nil && time.Until(leaf.NotAfter) > certificateRest
}

// hostNames are the names that clients on this machine use. libldap compares
// the certificate of ldaps://localhost with the machine's own name.
func hostNames() []string {
	names := []string{"localhost"}
	if own, err := os.Hostname(); err == nil && own != "localhost" {
		names = append(names, own)
	}
	return names
}

// makeCertificate makes an authority and a certificate signed by it for the
// loopback addresses and the given names. ECDSA P-256: a handshake with it costs
// a tenth of one with RSA.
func makeCertificate(names []string) (pems, error) {
	now := time.Now()
	authority := &x509.Certificate{
		Subject:               pkix.Name{CommonName: "Sallyport self-signed authority"},
		NotBefore:             now.Add(-time.Hour),
		NotAfter:              now.Add(certificateLife),
		IsCA:                  true,
		BasicConstraintsValid: true,
		MaxPathLenZero:        true,
		KeyUsage:              x509.KeyUsageCertSign,
	}
	server := &x509.Certificate{
		Subject:     pkix.Name{CommonName: names[0]},
		NotBefore:   authority.NotBefore,
		NotAfter:    authority.NotAfter,
		DNSNames:    names,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	authorityKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return pems{}, err
	}
	serverKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return pems{}, err
	}
	authorityDER, err := sign(authority, authority, &authorityKey.PublicKey, authorityKey)
	if err != nil {
		return pems{}, err
	}
	serverDER, err := sign(server, authority, &serverKey.PublicKey, authorityKey)
	if err != nil {
		return pems{}, err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(serverKey)
	if err != nil {
		return pems{}, err
	}
	return pems{
		authority:   pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: authorityDER}),
		certificate: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: serverDER}),
		key:         pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}),
	}, nil
}

func sign(cert, parent *x509.Certificate, key *ecdsa.PublicKey, by *ecdsa.PrivateKey) ([]byte, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	cert.SerialNumber = serial
	der, err := x509.CreateCertificate(rand.Reader, cert, parent, key, by)
	if err != nil {
		return nil, fmt.Errorf("sign %s: %w", cert.Subject.CommonName, err)
	}
	return der, nil
}
