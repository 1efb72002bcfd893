package chaos

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"github.com/jackc/pgx/v5"
)

// diskSize is what the data and WAL of a run fit into.
const diskSize = 2 << 30

// disk is a file system of its own, in a file, which can be filled to the last byte.
type disk struct{ dir string }

// newDisk makes a file system and mounts it on dir. That takes root, and a machine that lets
// it mount.
func newDisk(ctx context.Context, dir string) (*disk, error) {
	image := dir + ".disk"
	file, err := os.Create(image)
	if err == nil {
		err = errors.Join(file.Truncate(diskSize), file.Close())
	}
	for _, command := range [][]string{
		{"mkfs.ext4", "-q", "-F", "-m", "0", "-O", "^has_journal", image},
		{"mount", "-o", "loop", image, dir},
	} {
		if err == nil {
			err = run(exec.CommandContext(ctx, command[0], command[1:]...))
		}
	}
	if err != nil {
		_ = os.Remove(image)
		return nil, err
	}
	return &disk{dir}, nil
}

// run runs a command to its end.
func run(cmd *exec.Cmd) error {
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", filepath.Base(cmd.Path), err, out)
	}
	return nil
}

// fill takes all that is left.
func (d *disk) fill() error {
	file, err := os.Create(d.ballast())
	if err != nil {
		return err
	}
	defer file.Close()
	end := int64(0)
	for piece := int64(diskSize); piece >= 4096; {
		if err := syscall.Fallocate(int(file.Fd()), 0, end, piece); err == nil {
			end += piece
		} else {
			piece /= 2
		}
	}
	return nil
}

// free gives back what fill has taken.
func (d *disk) free() error { return os.Remove(d.ballast()) }

func (d *disk) ballast() string { return filepath.Join(d.dir, "ballast") }

// end unmounts it and removes its file.
func (d *disk) end() {
	if d != nil {
		_ = syscall.Unmount(d.dir, syscall.MNT_DETACH)
		_ = os.Remove(d.dir + ".disk")
	}
}

// Fill fills the disk of the primary. Half of the time the WAL needs a new file at once, which
// has PostgreSQL crash.
func (p *Pair) Fill(ctx context.Context, wal bool) error {
	if err := p.primary.disk.fill(); err != nil || !wal {
		return err
	}
	c, err := pgx.Connect(ctx, p.direct())
	if err != nil {
		return nil // it has crashed already
	}
	defer c.Close(context.WithoutCancel(ctx))
	for range 20 { // those that were made before are used up
		if _, err := c.Exec(ctx, `select txid_current(), pg_switch_wal()`); err != nil {
			break
		}
	}
	return nil
}

// Free makes room again, and starts the primary if it has ended: PostgreSQL that cannot
// write what it needs to recover does.
func (p *Pair) Free(ctx context.Context) error {
	if err := p.primary.disk.free(); err != nil {
		return err
	}
	if p.run(ctx, "pg_ctl", "status", "-D", p.primary.data) == nil {
		return nil
	}
	return p.Start(ctx)
}
