package cert_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

// authority is a certificate authority with as much of RFC 8555 as one name an order
// needs. It checks who controls a name, but no signatures of requests.
type authority struct {
	*httptest.Server
	t     *testing.T
	https string // where it finds port 443 of every name
	http  string // and port 80; either may be empty
	valid time.Duration

	mu       sync.Mutex
	refusing bool
	orders   []*order
	account  string // its key's thumbprint
	proofs   []string
}

type order struct {
	name, status, authz string
	der                 []byte
}

func newAuthority(t *testing.T) *authority {
	a := &authority{t: t, valid: 90 * 24 * time.Hour}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /directory", func(w http.ResponseWriter, r *http.Request) {
		a.answer(w, 200, map[string]string{
			"newNonce": a.URL + "/nonce", "newAccount": a.URL + "/account", "newOrder": a.URL + "/orders",
			"revokeCert": a.URL + "/revoke", "keyChange": a.URL + "/key",
		})
	})
	mux.HandleFunc("HEAD /nonce", func(w http.ResponseWriter, r *http.Request) { a.answer(w, 200, nil) })
	mux.HandleFunc("POST /account", a.register)
	mux.HandleFunc("POST /orders", a.order)
	mux.HandleFunc("POST /orders/{id}", a.at(func(o *order, _ []byte) any { return nil }))
	mux.HandleFunc("POST /authz/{id}", a.at(func(o *order, _ []byte) any { return a.authz(o) }))
	mux.HandleFunc("POST /challenge/{id}/{type}", a.prove)
	mux.HandleFunc("POST /finalize/{id}", a.at(a.sign))
	mux.HandleFunc("POST /cert/{id}", func(w http.ResponseWriter, r *http.Request) {
		o, _ := a.find(r)
		_ = pem.Encode(w, &pem.Block{Type: "CERTIFICATE", Bytes: o.der})
	})
	a.Server = httptest.NewServer(mux)
	t.Cleanup(a.Close)
	return a
}

func (a *authority) answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Replay-Nonce", rand.Text())
	w.WriteHeader(status)
	if v != nil {
		_ = json.NewEncoder(w).Encode(v)
	}
}

// payload is what is signed, and by whom if it is said.
func payload(r *http.Request) (data []byte, x, y string) {
	var body struct{ Protected, Payload string }
	_ = json.NewDecoder(r.Body).Decode(&body)
	data, _ = base64.RawURLEncoding.DecodeString(body.Payload)
	head, _ := base64.RawURLEncoding.DecodeString(body.Protected)
	var protected struct{ JWK struct{ X, Y string } }
	_ = json.Unmarshal(head, &protected)
	return data, protected.JWK.X, protected.JWK.Y
}

func (a *authority) register(w http.ResponseWriter, r *http.Request) {
	_, x, y := payload(r)
	print := sha256.Sum256(fmt.Appendf(nil, `{"crv":"P-256","kty":"EC","x":%q,"y":%q}`, x, y))
	a.mu.Lock()
	a.account = base64.RawURLEncoding.EncodeToString(print[:])
	a.mu.Unlock()
	w.Header().Set("Location", a.URL+"/account/1")
	a.answer(w, 201, map[string]string{"status": "valid"})
}

func (a *authority) order(w http.ResponseWriter, r *http.Request) {
	data, _, _ := payload(r)
	var asked struct{ Identifiers []struct{ Value string } }
	_ = json.Unmarshal(data, &asked)
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.refusing {
		a.orders = append(a.orders, &order{})
		a.answer(w, 403, map[string]string{"type": "urn:ietf:params:acme:error:rejectedIdentifier", "detail": "no"})
		return
	}
	o := &order{name: asked.Identifiers[0].Value, status: "pending", authz: "pending"}
	a.orders = append(a.orders, o)
	id := len(a.orders) - 1
	w.Header().Set("Location", fmt.Sprintf("%s/orders/%d", a.URL, id))
	a.answer(w, 201, a.state(id))
}

