package data

import "testing"

func TestControlOfTransactions(t *testing.T) {
	for _, c := range []struct {
		engine Engine
		script string
		want   bool
	}{
		{SQLite, "SELECT 1;\n Begin Immediate;", true},
		{SQLite, "COMMIT TRANSACTION;", true},
		{SQLite, "END TRANSACTION;", true},
		{SQLite, "CREATE TRIGGER a AFTER DELETE ON b BEGIN\n SELECT 1;\nEND;", false},
		{SQLite, "SELECT 1; COMMIT", true},
		{SQLite, "/* a */ ROLLBACK", true},
		{SQLite, "SAVEPOINT a; ROLLBACK TO a; RELEASE a;", false},
		{SQLite, "INSERT INTO a VALUES ('x;\nCOMMIT;\n');\n/*\nCOMMIT;\n*/", false},
		{SQLite, "CREATE TRIGGER a AFTER DELETE ON b BEGIN SELECT CASE 1 WHEN 2 THEN 3 END; SELECT 4; END; END;", true},
		{Postgres, "CREATE FUNCTION a() RETURNS int BEGIN ATOMIC SELECT 1; END;", false},
		{Postgres, "begin", true},
		{Postgres, "-- x\n/* y */ START  TRANSACTION; SELECT 1", true},
		{Postgres, "SELECT 1; END;", true},
		{Postgres, "COMMIT AND CHAIN;", true},
		{Postgres, "BEGIN ISOLATION LEVEL SERIALIZABLE;", true},
		{Postgres, "ROLLBACK WORK;", true},
		{Postgres, "ABORT", true},
		{Postgres, "PREPARE TRANSACTION 'a'", true},
		{Postgres, "SAVEPOINT a; ROLLBACK TO SAVEPOINT a; ROLLBACK TO a; RELEASE a;", false},
		{Postgres, "CREATE PROCEDURE a() LANGUAGE plpgsql AS $$\nBEGIN\n SELECT 1;\nCOMMIT;\nEND;\n$$;", false},
		{Postgres, "SELECT 'x;\nCOMMIT;'", false},
		{Postgres, "COMMENT ON TABLE a IS 'b'", false},
	} {
		if got := controls(c.script, c.engine); got != c.want {
			t.Errorf("%s: %q: %v", c.engine, c.script, got)
		}
	}
}
