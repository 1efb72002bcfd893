package bench

import (
	"bytes"
	"fmt"
	"syscall"
	"time"
)

// Authentication is what it costs to tell who makes a request by an access token that
// was seen lately.
type Authentication struct {
	Requests int `json:"requests"`
	// CPU is microseconds a request, of the process alone.
	CPU float64 `json:"cpu_us"`
	// AtMost is what CPU should be.
	AtMost float64 `json:"cpu_us_at_most"`
	// LookUps is how often the store was asked for all requests together.
	LookUps int64 `json:"store_look_ups"`
}

const (
	authentications       = 200_000
	authenticationsAtMost = 15 // microseconds
)

// Authenticate measures verify, which checks one token, in the process that it is called
// in: nothing else should be at work there. LookUps counts what the store was asked since
// it was opened.
func Authenticate(verify func() error, lookUps func() int64) (Authentication, error) {
	a := Authentication{Requests: authentications, AtMost: authenticationsAtMost}
	asked := lookUps()
	began, err := processTime()
	if err != nil {
		return a, err
	}
	for range a.Requests {
		if err := verify(); err != nil {
			return a, fmt.Errorf("verify the access token: %w", err)
		}
	}
	ended, err := processTime()
	if err != nil {
		return a, err
	}
	a.CPU = float64((ended - began).Nanoseconds()) / 1000 / float64(a.Requests)
	a.LookUps = lookUps() - asked
	return a, nil
}

// processTime is the CPU time of this process, user and system, finer than /proc has it.
func processTime() (time.Duration, error) {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		return 0, fmt.Errorf("read the process's CPU time: %w", err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano()), nil
}

func (a Authentication) print(b *bytes.Buffer) {
	fmt.Fprintf(b, "\naccess token, warm: %s us CPU a request (at most %s), %d store look-ups in %d\n",
		decimals(&a.CPU, 1), decimals(&a.AtMost, 0), a.LookUps, a.Requests)
}
