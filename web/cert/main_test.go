package cert_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/bennu-go/bennu/telemetry"
)

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler)) // failures on purpose would fill the screen
	goleak.VerifyTestMain(m)
}

// book is what has been logged.
type book struct {
	mu  sync.Mutex
	out bytes.Buffer
}

func (b *book) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.out.Write(p)
}

func (b *book) context(ctx context.Context) context.Context {
	return telemetry.WithLogger(ctx, slog.New(slog.NewJSONHandler(b, nil)))
}

func (b *book) text() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.out.String()
}

// count is how often a message has been logged.
func (b *book) count(t *testing.T, message string) (n int) {
	t.Helper()
	for line := range bytes.Lines([]byte(b.text())) {
		var l struct{ Msg string }
		if err := json.Unmarshal(line, &l); err != nil {
			t.Fatal(err)
		}
		if l.Msg == message {
			n++
		}
	}
	return n
}

// issue makes a certificate for a name that is valid for so long from now, as PEM.
func issue(t *testing.T, name string, valid time.Duration) (certificate, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()),
		Subject:      pkix.Name{CommonName: name},
		DNSNames:     []string{name},
		NotBefore:    now.Add(-time.Second),
		NotAfter:     now.Add(valid),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})
}

func write(t *testing.T, file string, data []byte) {
	t.Helper()
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// handshake does one over a pipe, and gives what the client has seen.
func handshake(ctx context.Context, server, client *tls.Config) (tls.ConnectionState, error) {
	here, there := net.Pipe()
	out := make(chan []byte, 16)
	var both sync.WaitGroup
	both.Go(func() {
		_ = tls.Server(unblocked{there, out}, server).HandshakeContext(ctx)
		close(out)
	})
	both.Go(func() {
		defer there.Close()
		for data := range out {
			_, _ = there.Write(data)
		}
	})
	conn := tls.Client(here, client)
	err := conn.HandshakeContext(ctx)
	here.Close()
	both.Wait()
	return conn.ConnectionState(), err
}

// unblocked is a pipe's end that can always be written, as a socket is: without it,
// two sides that send an alert and a certificate would wait for each other.
type unblocked struct {
	net.Conn
	out chan<- []byte
}

func (u unblocked) Write(p []byte) (int, error) {
	u.out <- bytes.Clone(p)
	return len(p), nil
}

func (u unblocked) Close() error { return nil } // by who writes

// name is who the server says it is.
func name(t *testing.T, ctx context.Context, server *tls.Config) string {
	t.Helper()
	state, err := handshake(ctx, server, &tls.Config{InsecureSkipVerify: true, ServerName: "any.test", NextProtos: []string{"h2"}})
	if err != nil {
		t.Fatal(err)
	}
	return state.PeerCertificates[0].Subject.CommonName
}
