package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/purescim/purescim/internal/localpg"
)

var shellBlock = regexp.MustCompile("(?s)```sh\n(.*?)```")

// backupBlocks are the commands of the section about backups, in their order.
func backupBlocks(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "\n## Backup\n")
	section, _, _ = strings.Cut(section, "\n## ")
	var blocks []string
	for _, match := range shellBlock.FindAllStringSubmatch(section, -1) {
		blocks = append(blocks, match[1])
	}
	if len(blocks) != 6 {
		t.Fatalf("%d blocks of commands, want 6: adapt the test", len(blocks))
	}
	return blocks
}

// shell runs commands as PostgreSQL's user does, in a directory of its own.
type shell struct {
	t   *testing.T
	dir string
	env []string
}

func newShell(t *testing.T) *shell {
	t.Helper()
	bin, err := localpg.Programs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("/tmp", "backup-")
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	// This program is purescim: it is copied to where that user may run it.
	program, err := os.ReadFile(os.Args[0])
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "purescim"), program, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	return &shell{t: t, dir: dir, env: []string{"PATH=" + dir + ":" + bin + ":" + os.Getenv("PATH"), "HOME=" + dir, "LC_ALL=C"}}
}

func (s *shell) set(name, value string) { s.env = append(s.env, name+"="+value) }

func (s *shell) run(commands string) string {
	s.t.Helper()
	cmd := exec.CommandContext(context.WithoutCancel(s.t.Context()), "bash", "-euc", commands)
	cmd.Dir, cmd.Env = s.dir, s.env
	if err := localpg.Lend(cmd, s.dir); err != nil {
		s.t.Fatal(err)
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		s.t.Fatalf("%v\n%s\n%s", err, commands, out)
	}
	return string(out)
}

// cluster makes a PostgreSQL whose log is archived, and starts it.
func (s *shell) cluster() {
	s.t.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.t.Fatal(err)
	}
	port := free.Addr().(*net.TCPAddr).Port
	free.Close()
	url := fmt.Sprintf("postgres://postgres@127.0.0.1:%d/", port)
	s.set("DATABASE_URL", url+"postgres")
	s.set("RESTORED_URL", url+"restored")
	s.set("PORT", fmt.Sprint(port))
	for _, name := range []string{"ARCHIVE", "BACKUP", "RECOVERED"} {
		s.set(name, filepath.Join(s.dir, strings.ToLower(name)))
	}
	s.t.Cleanup(func() {
		s.run(`for data in data recovered; do pg_ctl stop -m immediate -D $data >/dev/null 2>&1 || true; done`)
	})
	s.run(`mkdir archive
initdb -D data -U postgres -A trust -E UTF8 --locale=C >/dev/null
cat >> data/postgresql.conf <<END
port = $PORT
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
archive_mode = on
archive_command = 'test ! -f $ARCHIVE/%f && cp %p $ARCHIVE/%f'
END
pg_ctl start --wait --silent -D data --log=data.log`)
}

// The commands by which docs/operations.md has databases backed up and restored do that.
func TestBackup_CommandsOfTheDocuments(t *testing.T) {
	t.Parallel()
	blocks := backupBlocks(t)
	s := newShell(t)
	s.cluster()
	organisations := func(flags string) string {
		return s.run("purescim org list -o json " + flags + " | grep '\"name\"' || true")
	}
	s.run(`purescim migrate; purescim org create acme --with-client -o json`)

	// A dump, and what it has.
	s.run(blocks[0])
	s.run(`purescim org create later`)
	s.run(blocks[1])
	if got := organisations("--database-url=$RESTORED_URL"); !strings.Contains(got, "acme") || strings.Contains(got, "later") {
		t.Errorf("the restored dump has %s", got)
	}
	// A base backup, and a moment between two changes.
	s.run(blocks[3])
	s.run(`purescim org create before`)
	time.Sleep(100 * time.Millisecond)
	s.set("MOMENT", time.Now().UTC().Format("2006-01-02 15:04:05.000000+00"))
	time.Sleep(100 * time.Millisecond)
	s.run(`purescim org create mistake; psql --quiet -c 'select pg_switch_wal()' "$DATABASE_URL"; pg_ctl stop --silent -D data`)
	s.run(blocks[4])
	if got := organisations(""); !strings.Contains(got, "later") || !strings.Contains(got, "before") || strings.Contains(got, "mistake") {
		t.Errorf("at the moment there were %s", got)
	}
	// Tokens of before are ended.
	s.run(blocks[5])
	if got := s.run(`purescim token list --client acme -o json`); !strings.Contains(got, `"state": "revoked"`) {
		t.Errorf("after the restore tokens are %s", got)
	}
}

// Those for the private PostgreSQL do that too.
func TestBackup_CommandsForThePrivateOne(t *testing.T) {
	t.Parallel()
	s := newShell(t)
	s.run(`purescim exec --data-dir=.data --create -- sh -c 'purescim migrate && purescim org create acme'`)
	if got := s.run(backupBlocks(t)[2]); !strings.Contains(got, "1 organisations verified, no difference") {
		t.Error(got)
	}
}
