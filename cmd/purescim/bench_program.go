package main

import (
	"context"
	"os"
	"time"

	"github.com/purescim/purescim/internal/bench"
)

// measureProgram starts the server several times on the database, which is migrated.
func measureProgram(ctx context.Context, c console, server *benchSide, progress func(bench.Step)) (*bench.Program, error) {
	const times = 5
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(program)
	if err != nil {
		return nil, err
	}
	var starts []float64
	var memory int64
	for i := range times {
		progress(bench.Step{What: "starting the server", Done: i, Total: times})
		began := time.Now()
		err := server.serving(ctx, c, "", func(s bench.Server) error {
			starts = append(starts, float64(time.Since(began).Microseconds())/1000)
			memory, _ = bench.Memory(s.PID)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	result := bench.NewProgram(info.Size(), starts, memory)
	return &result, nil
}
