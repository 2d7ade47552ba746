package cert

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"os"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/telemetry"
)

// Files is a certificate in two PEM files, which are read again when they change.
type Files struct {
	Cert string // the certificate, followed by those between it and the root
	Key  string // its private key, not encrypted; readable by the program's user alone
}

// every is the least time between two looks at the files.
const every = 10 * time.Second

// TLS reads both files. If one is missing, or the key does not belong to the
// certificate, it is fault.Invalid. A certificate that has expired is used, with a
// warning.
func (f Files) TLS(ctx context.Context) (*tls.Config, error) {
	if f.Cert == "" || f.Key == "" {
		return nil, fault.Invalid.Errorf("cert.Files needs both paths, Cert and Key")
	}
	p := &pair{files: f}
	certificate, sum, err := f.read()
	if err != nil {
		return nil, fault.Invalid.Wrap(err, "the certificate %s with the key %s cannot be used; check that both can be read and belong together", f.Cert, f.Key)
	}
	p.current.Store(certificate)
	p.seen, p.settled, p.looked = sum, true, time.Now()
	p.life.watch(ctx, certificate.Leaf)
	f.warn(ctx)
	c := config()
	c.GetCertificate = p.get
	return c, nil
}

// read gives the files' certificate, and what tells these contents from others.
func (f Files) read() (*tls.Certificate, [32]byte, error) {
	certificate, certErr := os.ReadFile(f.Cert)
	key, keyErr := os.ReadFile(f.Key)
	if err := cmp.Or(certErr, keyErr); err != nil {
		return nil, sha256.Sum256([]byte(err.Error())), err
	}
	both := sha256.New()
	for _, part := range [][]byte{certificate, key} {
		sum := sha256.Sum256(part)
		both.Write(sum[:])
	}
	made, err := tls.X509KeyPair(certificate, key)
	return &made, [32]byte(both.Sum(nil)), err
}

// warn tells of a key that everybody on the machine can read.
func (f Files) warn(ctx context.Context) {
	const others = 0o004
	info, err := os.Stat(f.Key)
	if err == nil && runtime.GOOS != "windows" && info.Mode()&others != 0 {
		telemetry.Log(ctx).WarnContext(ctx, "private key is readable by others", "file", f.Key, "do", "chmod 600")
	}
}

// pair is the certificate in use and how it came to be.
type pair struct {
	files   Files
	current atomic.Pointer[tls.Certificate]
	life    life

	busy atomic.Bool // one handshake at a time looks; what follows is its own

	looked  time.Time
	seen    [32]byte // what the last look found
	settled bool     // it has been used, or found useless
}

// get never fails and never waits for another handshake.
func (p *pair) get(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if p.busy.CompareAndSwap(false, true) {
		p.look(hello.Context())
	}
	certificate := p.current.Load()
	p.life.watch(hello.Context(), certificate.Leaf)
	return certificate, nil
}

// look uses new contents at the second time that it finds them: whoever writes them
// may be half done at the first.
func (p *pair) look(ctx context.Context) {
	defer p.busy.Store(false)
	if time.Since(p.looked) < every {
		return
	}
	p.looked = time.Now()
	certificate, sum, err := p.files.read()
	if sum != p.seen {
		p.seen, p.settled = sum, false
		return
	}
	if p.settled {
		return
	}
	p.settled = true
	if err != nil {
		telemetry.Log(ctx).WarnContext(ctx, "new certificate cannot be used", "cert", p.files.Cert, "key", p.files.Key, "err", err)
		return
	}
	p.current.Store(certificate)
	p.files.warn(ctx)
}
