// Package data is the repo: where a program keeps what must outlive it.
//
// The database is embedded (SQLite, in pure Go), so a program that stores things
// is still one file to copy. Its schema is in the binary too, as migrations that
// run before the first query. Nothing in this package's API says which engine it
// is, and the queries are [bun]'s, so that the same code can run on another one.
//
// # Usage
//
// A repo is a child in the supervision tree, listed before what uses it:
//
//	//go:embed migrations/*.sql
//	var migrations embed.FS
//
//	repo := &data.Repo{URL: "sqlite:fleet.db", Migrations: migrations}
//
// Everything happens in a transaction, which is a function:
//
//	type Position struct {
//		bun.BaseModel `bun:"table:positions"`
//
//		ID   int64 `bun:",pk,autoincrement"`
//		Unit string
//		Lat, Lon float64
//	}
//
//	err := repo.Write(ctx, func(ctx context.Context, tx data.Tx) error {
//		_, err := tx.NewInsert().Model(&p).Exec(ctx)
//		return err
//	})
//
//	err := repo.Read(ctx, func(ctx context.Context, tx data.Tx) error {
//		return tx.NewSelect().Model(&last).Where("unit = ?", unit).Order("id DESC").Limit(1).Scan(ctx)
//	})
//
// Arguments go where the question marks are, never into the text of the query.
// Times are kept in UTC to the microsecond.
//
// # Transactions
//
// [Repo.Write] commits when the function returns nil, and rolls back when it
// returns an error, panics, or its context has ended. What is committed survives
// a kill -9 and a power cut. [Repo.Read] sees one snapshot from its first query
// to its last, and cannot write.
//
// A transaction travels in the context it hands to the function: a Write called
// with that context joins it instead of waiting for itself, so that two functions
// that each store something can be made one. The inner Write is a savepoint. When
// it fails, its own changes go and the outer function decides about the rest. A
// Read inside a Write reads through it and sees what is not committed yet. A
// Write inside a Read is a mistake and says so.
//
// A statement that fails on its own account (a constraint, a misspelt column)
// leaves the transaction usable. One that is cut off (its context ends, the disk
// is full) ends it: the statements after it are refused and nothing is committed.
//
// Leave BEGIN, COMMIT and ROLLBACK to Write. The context and the [Tx] are for the
// function and for one goroutine at a time; afterwards they only give errors.
//
// # Effects
//
// What has to happen exactly when a transaction commits (a broadcast, a mail, a job) is
// emitted inside it, and goes out when it has committed, also when the program is killed
// in between. It needs an [Outbox] in the tree:
//
//	outbox := &data.Outbox{Repo: repo, Carriers: []data.Carrier{data.Topic(Alerts), SendMail}}
//
//	err := repo.Write(ctx, func(ctx context.Context, tx data.Tx) error {
//		if err := data.Insert(ctx, tx, &trip); err != nil {
//			return err
//		}
//		return tx.Emit(ctx, data.Publish(Alerts, Alert{trip.Unit}), SendMail.Effect(Mail{trip.Owner}))
//	})
//
// [Watch] is the topic of what the typed functions change, without a table and without
// the promise. [Tx.OnCommit] is what both are made of.
//
// # Changesets
//
// [InsertChange] and [UpdateChange] store a changeset. The constraints that it names with
// Unique, ForeignKey and Constraint become errors of its fields when they are violated.
//
// # Concurrency
//
// One Write runs at a time, in the order of arrival; Reads run beside it and beside
// each other, [Repo.Readers] of them (4 by default). So keep transactions short:
// no network, and no calls to a process that may itself write. Each commit waits
// for the disk, so many small rows are stored fastest as one Write of a hundred.
//
// Two programs may open one file, as an old and a new version do during an
// upgrade. A Write waits up to 5 s for the other one's, whatever its context says.
//
// # In memory
//
// "sqlite::memory:" is a database of the Repo's own, which is empty again after
// each Start. It is meant for tests and demos: Reads run beside each other but
// take turns with Writes, and it holds at most 1 GiB.
//
// # Migrations
//
// A migration is a file of SQL named by number and purpose, as in
// 0001_create_positions.sql, anywhere in [Repo.Migrations]. Each runs once in the
// life of a database, in the order of the numbers, in a transaction of its own
// that also records it: a crash leaves all of it or nothing. Several programs may
// boot at once, and one of them does the work. Foreign keys are checked when a
// migration ends rather than at each statement, so that it may rebuild a table.
//
// A database with a migration that the program does not have was made by a newer
// version. Start refuses it. There is no way down: the way back is a new migration,
// or a copy of the file from before.
//
// # Failure
//
// Errors are of package fault's kinds. Inside a transaction a query that finds no
// row gives [database/sql.ErrNoRows]; everything else has its kind at once.
//
//	| kind             | when                                                      |
//	|------------------|-----------------------------------------------------------|
//	| NotFound         | the function returned sql.ErrNoRows                       |
//	| Conflict         | a unique key, foreign key, check or not-null is violated  |
//	| Invalid          | a value is too large; a URL or migration makes no sense   |
//	| Unavailable      | not started, stopped, held by another, disk full, no disk |
//	| Timeout/Canceled | the context ended; nothing was committed                  |
//	| Internal         | a faulty query, a damaged file, misuse                    |
//
// An error of the function's own comes back as it is. The texts name neither
// values nor queries; the engine's own words are in the cause, for the log.
//
// Counters: data.writes and data.reads are the transactions that went well, and
// data.errors those that did not. A joined one counts with its outer one.
//
// # Testing
//
// Package data/datatest opens a repo in memory for one test.
//
// [bun]: https://bun.uptrace.dev
package data
