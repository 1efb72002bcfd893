package db_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/purescim/purescim/internal/postgres/db"
)

func TestNew_NumbersItsArguments(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, text string
		parts      []db.Part
		want       string
		names      []string // the values that are given, each its own name
	}{
		{"in order of use", `select @id::uuid where org_id = @org and n = @n and id = @id`, nil, `select $2::uuid where org_id = $1 and n = $3 and id = $2`, []string{"id", "n"}},
		{"no other", `select 1 where org_id = @org`, nil, `select 1 where org_id = $1`, nil},
		{"operators are none", `select a @@ b, a @> c, d[1], e::text[], '@', x @@@y where org_id = @org`, nil, `select a @@ b, a @> c, d[1], e::text[], '@', x @@@y where org_id = $1`, nil},
		{"parts", `update u set [set] where org_id = @org`, []db.Part{{"set", "a = @a, [more]"}, {"more", "b = @b"}}, ``, nil},
		{"parts of parts", `update u set [set] where org_id = @org`, []db.Part{{"more", "b = @b"}, {"set", "a = @a, [more]"}}, `update u set a = $2, b = $3 where org_id = $1`, []string{"a", "b"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if test.want == "" {
				mustPanic(t, func() { db.New(test.text, test.parts...) })
				return
			}
			s := db.New(test.text, test.parts...)
			if s.String() != test.want {
				t.Errorf("text is %s\nwant    %s", s, test.want)
			}
			var values []db.Arg
			want := []any{int64(7)}
			for _, name := range test.names {
				want = append(want, name)
				values = append([]db.Arg{db.Named(name, name)}, values...) // in any order
			}
			values = append(values, db.Named("other", 1))
			if diff := cmp.Diff(want, s.Args(7, values...)); diff != "" {
				t.Errorf("arguments (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(db.Bound{SQL: test.want, Args: want}, s.With(append(values, db.Org(int64(7)))...)); diff != "" {
				t.Errorf("bound (-want +got):\n%s", diff)
			}
		})
	}
}

// What no organisation owns is asked for without one.
func TestNew_NeedsNoOrganisation(t *testing.T) {
	t.Parallel()
	want := db.Bound{SQL: `update a set b = $1 where c = $2`, Args: []any{"b", "c"}}
	if diff := cmp.Diff(want, db.New(`update a set b = @b where c = @c`).With(db.Named("c", "c"), db.Named("b", "b"))); diff != "" {
		t.Errorf("bound (-want +got):\n%s", diff)
	}
}

// A statement for several has the arguments of that for one, as arrays.
func TestNewSeveral_TakesElementsOfArrays(t *testing.T) {
	t.Parallel()
	const text = `select @a::text, @kinds::smallint[], @folded::jsonb[each] where org_id = @org and id = @id::uuid`
	one := db.New(text, db.Empty("each"))
	several := db.NewSeveral(text, db.Part{Name: "each", SQL: ` from unnest(@id::uuid[][]) with ordinality as e (own, n)`})
	const want = `select ($2::text[])[n], ($3::smallint[])[n:n], ($4::jsonb[])[n] from unnest($5::uuid[]) with ordinality as e (own, n)` +
		` where org_id = $1 and id = ($5::uuid[])[n]`
	if several.String() != want {
		t.Errorf("text is %s\nwant    %s", several, want)
	}
	if !one.HasArgumentsOf(several) || one.HasArgumentsOf(db.New(`select @a where org_id = @org`)) {
		t.Error("the arguments of one and of several are not the same")
	}
}

func TestNew_RefusesWhatDoesNotFit(t *testing.T) {
	t.Parallel()
	mustPanic(t, func() { db.New(`select [open]`) })
	mustPanic(t, func() { db.New(`select @a where org_id = $1`) })
	mustPanic(t, func() { db.New(`select 1`, db.Part{Name: "none", SQL: "2"}) })
	mustPanic(t, func() { db.NewTemplate(`select 1`, db.Part{Name: "none", SQL: "2"}) })
	mustPanic(t, func() { db.New(`select @a where org_id = @org`).Args(7) })
	mustPanic(t, func() { db.New(`select 1 where org_id = @org`).With() })
	mustPanic(t, func() { db.NewTemplate(`select 1`).Fill(1, db.In("none", db.Fragment{})) })
	for _, f := range []db.Fragment{db.SQL("$?"), db.SQL("1", 2), db.SQL("$? + $?", 1)} {
		mustPanic(t, func() { db.NewTemplate(`select [a]`).Fill(1, db.In("a", f)) })
	}
}

func TestTemplate_NumbersWhatItIsFilledWith(t *testing.T) {
	t.Parallel()
	page := db.NewTemplate(`
select [fields] from users u where u.org_id = @org[condition][order] limit [count]`, db.Part{Name: "order", SQL: " order by u.id"})
	either := db.Join(" or ", db.SQL("u.a = $?", "a"), db.Fragment{}, db.SQL("u.b ?| $?::text[]", "b"))
	sql, args := page.Fill(7,
		db.In("count", db.Number(25)),
		db.In("fields", db.SQL("u.id, $?::text", "x")),
		db.In("condition", db.SQL(" and ($?) and u.id > $?", either, 3)))
	want := `
select u.id, $2::text from users u where u.org_id = $1 and (u.a = $3 or u.b ?| $4::text[]) and u.id > $5 order by u.id limit 25`
	if sql != want {
		t.Errorf("text is %s\nwant    %s", sql, want)
	}
	if diff := cmp.Diff([]any{int64(7), "x", "a", "b", 3}, args); diff != "" {
		t.Errorf("arguments (-want +got):\n%s", diff)
	}
	part := db.NewTemplate("(select [a] where org_id = @org and [b])")
	sql, args = db.NewTemplate("[parts]").Fill(7, db.In("parts", db.Join(" union ",
		part.With(db.In("b", db.SQL("b = $?", 2)), db.In("a", db.SQL("$?::text", 1))), part.With(db.In("a", db.Number(5))))))
	if diff := cmp.Diff("(select $2::text where org_id = $1 and b = $3) union (select 5 where org_id = $1 and )", sql); diff != "" || len(args) != 3 {
		t.Errorf("parts with %v (-want +got):\n%s", args, diff)
	}
	if sql, args = page.Fill(7, db.In("fields", db.SQL("1")), db.In("count", db.Number(0))); len(args) != 1 {
		t.Errorf("%s has the arguments %v", sql, args)
	}
}

func mustPanic(t *testing.T, f func()) {
	t.Helper()
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	f()
}
