package main

import (
	"fmt"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/purescim/purescim/internal/health"
	"github.com/purescim/purescim/internal/testdb"
)

// A server that is told to stop finishes what it has accepted: clients that leave it when
// it is not ready any more, as a load balancer has them do, meet no error.
func TestServe_FinishesWhatItAccepted(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	token := tokenOf(t, os.Args[0], db)
	for restart := range 2 {
		server := spawn(t, db)
		clients := beside{token: token, servers: []string{server.url}}
		var left atomic.Bool
		var served atomic.Int32
		var work sync.WaitGroup
		for worker := range 8 {
			work.Go(func() {
				for n := 0; !left.Load(); n++ {
					body := fmt.Sprintf(`{"userName":"user%d.%d.%d@example.org"}`, restart, worker, n)
					if err := clients.ask(0, http.MethodPost, scimPath+"/Users", body, http.StatusCreated, nil); err != nil {
						t.Error(err)
						return
					}
					served.Add(1)
				}
			})
		}
		for served.Load() < 50 && !t.Failed() {
			time.Sleep(time.Millisecond)
		}
		if err := server.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Error(err)
		}
		for ready := true; ready; time.Sleep(20 * time.Millisecond) {
			status, _ := get(t, server.url+health.ReadyPath, "")
			ready = status == http.StatusOK && !t.Failed()
		}
		left.Store(true)
		work.Wait()
		if err := server.cmd.Wait(); err != nil {
			t.Errorf("the server ended with %v", err)
		}
	}
}
