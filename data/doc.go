// Package data is the repo: where a program keeps what must outlive it.
//
// The database is SQLite, in the program, or a PostgreSQL server: the URL says which, and
// the code stays the same. With SQLite a program that stores things is still one file to
// copy. The schema is in the binary too, as migrations that run before the first query.
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
// A row is a struct with the tags of [bun], and functions of this package store and find it:
//
//	type Unit struct {
//		ID      int64  `bun:",pk,autoincrement"`
//		Name    string
//		Speed   float64
//		Seen    time.Time `data:"updated"`
//		Version int       `data:"version"`
//	}
//
//	err := data.Insert(ctx, repo, &unit)
//	unit, err := data.Get[Unit](ctx, repo, 7)
//	fast, err := data.From[Unit]().Where("speed > ?", 30).Order("name").All(ctx, repo)
//
// A [Query] is a value, so that parts of queries are functions. What it cannot say is said
// with bun, through [Query.Select] or a transaction's [Tx], whose raw SQL has question marks
// for arguments on both engines. A text with a zero byte in it is fault.Invalid.
//
// Each of these is a transaction of its own. Several that belong together are a function:
//
//	err := repo.Write(ctx, func(ctx context.Context, tx data.Tx) error {
//		if err := data.Insert(ctx, tx, &trip); err != nil {
//			return err
//		}
//		return tx.Emit(ctx, Report.New(trip.ID)) // a job, if and when this commits
//	})
//
// A bare table name is the plural of the type's, in snake_case. Times are kept in UTC to the
// microsecond.
//
//	| tag of a field                          | it is                                                       |
//	|-----------------------------------------|-------------------------------------------------------------|
//	| bun:"name"                              | the column, if it is not the field's name in snake_case     |
//	| bun:",pk", bun:",pk,autoincrement"      | of the primary key, made by the database                    |
//	| bun:"embed:home_"                       | a struct whose fields are columns that begin with home_     |
//	| bun:",extend"                           | an embedded struct whose table this is, too                 |
//	| bun:"rel:belongs-to,join:team_id=id"    | a relation, for Preload                                     |
//	| bun:",soft_delete,nullzero"             | when the row was deleted; it stays, and is not found        |
//	| data:"created", data:"updated"          | when Insert, and every change, stored the row: a time.Time  |
//	| data:"version"                          | raised by each change; one based on an old one is [ErrStale]|
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
// that each store something can be made one. The inner Write is a savepoint, as that of
// [Tx.Write] is. When it fails, its own changes go and the outer function decides about the
// rest. A Read inside a Write reads through it and sees what is not committed yet. A
// Write inside a Read is a mistake and says so.
//
// A statement that fails (a constraint, a misspelt column) fails its Write: nothing more runs
// in it, and it is rolled back even if the function returns nil. PostgreSQL has it so, and here
// both engines do. What may fail and be survived goes into a Write inside the Write. One
// that is cut off (its context ends, the disk is full) ends the whole transaction.
//
// [Multi] is a transaction of named steps. [Tx.OnCommit] runs a function when it is
// committed, and [Tx.Emit] has something happen then that must not be lost: see [Outbox].
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
// [Watch] is the topic of the changes that typed functions made, without a table and without
// the promise. [Tx.OnCommit] is what both are made of.
//
// # Changesets
//
// [InsertChange] and [UpdateChange] store a changeset. The constraints that it names with
// Unique, ForeignKey and Constraint become errors of its fields when they are violated:
//
//	cs := changeset.Cast(Unit{}, params, "name", "team_id").Required("name").Unique("name").ForeignKey("team_id")
//	unit, err := data.InsertChange(ctx, repo, cs)
//	if fault.FieldsOf(err) != nil {
//		return formPage(cs.Form("unit")) // as it was typed, with what is wrong beside it
//	}
//
// # SQLite
//
// One Write runs at a time, in the order of arrival; Reads run beside it and beside
// each other. So keep transactions short: no network, and no calls to a process that may
// itself write. A commit waits for the disk, and Writes that stand in line meanwhile share the
// next one: fifty at once are hardly slower than one. All are told when it is done.
//
// Two programs may open one file, as an old and a new version do during an upgrade. A
// Write, a migration and Start wait up to 10 s for the other one's, and one that writes
// without a pause makes room for the other. On Linux the empty file beside it whose name ends
// with -alive holds the locks by which an [Outbox] sees that the program of another one is gone;
// leave it there while one runs.
//
// "sqlite::memory:" is a database of the Repo's own, which is empty again after
// each Start. It is meant for tests and demos: Reads run beside each other but
// take turns with Writes, and it holds at most 1 GiB.
//
// # PostgreSQL
//
// Writes run side by side at the level READ COMMITTED, so two may read the same row and then
// both change it: take it with [Query.ForUpdate], give it a version, or change it by SQL
// such as "seats = seats - 1". Reads are REPEATABLE READ. A statement has a minute, waits at most
// 10 s for a lock, and a transaction may do nothing for a minute; the parameters
// statement_timeout, lock_timeout and idle_in_transaction_session_timeout in the URL say otherwise.
// A single typed function is one round trip, and so is [Repo.WriteOne]. When the server was away, the next transaction
// finds it again.
//
// # Migrations
//
// A migration is a file of SQL named by number and purpose, anywhere in
// [Repo.Migrations]:
//
//	0001_create_positions.sql            on both engines
//	0001_create_positions.down.sql       the way back, if there is one
//	0002_search.sqlite.sql               on SQLite
//	0002_search.postgres.sql             on PostgreSQL
//	0002_search.postgres.down.sql
//
// A file for one engine goes before one for both. What SQL cannot say is written in Go,
// as [Repo.GoMigrations], and numbered together with the files. Packages that keep tables
// of their own have numbers of their own: see [Repo.Migrate].
//
// Each runs once in the life of a database, in the order of the numbers, in a transaction
// of its own that also records it in the table bennu_migrations: a crash leaves all of it
// or nothing. One program migrates at a time; others that boot meanwhile wait for it, and
// a killed one keeps nobody waiting. On SQLite, foreign keys are checked when a migration
// ends rather than at each statement, so that it may rebuild a table.
//
// Start runs what is missing; [Repo.OnBoot] has it refuse, or not look. A database with a
// migration that the program does not have was made by a newer version, and Start
// refuses it. The Migrate methods and [Command] go up, down and to a number, list what is
// applied, and print the SQL of a dry run.
//
// PostgreSQL has statements that run in no transaction, such as CREATE INDEX
// CONCURRENTLY. Their file is for PostgreSQL and begins with the line
//
//	-- bennu:no transaction
//
// It is recorded as begun, its statements run one by one, and then it is recorded as done.
// One that was cut off between is refused from then on, with what to do about it.
//
// # Backup
//
// [Repo.Backup] copies a SQLite database to a file while it is used, [Restore] puts a
// copy in its place, and [Repo.Check] looks for damage. On PostgreSQL they say which of its
// own tools does that. A copy of the file made by other means, while a program has it
// open, lacks what is still in the side files: it is no backup.
//
// # Failure
//
// Errors are of package fault's kinds.
//
//	| kind             | when                                                               |
//	|------------------|--------------------------------------------------------------------|
//	| NotFound         | there is no such row                                               |
//	| Conflict         | a unique key, foreign key, check or not-null is violated; ErrStale |
//	| Invalid          | a value is too large or no text; a URL or migration makes no sense |
//	| Unavailable      | not started, stopped, no server, held by another, disk full        |
//	| Timeout/Canceled | the context ended; the transaction was not committed               |
//	| Internal         | a faulty query, a damaged file, misuse                             |
//
// On PostgreSQL some errors leave open whether it happened: Unavailable from a commit that was
// not answered; and Unavailable, Timeout or Canceled from a WriteOne or a single typed function outside
// of a transaction, whose statement is its commit.
//
// A violated constraint names its columns, the same on both engines: it is a [*Violation] in the
// error's chain, and its fields are those of fault.FieldsOf.
//
// An error of the function's own comes back as it is; bun's sql.ErrNoRows becomes NotFound. The
// texts name neither values nor queries; the engine's own words are in the cause, for the log.
//
// # What it tells
//
// [Repo.Health] asks the database, and [Repo.Stats] counts. The counters data.writes and data.reads are
// the transactions that went well, data.errors those that did not; a joined one counts with its
// outer one. The histograms data.queue and data.query are how long transactions waited to begin
// and statements took, and each statement is a span, data.query, with its parts. One that takes
// longer than [Repo.Slow] is logged, without its values.
//
// # Testing
//
// Package data/datatest gives a test a repo of its own, on both engines.
//
// [bun]: https://bun.uptrace.dev
package data
