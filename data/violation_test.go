package data_test

import (
	"context"
	"errors"
	"reflect"
	"testing"

	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/fault"
)

// wantViolation checks a violation, apart from its cause.
func wantViolation(t *testing.T, err error, want data.Violation, fields fault.Fields) {
	t.Helper()
	wantFault(t, err, fault.Conflict)
	var got *data.Violation
	if !errors.As(err, &got) {
		t.Errorf("%v has no violation", err)
		return
	}
	kind, table, name, columns := got.Constraint()
	plain := data.Violation{Kind: data.ViolationKind(kind), Table: table, Name: name, Columns: columns, Referred: got.Referred}
	if !reflect.DeepEqual(plain, want) || got.Unwrap() == nil {
		t.Errorf("it is %+v, want %+v (%v)", plain, want, err)
	}
	if !reflect.DeepEqual(fault.FieldsOf(err), fields) {
		t.Errorf("the fields are %v, want %v", fault.FieldsOf(err), fields)
	}
}

func TestViolations(t *testing.T) {
	t.Parallel()
	typed(t, func(t *testing.T, repo *data.Repo) {
		red := newTeam(t, repo, "red")
		nick, none := "nick", int64(99)
		ann := &Member{Email: "ann@x", TeamID: &red.ID, Nick: &nick}
		if err := data.Insert(t.Context(), repo, ann); err != nil {
			t.Fatal(err)
		}
		name := func(sqlite, postgres string) string {
			if repo.Engine() == data.SQLite {
				return sqlite
			}
			return postgres
		}
		taken, missing := []string{"has already been taken"}, []string{"does not exist"}
		boss := data.Violation{Kind: data.ForeignKey, Table: "teams", Name: name("", "teams_boss_fkey"), Columns: []string{"boss"}}
		teamID := data.Violation{Kind: data.ForeignKey, Table: "members", Name: name("", "members_team_fk"), Columns: []string{"team_id"}}
		bossed := newTeam(t, repo, "bossed")
		for _, c := range []struct {
			name   string
			err    error
			want   data.Violation
			fields fault.Fields
		}{
			{"unique", data.Insert(t.Context(), repo, &Team{Name: "red"}),
				data.Violation{Kind: data.Unique, Table: "teams", Name: name("", "teams_name_key"), Columns: []string{"name"}},
				fault.Fields{"name": taken}},
			{"primary key", data.Insert(t.Context(), repo, &Team{ID: red.ID, Name: "blue"}),
				data.Violation{Kind: data.Unique, Table: "teams", Name: name("", "teams_pkey"), Columns: []string{"id"}},
				fault.Fields{"id": taken}},
			{"unique together", data.Insert(t.Context(), repo, &Member{Email: "bob@x", TeamID: &red.ID, Nick: &nick}),
				data.Violation{Kind: data.Unique, Table: "members", Name: "members_nick", Columns: []string{"team_id", "nick"}},
				fault.Fields{"team_id": taken, "nick": taken}},
			{"unique expression", data.Insert(t.Context(), repo, &Member{Email: "ANN@x"}),
				data.Violation{Kind: data.Unique, Table: "members", Name: "members_email", Columns: []string{"email"}},
				fault.Fields{"email": taken}},
			{"check", data.Insert(t.Context(), repo, &Member{Email: "bob@x", Seats: -1}),
				data.Violation{Kind: data.Check, Table: "members", Name: name("", "members_seats_check"), Columns: []string{"seats"}},
				fault.Fields{"seats": {"is invalid"}}},
			{"named check", data.Update(t.Context(), repo, &Member{ID: ann.ID, Email: "ann@x", Level: 10, Rev: 1}),
				data.Violation{Kind: data.Check, Table: "members", Name: "members_level", Columns: []string{"level"}},
				fault.Fields{"level": {"is invalid"}}},
			{"not null", second(data.From[Team]().Where("id = ?", red.ID).Update(t.Context(), repo, "name = NULL")),
				data.Violation{Kind: data.NotNull, Table: "teams", Columns: []string{"name"}},
				fault.Fields{"name": {"can't be blank"}}},
			{"foreign key", data.Insert(t.Context(), repo, &Member{Email: "bob@x", TeamID: &none}), teamID, fault.Fields{"team_id": missing}},
			{"foreign key of several", data.InsertAll(t.Context(), repo, []Member{{Email: "1", TeamID: &red.ID}, {Email: "2"}, {Email: "3", TeamID: &none}}),
				teamID, fault.Fields{"team_id": missing}},
			{"foreign key in a transaction", repo.Write(t.Context(), func(ctx context.Context, tx data.Tx) error {
				return data.Update(ctx, tx, &Member{ID: ann.ID, Email: "ann@x", TeamID: &none, Rev: 1})
			}), teamID, fault.Fields{"team_id": missing}},
			{"foreign key to itself", data.InsertAll(t.Context(), repo, []Team{{ID: 70, Name: "70", Boss: ptr(int64(71))}, {ID: 71, Name: "71", Boss: &none}}),
				boss, fault.Fields{"boss": missing}},
			{"upsert", data.Upsert(t.Context(), repo, &Team{Name: "bossed", Boss: &none}, "name"), boss, fault.Fields{"boss": missing}},
			{"referred", data.Delete(t.Context(), repo, &Team{ID: red.ID}),
				data.Violation{Kind: data.ForeignKey, Table: "members", Name: name("", "members_team_fk"), Referred: true},
				fault.Fields{"": {"is still referred to"}}},
			{"many referred", second(data.From[Team]().Where("TRUE").Delete(t.Context(), repo)),
				data.Violation{Kind: data.ForeignKey, Table: name("", "members"), Name: name("", "members_team_fk"), Referred: true},
				fault.Fields{"": {"is still referred to"}}},
		} {
			t.Run(c.name, func(t *testing.T) { wantViolation(t, c.err, c.want, c.fields) })
		}
		if err := data.Delete(t.Context(), repo, bossed); err != nil {
			t.Error(err)
		}
	})
}

func ptr[T any](v T) *T { return &v }

// What SQL breaks has what the engine says.
func TestViolationsOfSQL(t *testing.T) {
	t.Parallel()
	typed(t, func(t *testing.T, repo *data.Repo) {
		for sql, kind := range map[string]data.ViolationKind{
			"INSERT INTO teams (id, name) VALUES (1, 'a'), (2, 'a')":                                                           data.Unique,
			"INSERT INTO teams (id) VALUES (1)":                                                                                data.NotNull,
			"INSERT INTO teams (id, name, boss) VALUES (1, 'a', 9)":                                                            data.ForeignKey,
			"INSERT INTO members (email, seats, made, touched, rev) VALUES ('a', -1, '2026-01-01', '2026-01-01', 1)":           data.Check,
			"INSERT INTO members (email, seats, level, made, touched, rev) VALUES ('a', 1, 11, '2026-01-01', '2026-01-01', 1)": data.Check,
		} {
			err := execute(t, repo, sql)
			wantFault(t, err, fault.Conflict)
			var v *data.Violation
			if !errors.As(err, &v) || v.Kind != kind || len(fault.FieldsOf(err)) != 1 {
				t.Errorf("%s: %v, %v", sql, err, fault.FieldsOf(err))
			}
		}
	})
}
