package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/scimapi"
)

type asyncCommands struct {
	List   asyncList   `cmd:"" help:"List the requests of the last day and those that wait, the newest first."`
	Show   asyncShow   `cmd:"" help:"Show a request."`
	Cancel asyncCancel `cmd:"" help:"Cancel a request that is not finished. What it has changed stays changed."`
}

// asyncResult is what a program reads of an accepted request.
type asyncResult struct {
	ID       string     `json:"id"`
	Client   string     `json:"client"`
	State    string     `json:"state"`
	Steps    int        `json:"steps_done"`
	Accepted *time.Time `json:"accepted"`
	Finished *time.Time `json:"finished"`
}

func newAsyncResult(a directory.JobRecord) asyncResult {
	return asyncResult{
		ID: a.ID.String(), Client: a.Client.String(), State: string(a.State), Steps: a.Steps,
		Accepted: timeJSON(a.At), Finished: timeJSON(a.Finished),
	}
}

func (r asyncResult) fields() []field {
	return []field{
		{"request", r.ID},
		{"client", r.Client},
		{"state", r.State},
		{"steps done", strconv.Itoa(r.Steps)},
		{"accepted", timeText(r.Accepted)},
		{"finished", timeText(r.Finished)},
	}
}

type asyncList struct {
	orgDatabase
	output
}

// Run lists the requests.
func (cmd *asyncList) Run(ctx context.Context, c console) error {
	return cmd.inOrg(ctx, c, reads, func(p *parts, o org.Org) error {
		found, err := pages(func(offset, limit int) ([]directory.JobRecord, int, error) {
			return p.directory.Jobs().Requests(ctx, o.ID, directory.Selection{Offset: offset, Limit: limit})
		})
		return printList(cmd.output, c, found, err, newAsyncResult, columns[asyncResult]{
			[]string{"ID", "STATE", "STEPS DONE", "ACCEPTED", "FINISHED", "CLIENT"},
			func(r asyncResult) []string {
				return []string{r.ID, r.State, strconv.Itoa(r.Steps), timeText(r.Accepted), timeText(r.Finished), r.Client}
			},
		})
	})
}

// requestID is the argument that names an accepted request.
type requestID struct {
	ID uuid.UUID `arg:"" help:"Its id, as 'async list' shows it and Set-Txn told its client."`
}

func (r requestID) explain(o org.Org, err error) error {
	switch {
	case errors.Is(err, directory.ErrNotFound):
		return fmt.Errorf("organisation %q has no accepted request %s", o.Name, r.ID)
	case errors.Is(err, directory.ErrFinished):
		return fmt.Errorf("the request %s is finished: nothing of it is left to be cancelled", r.ID)
	default:
		return err
	}
}

type asyncShow struct {
	orgDatabase
	output
	requestID
}

// Run shows the request.
func (cmd *asyncShow) Run(ctx context.Context, c console) error {
	return cmd.inOrg(ctx, c, reads, func(p *parts, o org.Org) error {
		found, err := p.directory.Jobs().Request(ctx, o.ID, cmd.ID)
		return cmd.print(c, newAsyncResult(found), cmd.explain(o, err))
	})
}

type asyncCancel struct {
	orgDatabase
	output
	confirmation
	requestID
}

// Run cancels the request and shows what has become of it.
func (cmd *asyncCancel) Run(ctx context.Context, c console) error {
	return cmd.inOrg(ctx, c, changes, func(p *parts, o org.Org) error {
		if err := cmd.ask(c, "cancel the request %s and forget what is left of it to do", cmd.ID); err != nil {
			return err
		}
		if err := scimapi.Canceller(p.directory, p.log)(ctx, o.ID, cmd.ID); err != nil {
			return cmd.explain(o, err)
		}
		found, err := p.directory.Jobs().Request(ctx, o.ID, cmd.ID)
		return cmd.print(c, newAsyncResult(found), cmd.explain(o, err))
	})
}
