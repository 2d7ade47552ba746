package data

// Engine is the kind of database behind a repo.
type Engine string

const (
	SQLite   Engine = "sqlite"   // in the program, one file
	Postgres Engine = "postgres" // a server
)
