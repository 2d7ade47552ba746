// Package cert is where an endpoint's TLS certificates come from: files, a
// certificate authority that speaks ACME such as Let's Encrypt, or nowhere, for
// development.
//
// # Usage
//
// Each [Source] gives a *[tls.Config] for the TLS field of a web.Endpoint:
//
//	var source cert.Source = cert.Self{} // browsers warn
//	if conf.Prod {
//		source = cert.Files{Cert: "/etc/app/fullchain.pem", Key: "/etc/app/key.pem"}
//	}
//	tlsConfig, err := source.TLS(ctx)
//	if err != nil {
//		return err
//	}
//	endpoint := &web.Endpoint{Addr: ":443", TLS: tlsConfig, Handler: router}
//
// With [ACME] a second endpoint on port 80 sends browsers to HTTPS, and answers the
// authority there too:
//
//	acme := &cert.ACME{
//		Hosts: []string{"example.com", "www.example.com"},
//		Cache: "/var/lib/app/acme",
//		Email: "ops@example.com",
//	}
//	tlsConfig, err := acme.TLS(ctx)
//	…
//	children := []supervisor.Child{
//		{Run: &web.Endpoint{Addr: ":80", Handler: acme.Handler(nil)}},
//		{Run: &web.Endpoint{Addr: ":443", Handler: router, TLS: tlsConfig}},
//	}
//
// The fields of a config may be changed before it is given to an endpoint, but its
// GetCertificate and NextProtos belong to the source.
//
// # Which one
//
//   - [Files] if something else renews: certbot, cert-manager, a company's own tools.
//   - [ACME] if this program is what the world reaches on port 443, and alone: several
//     programs for one name need a cache that they share.
//   - [Self] on a developer's machine and in tests. Browsers warn, since nobody vouches
//     for it. A page must be accepted before its websockets connect.
//
// # Guarantees
//
// All configs speak TLS 1.2 and 1.3, and HTTP/2 and HTTP/1.1. Cipher suites, curves and
// session tickets are Go's defaults.
//
// A certificate that works is never given up for one that does not. New files are read
// without a restart, and connections that stand are not touched. What is half written
// is left alone: new contents are used when two checks in a row have read the same.
//
// No goroutine belongs to a source, with one exception: the timers by which ACME renews
// run until the program ends.
//
// Sources and configs are safe for concurrent use.
//
// # Failure
//
// TLS gives fault.Invalid, with what to do, for what cannot work from the start: files
// that are missing or do not belong together, no or impossible hosts, a cache that
// cannot be written. Later failures are logged to the logger of the handshake's
// context, which in an endpoint is the endpoint's:
//
//	| level | message                           | when                                      |
//	|-------|-----------------------------------|-------------------------------------------|
//	| info  | certificate in use                | first, and after a change                 |
//	| warn  | certificate expires soon          | once a day; see Limits                    |
//	| warn  | certificate has expired           | once a day                                |
//	| warn  | new certificate cannot be used    | once for each contents of the files       |
//	| warn  | private key is readable by others | when it is read; not on Windows           |
//	| warn  | no certificate for host           | ACME, at each attempt that fails          |
//
// The text of a key is in no log and in no error.
//
// # Limits
//
//	| what                                  | it is                                       |
//	|---------------------------------------|---------------------------------------------|
//	| files are read                        | at a handshake, 10 s or more after the last |
//	| expires soon                          | within 14 d or a sixth of its life, the less|
//	| ACME renews                           | 30 d or a third of its life before the end  |
//	| ACME asks again for a host that failed| after 2 min, doubling up to 1 h             |
//	| ACME's hosts                          | exact names; a wildcard needs DNS, use Files|
//	| Self is valid for                     | 1 year, and gone with the program           |
//
// # Testing
//
// A client that trusts [Self]'s certificate takes it from the config:
//
//	roots := x509.NewCertPool()
//	roots.AddCert(config.Certificates[0].Leaf)
//
// Time is [time.Now], so testing/synctest moves it. ACME's Directory may be a test
// server's URL, or the staging one of the authority.
package cert
