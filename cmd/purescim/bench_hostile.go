package main

import (
	"context"
	"fmt"

	"github.com/purescim/purescim/internal/bench"
)

// measureHostile lets each flood loose on a server of its own, so that none leaves
// something to the next one but what it stored. Each has an organisation of its own, and
// so has the client beside it.
func (cmd *benchCommand) measureHostile(ctx context.Context, c console, p *parts, server *benchSide, progress func(bench.Step)) ([]bench.Attacked, error) {
	floods, err := bench.Floods(cmd.Only)
	if err != nil {
		return nil, err
	}
	server.Profile = cmd.Profile
	var results []bench.Attacked
	for i, flood := range floods {
		progress(bench.Step{What: flood.Name, Done: i, Total: len(floods)})
		_, attacker, err := newBenchOrg(ctx, p, fmt.Sprint("attacker ", i))
		if err != nil {
			return nil, err
		}
		_, neighbour, err := newBenchOrg(ctx, p, fmt.Sprint("neighbour ", i))
		if err != nil {
			return nil, err
		}
		err = server.serving(ctx, c, "", func(s bench.Server) error {
			a, n := s, s
			a.Token, n.Token = attacker, neighbour
			result, err := flood.Measure(ctx, a, n, cmd.Scale)
			results = append(results, result)
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", flood.Name, err)
		}
	}
	return results, nil
}
