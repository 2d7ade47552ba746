package data

import (
	"strings"
	"testing"

	"github.com/bennu-go/bennu/fault"
)

func TestBadArgument(t *testing.T) {
	const zero = "?!(bun: string contains a NUL byte (0x00))"
	for sql, kind := range map[string]fault.Kind{
		"SELECT " + zero: fault.Invalid,
		"INSERT INTO a VALUES ('x', " + zero + ")":     fault.Invalid,
		"SELECT ARRAY['x', " + zero + "]":              fault.Invalid,
		"SELECT 'it''s' || " + zero:                    fault.Invalid,
		"SELECT ?!(json: unsupported type: chan int)":  fault.Internal,
		"SELECT '?!(text)' WHERE a = ?!(hunter2 is x)": fault.Internal,
	} {
		if err := badArgument(sql, Postgres); fault.Of(err) != kind || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", sql, err)
		}
	}
	for _, sql := range []string{"SELECT 1", "SELECT '" + zero + "'", `SELECT "?!(a"`, "SELECT 1 -- ?!(", `SELECT E'\'?!('`, "SELECT 'it''s " + zero + "'", "SELECT a ? b"} {
		if err := badArgument(sql, Postgres); err != nil {
			t.Errorf("%s: %v", sql, err)
		}
	}
}
