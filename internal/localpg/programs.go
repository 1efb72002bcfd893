package localpg

import (
	"context"
	"fmt"
	"log/slog"
	"os/exec"
	"syscall"
)

// Programs finds the directory with the programs of the newest PostgreSQL, for those who
// make clusters of their own.
func Programs(ctx context.Context) (dir string, err error) {
	return (&cluster{log: slog.New(slog.DiscardHandler)}).findBinaries(ctx)
}

// Lend has a program of PostgreSQL run as the user to whom root lends clusters, and gives
// this user the paths that it needs. Who is not root runs it as it is.
func Lend(program *exec.Cmd, paths ...string) error {
	user, err := runAs()
	if err != nil {
		return err
	}
	lender := &cluster{user: user}
	for _, path := range paths {
		if err := lender.give(path); err != nil {
			return fmt.Errorf("lend %s: %w", path, err)
		}
	}
	if program.SysProcAttr == nil {
		program.SysProcAttr = &syscall.SysProcAttr{}
	}
	if user.lent {
		program.SysProcAttr.Credential = &syscall.Credential{Uid: user.uid, Gid: user.gid}
	}
	return nil
}
