package chaos

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// Pause stops all processes of the standby, until what it returns is called.
func (p *Pair) Pause() (goOn func(), err error) {
	text, err := os.ReadFile(filepath.Join(p.standby.data, "postmaster.pid"))
	if err != nil {
		return nil, err
	}
	first, _, _ := strings.Cut(string(text), "\n")
	postmaster, err := strconv.Atoi(first)
	if err != nil {
		return nil, err
	}
	processes := append(children(postmaster), postmaster)
	send := func(s syscall.Signal) {
		for _, pid := range processes {
			_ = syscall.Kill(pid, s)
		}
	}
	send(syscall.SIGSTOP)
	return func() { send(syscall.SIGCONT) }, nil
}

// children are the processes of one.
func children(parent int) (pids []int) {
	list, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range list {
		text, _ := os.ReadFile(file)
		_, rest, _ := strings.Cut(string(text), ") ")
		if fields := strings.Fields(rest); len(fields) > 1 && fields[1] == strconv.Itoa(parent) {
			pids = append(pids, number(filepath.Dir(file)))
		}
	}
	return pids
}

// Exhaust takes all connections of the primary that are free, and those that become so,
// until ctx ends.
func (p *Pair) Exhaust(ctx context.Context) {
	var taken []*pgx.Conn
	for ctx.Err() == nil {
		c, err := pgx.Connect(ctx, p.direct())
		if err != nil {
			time.Sleep(10 * time.Millisecond)
			continue
		}
		taken = append(taken, c)
	}
	for _, c := range taken {
		_ = c.Close(context.WithoutCancel(ctx))
	}
}

// Flood is what came of requests beyond what servers can do.
type Flood struct {
	Answered, Shed int // of the flood; shed are 429 and 503
	Others, Missed int // look-ups of another organisation, and those that were not answered
}

// and is both floods.
func (f Flood) and(other Flood) Flood {
	return Flood{f.Answered + other.Answered, f.Shed + other.Shed, f.Others + other.Others, f.Missed + other.Missed}
}

// floodOf asks for scans, look-ups and changes as fast as so many clients can, while another
// organisation looks a user up through each server.
func (c *Clients) floodOf(ctx context.Context, clients int, other *Clients, user string) (f Flood) {
	var flood sync.WaitGroup
	var mu sync.Mutex
	count := func(into *int) {
		mu.Lock()
		defer mu.Unlock()
		*into++
	}
	for i := range clients {
		flood.Go(func() {
			for n := i; ctx.Err() == nil; n++ {
				a := c.ask(ctx, c.any(), http.MethodGet, floodPath(n), "", 0)
				c.expect(a.status, "a request of a flood")
				switch a.status {
				case http.StatusOK:
					count(&f.Answered)
				case http.StatusTooManyRequests, http.StatusServiceUnavailable:
					count(&f.Shed)
				}
			}
		})
	}
	for _, server := range c.Servers {
		flood.Go(func() {
			for ctx.Err() == nil {
				if a := other.ask(ctx, server, http.MethodGet, usersPath+"/"+user, "", 0); a.status == http.StatusOK {
					count(&f.Others)
				} else {
					count(&f.Missed)
				}
				time.Sleep(50 * time.Millisecond)
			}
		})
	}
	flood.Wait()
	return f
}

// floodPath is a scan most often, which finds nothing, or a look-up.
func floodPath(n int) string {
	if n%4 == 0 {
		return usersPath + fmt.Sprintf("?filter=userName+eq+%%22user%d@example.org%%22", n)
	}
	return usersPath + fmt.Sprintf("?filter=title+co+%%22none%d%%22", n)
}
