package sqlrules

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Arguments have names. What is numbered by hand is numbered anew by whoever adds one, in
// the text and at the call. The first alone may be, in what several statements share: it
// is the organisation.
func TestStatements_NumberNothingByHand(t *testing.T) {
	t.Parallel()
	numbered, files := regexp.MustCompile(`\$([2-9]|1[0-9])`), 0
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		for n, line := range strings.Split(string(source), "\n") {
			if numbered.MatchString(line) {
				t.Errorf("%s:%d numbers an argument: %s", path, n+1, strings.TrimSpace(line))
			}
		}
		files++
		return err
	})
	if err != nil || files < 80 {
		t.Errorf("read %d files, and %v", files, err)
	}
}

// The check sees what it is there to see.
func TestFaults_AreFound(t *testing.T) {
	t.Parallel()
	for sql, want := range map[string]string{
		`select id from users where org_id = $1`:                                                              "",
		`select id from users where id = $1`:                                                                  "users",
		`select u.id from users u where u.org_id = $2`:                                                        "users",
		`select 1 from users u join groups g on g.id = u.id where u.org_id = $1`:                              "groups",
		`select 1 from users u, groups g where u.org_id = $1 and g.org_id = u.org_id`:                         "groups",
		`select 1 from users where org_id = $1 and exists (select from groups where true)`:                    "groups",
		`select 1 from users where org_id = $1 union all select 2 from users`:                                 "users",
		`with x as (delete from user_keys k using x where k.kind = 1) select 1`:                               "user_keys",
		`update users set doc = $2 where id = $1`:                                                             "users",
		`insert into users (org_id, id) values ($1, $2)`:                                                      "",
		`insert into users (id, org_id) values ($2, $1)`:                                                      "users",
		`insert into users (org_id, id) select $2, id from x`:                                                 "users",
		`update users set id = gen_random_uuid() where org_id = $1`:                                           "gen_random_uuid",
		`merge into users using x on true when matched then delete`:                                           "merge",
		`select 1 from users u join (select id from users where org_id = $1) p using (id) where id = p.id`:    "users u",
		`with g as (select id from groups where org_id = $1 for update) delete from groups where org_id = $1`: "",
	} {
		if faults := strings.Join(Faults(sql), "; "); want == "" && faults != "" || !strings.Contains(faults, want) {
			t.Errorf("%s: found %q, want %q", sql, faults, want)
		}
	}
}

// So does the one of what is read beside a row that is waited for.
func TestReadBeside_IsFound(t *testing.T) {
	t.Parallel()
	for sql, want := range map[string]int{
		`select id from users u where u.org_id = $1 for update of u`:                                        0,
		`select id from users u join groups g on g.org_id = $1 where u.org_id = $1 for update of u`:         1,
		`with x as (select id from groups where id = $2 for update) delete from group_members m using x`:    1,
		`with x as (update users set a = 1 returning id) insert into counts select id from x`:               0,
		`with x as (update users set a = 1 returning id) delete from user_keys k using x where k.id = x.id`: 1,
		`select id from users u join groups g on g.org_id = $1 where u.org_id = $1`:                         0,
	} {
		if beside := ReadBeside(sql); min(len(beside), 1) != want {
			t.Errorf("%s: found %v", sql, beside)
		}
	}
}
