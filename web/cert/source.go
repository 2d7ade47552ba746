package cert

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"sync"
	"time"

	"github.com/bennu-go/bennu/telemetry"
)

// Source gives the TLS config of an endpoint. ctx is for the call alone: its logger
// hears what is amiss already.
type Source interface {
	TLS(ctx context.Context) (*tls.Config, error)
}

var (
	_ Source = Files{}
	_ Source = (*ACME)(nil)
	_ Source = Self{}
)

// config is what all sources have in common.
func config() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		NextProtos: []string{"h2", "http/1.1"},
	}
}

// life is what has been said of the certificate in use.
type life struct {
	mu     sync.Mutex
	leaf   *x509.Certificate
	silent time.Time // until then
}

// watch logs a certificate that is new, and once a day one that comes to its end.
func (l *life) watch(ctx context.Context, leaf *x509.Certificate) {
	now := time.Now()
	l.mu.Lock()
	fresh := l.leaf != leaf && (l.leaf == nil || !l.leaf.Equal(leaf))
	l.leaf = leaf
	ends := now.After(leaf.NotAfter.Add(-early(leaf))) && (fresh || now.After(l.silent))
	if ends {
		l.silent = now.Add(24 * time.Hour)
	}
	l.mu.Unlock()

	log := telemetry.Log(ctx).With("names", leaf.DNSNames, "ends", leaf.NotAfter)
	if fresh {
		log.InfoContext(ctx, "certificate in use")
	}
	switch {
	case ends && now.After(leaf.NotAfter):
		log.WarnContext(ctx, "certificate has expired")
	case ends:
		log.WarnContext(ctx, "certificate expires soon")
	}
}

// early is how long before its end a certificate should have been renewed: those of
// 90 days and of 6 have both had their turn by then.
func early(leaf *x509.Certificate) time.Duration {
	return min(14*24*time.Hour, leaf.NotAfter.Sub(leaf.NotBefore)/6)
}