func (a *authority) state(id int) map[string]any {
	o := a.orders[id]
	at := func(what string) string { return fmt.Sprintf("%s/%s/%d", a.URL, what, id) }
	return map[string]any{
		"status": o.status, "authorizations": []string{at("authz")}, "finalize": at("finalize"), "certificate": at("cert"),
		"identifiers": []any{map[string]string{"type": "dns", "value": o.name}},
	}
}

func (a *authority) find(r *http.Request) (*order, int) {
	var id int
	_, _ = fmt.Sscan(r.PathValue("id"), &id)
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.orders[id], id
}

// at answers with what f gives of an order, or else with the order.
func (a *authority) at(f func(*order, []byte) any) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		o, id := a.find(r)
		data, _, _ := payload(r)
		a.mu.Lock()
		defer a.mu.Unlock()
		v := f(o, data)
		if v == nil {
			v = a.state(id)
		}
		w.Header().Set("Location", fmt.Sprintf("%s/orders/%d", a.URL, id))
		a.answer(w, 200, v)
	}
}

func (a *authority) authz(o *order) any {
	var challenges []any
	for id, other := range a.orders {
		for _, kind := range []string{"tls-alpn-01", "http-01"} {
			if o == other {
				challenges = append(challenges, map[string]string{
					"type": kind, "status": "pending", "token": "token", "url": fmt.Sprintf("%s/challenge/%d/%s", a.URL, id, kind),
				})
			}
		}
	}
	return map[string]any{
		"status": o.authz, "challenges": challenges,
		"identifier": map[string]string{"type": "dns", "value": o.name},
	}
}

func (a *authority) prove(w http.ResponseWriter, r *http.Request) {
	o, _ := a.find(r)
	kind := r.PathValue("type")
	a.mu.Lock()
	want := "token." + a.account
	a.mu.Unlock()
	var err error
	if kind == "http-01" {
		err = a.overHTTP(r.Context(), o.name, want)
	} else {
		err = a.overTLS(r.Context(), o.name, want)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	o.status, o.authz = "ready", "valid"
	if err != nil {
		o.status, o.authz = "invalid", "invalid"
	} else {
		a.proofs = append(a.proofs, kind)
	}
	a.answer(w, 200, map[string]string{"type": kind, "status": o.authz, "token": "token", "url": a.URL + r.URL.Path})
}

func (a *authority) overHTTP(ctx context.Context, name, want string) error {
	r, err := http.NewRequestWithContext(ctx, "GET", "http://"+a.http+"/.well-known/acme-challenge/token", nil)
	if err != nil {
		return err
	}
	r.Host = name
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if got, _ := io.ReadAll(res.Body); string(got) != want {
		return fmt.Errorf("got %q", got)
	}
	return nil
}

func (a *authority) overTLS(ctx context.Context, name, want string) error {
	d := tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true, ServerName: name, NextProtos: []string{"acme-tls/1"}}}
	conn, err := d.DialContext(ctx, "tcp", a.https)
	if err != nil {
		return err
	}
	defer conn.Close()
	state := conn.(*tls.Conn).ConnectionState()
	digest := sha256.Sum256([]byte(want))
	proof, _ := asn1.Marshal(digest[:])
	for _, e := range state.PeerCertificates[0].Extensions {
		if e.Id.String() == "1.3.6.1.5.5.7.1.31" && bytes.Equal(e.Value, proof) && state.NegotiatedProtocol == "acme-tls/1" {
			return nil
		}
	}
	return fmt.Errorf("no proof")
}

func (a *authority) sign(o *order, data []byte) any {
	var asked struct{ CSR string }
	_ = json.Unmarshal(data, &asked)
	der, _ := base64.RawURLEncoding.DecodeString(asked.CSR)
	request, err := x509.ParseCertificateRequest(der)
	if err != nil {
		a.t.Error(err)
		return nil
	}
	root, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: request.Subject, DNSNames: request.DNSNames,
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(a.valid),
	}
	if o.der, err = x509.CreateCertificate(rand.Reader, template, template, request.PublicKey, root); err != nil {
		a.t.Error(err)
	}
	o.status = "valid"
	return nil
}

func (a *authority) seen() (orders int, proofs []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.orders), a.proofs
}
