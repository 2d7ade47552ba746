// Package datatest gives a test a database of its own.
//
//	func TestRoute(t *testing.T) {
//		datatest.Each(t, fleet.Migrations, func(t *testing.T, repo *data.Repo) {
//			t.Parallel()
//			truck := units.Insert(t, repo)
//			…
//		})
//	}
//
// [Each] runs the test twice, on SQLite and on PostgreSQL, which is what shows that the
// code is right on both. [Open] is for a test of one engine: SQLite in memory, which costs
// a few milliseconds. All are closed when the test ends, and leave nothing behind.
//
// # Databases
//
// Each's databases are real ones: a file of SQLite in t.TempDir(), and a database of a
// server. Each test has its own, so that transactions, rollbacks and a second repo on
// the same URL are what they are in earnest, and tests may run in parallel. Migrations
// run once for all tests of a binary that have the same, and the outcome is copied: about
// 1 ms on SQLite and 30 ms on PostgreSQL.
//
// The server is the one that the environment variable BENNU_POSTGRES names, as in
// postgres://user:password@localhost/postgres; the user is to be one who may create
// databases. Without it, a server is started from the programs that are installed on the
// machine (Debian: the package postgresql), for this test binary and only as long as it
// runs. Where there is neither, the test is skipped on PostgreSQL.
//
// # Rows
//
// A [Factory] makes rows that are right as they are, so that a test says only what it is
// about.
//
// # Effects
//
// With [StartOutbox] what transactions emit stays until the test has it happen:
//
//	outbox := datatest.StartOutbox(t, ctx, &data.Outbox{Repo: repo, Carriers: carriers})
//
//	err := seats.Book(ctx, ann) // the code that is tested
//	outbox.AssertEmitted(SendMail.Effect(welcome), data.Publish(Seats, seat))
//	outbox.Carry()
//
// [Emitted] gives the values themselves. Jobs are jobtest's to look at; its Kit, which is a
// context, goes into StartOutbox so that the two share a node.
package datatest
