package localpg

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// rootHome is where root's clusters lie when Dir is closed to the unprivileged user.
const rootHome = "/var/lib/purescim"

// A cluster is a place on disk and the user who owns it.
type cluster struct {
	base string // holds everything below
	data string // PostgreSQL's data directory
	user account
	test bool
	log  *slog.Logger

	bin string // the binaries' directory, once it is needed
}

// An account is the user PostgreSQL runs as. PostgreSQL refuses to run as root, so root
// lends the cluster to another user.
type account struct {
	name     string
	uid, gid uint32
	lent     bool
}

func (c *cluster) path(name string) string { return filepath.Join(c.base, name) }

func (c *cluster) tool(name string) string { return filepath.Join(c.bin, name) }

// place decides where the cluster of o.Dir lies, always in the same way, and creates the
// directory for it.
func place(o Options) (*cluster, error) {
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	c := &cluster{base: filepath.Join(dir, "postgres"), test: o.Test, log: o.Log}
	if c.user, err = runAs(); err != nil {
		return nil, err
	}
	if c.user.lent {
		user := c.user.orOwner(c.path("data"))
		if c.base, err = openBase(dir, c.base, user, o.Log); err != nil {
			return nil, err
		}
		c.user = c.user.orOwner(c.path("data"))
	}
	c.data = c.path("data")
	return c, c.claim()
}

// Exists reports whether there is a cluster that [Start] with this Dir would use.
func Exists(dir string) bool {
	dir, err := filepath.Abs(dir)
	return err == nil && (isCluster(filepath.Join(dir, "postgres", "data")) || isCluster(filepath.Join(movedTo(dir), "data")))
}

// movedTo is where root's cluster of a directory lies when that is closed to its user.
func movedTo(dir string) string {
	sum := sha256.Sum256([]byte(dir))
	return filepath.Join(rootHome, filepath.Base(dir)+"-"+hex.EncodeToString(sum[:6]))
}

// openBase returns base, or the place that root uses instead when user cannot enter dir.
func openBase(dir, base string, user account, log *slog.Logger) (string, error) {
	moved := movedTo(dir)
	closed := closedParent(dir, user)
	switch {
	case isCluster(filepath.Join(base, "data")):
		if closed != "" {
			return "", fmt.Errorf("%s holds a cluster, but user %s may not enter %s (chmod o+x %[3]s)", base, user.name, closed)
		}
		return base, nil
	case closed == "" && !isCluster(filepath.Join(moved, "data")):
		return base, nil
	}
	log.Info("database files are kept outside the data directory, which the database user may not enter",
		"user", user.name, "data_directory", dir, "database_files", moved)
	if err := os.MkdirAll(rootHome, 0o755); err != nil {
		return "", err
	}
	return moved, os.Chmod(rootHome, 0o755) // whatever the umask says
}

// orOwner is the account that an existing cluster belongs to, or else a itself.
func (a account) orOwner(data string) account {
	info, err := os.Stat(data)
	if err != nil {
		return a
	}
	if owner := info.Sys().(*syscall.Stat_t); owner.Uid != 0 && owner.Uid != a.uid {
		a.name, a.uid, a.gid = fmt.Sprintf("id %d", owner.Uid), owner.Uid, owner.Gid
	}
	return a
}

// claim makes the base directory and gives it to the cluster's user.
func (c *cluster) claim() error {
	if err := os.Mkdir(c.base, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	if owner := c.user.orOwner(c.base); !c.user.lent && owner.uid != c.user.uid {
		return fmt.Errorf("%s belongs to user %s: run as that user or root, or use another data directory", c.base, owner.name)
	}
	return c.give(c.base)
}

// give hands a path to the cluster's user.
func (c *cluster) give(path string) error {
	if !c.user.lent {
		return nil
	}
	return os.Lchown(path, int(c.user.uid), int(c.user.gid))
}

func isCluster(data string) bool {
	_, err := os.Stat(filepath.Join(data, "PG_VERSION"))
	return err == nil
}

// runAs is the current user, or for root the user it lends the cluster to.
func runAs() (account, error) {
	if uid := os.Geteuid(); uid != 0 {
		return account{uid: uint32(uid), gid: uint32(os.Getegid())}, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(u.Uid, 10, 32)
		if err != nil {
			return account{}, err
		}
		gid, err := strconv.ParseUint(u.Gid, 10, 32)
		if err != nil {
			return account{}, err
		}
		return account{name: name, uid: uint32(uid), gid: uint32(gid), lent: true}, nil
	}
	return account{}, errors.New("PostgreSQL does not run as root, and there is neither a user postgres nor a user nobody")
}

// closedParent is the first directory on the way to dir, or dir, that user cannot enter.
// initdb would say no more than "permission denied".
func closedParent(dir string, user account) string {
	if parent := filepath.Dir(dir); parent != dir {
		if closed := closedParent(parent, user); closed != "" {
			return closed
		}
	}
	info, err := os.Stat(dir)
	if err != nil {
		return dir
	}
	owner := info.Sys().(*syscall.Stat_t)
	enter := info.Mode().Perm()
	switch {
	case owner.Uid == user.uid:
		enter >>= 6
	case owner.Gid == user.gid:
		enter >>= 3
	}
	if enter&1 == 0 {
		return dir
	}
	return ""
}

// command is one of the cluster's programs, run as its user, in its directory, in a
// session of its own: the terminal's Ctrl-C is for us, who may still need the database.
func (c *cluster) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Dir = c.base
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + c.base, "LC_ALL=C", "TZ=UTC"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if c.user.lent {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: c.user.uid, Gid: c.user.gid}
	}
	return cmd
}
