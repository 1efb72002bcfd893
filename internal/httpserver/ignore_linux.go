package httpserver

import "syscall"

// Of a TCP header: where the flags are, and which begin a connection.
const (
	flagsAt = 13
	syn     = 0x02
	ack     = 0x10
)

// ignoreNew has the system drop what clients send to begin a connection; those that have
// begun go on. A client sends it again after a second, most often, and finds the port closed
// or another server there.
//
//nolint:staticcheck // what replaces the calls is a module more, for one filter
func ignoreNew(port int) error {
	const whole = 1 << 16 // bytes that are let through
	return syscall.AttachLsf(port, []syscall.SockFilter{
		*syscall.LsfStmt(syscall.BPF_LD|syscall.BPF_B|syscall.BPF_ABS, flagsAt),
		*syscall.LsfStmt(syscall.BPF_ALU|syscall.BPF_AND|syscall.BPF_K, syn|ack),
		*syscall.LsfJump(syscall.BPF_JMP|syscall.BPF_JEQ|syscall.BPF_K, syn, 0, 1),
		*syscall.LsfStmt(syscall.BPF_RET|syscall.BPF_K, 0),
		*syscall.LsfStmt(syscall.BPF_RET|syscall.BPF_K, whole),
	})
}
