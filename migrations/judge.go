package migrations

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Latest is the newest migration that this program knows.
func Latest() int64 {
	all := known()
	return all[len(all)-1].number
}

// Judge returns an error unless this program may serve a database with the migrations that
// were applied, of which the newest that a program must know is needed. The error says what
// is to be done. A database may have more migrations than the program knows: those of the
// next release, beside which this one goes on.
func Judge(applied []int64, needed int64) error {
	if latest := Latest(); needed > latest {
		return fmt.Errorf("the database's schema needs a program that knows migration %d, and this one knows none beyond %d: "+
			"use the version that has migrated it, or a newer one", needed, latest)
	}
	for _, m := range known() {
		if !slices.Contains(applied, m.number) {
			return fmt.Errorf("the database's schema lacks the migration %s, which this program needs: run 'purescim migrate' first", m.name)
		}
	}
	return nil
}

type migration struct {
	number int64
	name   string
}

// known are the migrations of this program, in their order.
func known() []migration {
	names, _ := fs.Glob(Files, "*.sql") // the pattern is good
	all := make([]migration, 0, len(names))
	for _, name := range names {
		digits, _, _ := strings.Cut(path.Base(name), "_")
		number, err := strconv.ParseInt(digits, 10, 64)
		if err != nil {
			panic("migration without a number: " + name)
		}
		all = append(all, migration{number, name})
	}
	return all
}
