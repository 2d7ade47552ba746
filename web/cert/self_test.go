package cert_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/web/cert"
)

func ExampleSelf() {
	ctx := context.Background()
	config, err := cert.Self{Hosts: []string{"app.test"}}.TLS(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	// endpoint := &web.Endpoint{TLS: config, …}
	leaf := config.Certificates[0].Leaf
	fmt.Println(leaf.DNSNames, leaf.IPAddresses)
	// Output: [localhost app.test] [127.0.0.1 ::1]
}

func self(t *testing.T, hosts ...string) (server, client *tls.Config) {
	t.Helper()
	server, err := cert.Self{Hosts: hosts}.TLS(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificates[0].Leaf)
	return server, &tls.Config{RootCAs: roots, NextProtos: []string{"h2", "http/1.1"}}
}

func TestSelf(t *testing.T) {
	server, client := self(t, "app.test", "Bücher.example", "10.0.0.7", "fe80::1")
	for host, ok := range map[string]bool{
		"localhost": true, "127.0.0.1": true, "::1": true,
		"app.test": true, "xn--bcher-kva.example": true, "10.0.0.7": true, "fe80::1": true,
		"example.com": false, "10.0.0.8": false,
	} {
		client := client.Clone()
		client.ServerName = host
		state, err := handshake(t.Context(), server, client)
		if (err == nil) != ok {
			t.Errorf("%s: %v", host, err)
		}
		if ok && (state.Version != tls.VersionTLS13 || state.NegotiatedProtocol != "h2") {
			t.Errorf("%s: %s, %q", host, tls.VersionName(state.Version), state.NegotiatedProtocol)
		}
	}
	key, ok := server.Certificates[0].PrivateKey.(*ecdsa.PrivateKey)
	if !ok || key.Curve != elliptic.P256() {
		t.Errorf("the key is %T", server.Certificates[0].PrivateKey)
	}
	other, _ := self(t)
	if _, err := handshake(t.Context(), other, client); err == nil {
		t.Error("trusted another certificate")
	}
}

func TestSelfIsValidForAYear(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, client := self(t)
		client.ServerName = "localhost"
		for wait, ok := range map[time.Duration]bool{0: true, year - time.Hour: true, year + 25*time.Hour: false} { // the first is a leap year
			client := client.Clone()
			client.Time = func() time.Time { return time.Now().Add(wait) }
			if _, err := handshake(t.Context(), server, client); (err == nil) != ok {
				t.Errorf("after %v: %v", wait, err)
			}
		}
	})
}

func TestSelfRefuses(t *testing.T) {
	for _, host := range []string{"", "*.example.com", "https://example.com", "example.com:443", "a b", "."} {
		if _, err := (cert.Self{Hosts: []string{host}}).TLS(t.Context()); !errors.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", host, err)
		}
	}
}

func TestVersions(t *testing.T) {
	server, client := self(t)
	client.ServerName = "localhost"
	for version, ok := range map[uint16]bool{
		tls.VersionTLS10: false, tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true,
	} {
		client := client.Clone()
		client.MinVersion, client.MaxVersion = version, version
		state, err := handshake(t.Context(), server, client)
		if (err == nil) != ok || ok && state.Version != version {
			t.Errorf("%s: got %s, %v", tls.VersionName(version), tls.VersionName(state.Version), err)
		}
	}
}
