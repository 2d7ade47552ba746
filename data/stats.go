package data

import (
	"context"
	"os"
	"time"
)

// Stats is what a repo has done since its Start, and what it does now.
type Stats struct {
	Engine  Engine
	Writes  int64 // transactions that went well
	Reads   int64
	Errors  int64 // transactions that did not
	Commits int64 // of the engine: on SQLite several Writes share one

	Writing int // transactions that run; on PostgreSQL, Reads too
	Reading int
	Waiting int // for one of these to end

	// Held is for how long SQLite's write lock has been this program's, by Writes that share
	// a commit: nobody else can write meanwhile. 0: it is not, or it is PostgreSQL.
	Held time.Duration

	Open      int   // connections
	FileBytes int64 // of the database; 0 in memory and on PostgreSQL
	WALBytes  int64 // of what is committed and not yet in that file
}

// Stats tells about a repo. It is cheap, and all zeros but for the engine if the repo does
// not run.
func (r *Repo) Stats() Stats {
	s := Stats{Engine: r.Engine()}
	st := r.live.Load()
	if st == nil {
		return s
	}
	s.Writes, s.Reads, s.Errors, s.Commits = st.writes.Load(), st.reads.Load(), st.errors.Load(), st.commits.Load()
	s.Writing, s.Waiting = st.writing.load()
	if since := st.held.Load(); since != nil {
		s.Held = time.Since(*since)
	}
	s.Open = st.writer.Stats().OpenConnections
	if st.reading != st.writing {
		reading, waiting := st.reading.load()
		s.Reading, s.Waiting = reading, s.Waiting+waiting
		s.Open += st.readers.Stats().OpenConnections
	}
	if path := r.File(); path != "" {
		s.FileBytes, s.WALBytes = sizeOf(path), sizeOf(path+"-wal")
	}
	return s
}

func sizeOf(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
}

// Health reports whether the database answers: nil, or why not. Give it a context with a
// deadline; it waits for its turn as every Read does.
func (r *Repo) Health(ctx context.Context) error {
	return r.one(ctx, false, func(ctx context.Context, tx Tx) error {
		var one int
		return tx.NewRaw("SELECT 1").Scan(ctx, &one)
	})
}
