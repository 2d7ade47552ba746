// Package datatest gives a test a database of its own.
//
//	func TestRoute(t *testing.T) {
//		repo := datatest.Open(t, fleet.Migrations)
//		…
//	}
//
// It is in memory, so that it costs a few milliseconds and leaves nothing behind,
// and it is closed when the test ends. A test about files, or about Reads that run
// while a Write does, starts a data.Repo on a file in t.TempDir().
package datatest
