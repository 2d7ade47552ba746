// Package pgtest gives tests a real PostgreSQL: a database of the test's own on one
// server for the whole test binary, or a server of the test's own to stop and kill.
//
//	func TestOnPostgres(t *testing.T) {
//		url := pgtest.URL(t) // "postgres://…", an empty database
//		…
//	}
//
// # Which server
//
// [URL] uses the server that BENNU_POSTGRES names, as a URL of a user who may create
// databases. Without it, the server's programs are looked for in PATH and where the
// packages of systems put them, and one server is started for all tests of the binary:
// in a new folder, on a Unix socket that only this user and the server may open, with
// fsync off. The first use takes about a second, each database 25 ms. Without either,
// the test is skipped, with a text that says what to do.
//
// [Start] starts a server for one test, which may stop, kill and restart it. It is
// always one of this machine.
//
// # Nothing is left behind
//
// A database is dropped when its test ends. A server ends, and its folder goes, within
// a second of the end of the test binary, however that comes: a small shell waits for
// the end of a pipe that the binary holds, and only a kill -9 of both leaves anything.
// PostgreSQL does not run as root: for root, it runs as the user postgres or nobody.
//
// All of it is safe for tests that run in parallel.
package pgtest
