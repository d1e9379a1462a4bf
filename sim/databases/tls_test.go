package databases

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"testing"
)

// x509Pool gives TLS configurations that trust the server's authority for one name.
func x509Pool(t *testing.T, caFile string) func(name string) *tls.Config {
	t.Helper()
	pem, err := os.ReadFile(caFile)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		t.Fatalf("%s holds no certificate", caFile)
	}
	return func(name string) *tls.Config { return &tls.Config{RootCAs: pool, ServerName: name} }
}
