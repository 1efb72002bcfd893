package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/provisioning"
	"github.com/purescim/purescim/internal/scim"
)

type holdCommands struct {
	List    holdList    `cmd:"" help:"List what is held of an organisation's clients, and what was decided."`
	Release holdRelease `cmd:"" help:"Let a client go on with what is held. Identity systems try again by themselves."`
	Reject  holdReject  `cmd:"" help:"Refuse what is held, without holding it anew."`
}

// holdResult is what a program reads of a hold.
type holdResult struct {
	ID       string     `json:"id"`
	Client   string     `json:"client"`
	ClientID string     `json:"client_id"`
	What     string     `json:"what"`
	GroupID  string     `json:"group_id,omitempty"`
	State    string     `json:"state"`
	Held     *time.Time `json:"held"`
	Last     *time.Time `json:"last_attempt"`
	Attempts int64      `json:"attempts"`
	Removed  int64      `json:"removed_within_hour"`
	Most     int64      `json:"most_within_hour"`
	Until    *time.Time `json:"until"`
}

func newHoldResult(h provisioning.Hold) holdResult {
	r := holdResult{
		ID: h.ID.String(), Client: h.ClientName, ClientID: h.Client.String(), What: h.What(), State: string(h.State),
		Held: timeJSON(h.Held), Last: timeJSON(h.Last), Attempts: h.Attempts, Removed: h.Removed, Most: h.Most, Until: timeJSON(h.Until),
	}
	if h.Group != uuid.Nil {
		r.GroupID = h.Group.String()
	}
	return r
}

func (r holdResult) fields() []field {
	return []field{
		{"hold", r.ID},
		{"what", r.What},
		{"state", r.State},
		{"until", timeText(r.Until)},
		{"held since", timeText(r.Held)},
		{"last attempt", timeText(r.Last)},
		{"attempts", strconv.FormatInt(r.Attempts, 10)},
		{"removed within the hour", fmt.Sprintf("%d of %d", r.Removed, r.Most)},
	}
}

type holdList struct {
	orgDatabase
	output
}

// Run lists the holds, the latest first.
func (cmd *holdList) Run(ctx context.Context, c console) error {
	return cmd.inOrg(ctx, c, reads, func(p *parts, o org.Org) error {
		holds, err := p.entries.Holds(ctx, o.ID)
		err = printList(cmd.output, c, holds, err, newHoldResult, columns[holdResult]{
			[]string{"ID", "STATE", "UNTIL", "WHAT", "HOUR", "ATTEMPTS", "LAST ATTEMPT"},
			func(r holdResult) []string {
				return []string{r.ID, r.State, timeText(r.Until), r.What, fmt.Sprintf("%d of %d", r.Removed, r.Most), strconv.FormatInt(r.Attempts, 10), timeText(r.Last)}
			},
		})
		if err != nil || cmd.Output != "text" {
			return err
		}
		return tellOff(c, o)
	})
}

// tellOff says which brakes are off, since an empty list could be misunderstood.
func tellOff(c console, o org.Org) error {
	for _, b := range []struct {
		brake      org.Brake
		what, flag string
	}{
		{o.Settings.UserBrake, "deactivations and deletions of users", "--brake-users 25%"},
		{o.Settings.MemberBrake, "removals of members", "--brake-members 50%"},
	} {
		if !b.brake.IsOff() {
			continue
		}
		if err := c.done("%s are never held: the brake is off (purescim org set %q %s)", b.what, o.Name, b.flag); err != nil {
			return err
		}
	}
	return nil
}

// decision is the hold that is decided about, and for how long.
type decision struct {
	orgDatabase
	output
	ID  string   `arg:"" help:"The id of the hold, as 'hold list' shows it."`
	For duration `default:"24h" placeholder:"TIME" help:"How long the decision counts (${default})."`
}

func (cmd *decision) decide(
	ctx context.Context, c console, how func(l *provisioning.Log, ctx context.Context, o org.ID, id uuid.UUID, lasting time.Duration) (provisioning.Hold, error),
) error {
	id, err := uuid.Parse(cmd.ID)
	if err != nil {
		return fmt.Errorf("%q is not the id of a hold, which is a UUID", cmd.ID)
	}
	lasting := time.Duration(cmd.For)
	if lasting <= 0 || lasting > provisioning.MaxDecisionTime {
		return scim.InvalidValue("--for: %s is not allowed; up to %s are expected", spanText(lasting), spanText(provisioning.MaxDecisionTime))
	}
	return cmd.inOrg(ctx, c, changes, func(p *parts, o org.Org) error {
		h, err := how(p.entries, ctx, o.ID, id, lasting)
		if errors.Is(err, provisioning.ErrNoHold) {
			return fmt.Errorf("organisation %q has no hold %s; 'purescim hold list' shows them", o.Name, id)
		}
		return cmd.print(c, newHoldResult(h), err)
	})
}

type holdRelease struct{ decision }

// Run releases the hold.
func (cmd *holdRelease) Run(ctx context.Context, c console) error {
	return cmd.decide(ctx, c, (*provisioning.Log).Release)
}

type holdReject struct{ decision }

// Run rejects what is held.
func (cmd *holdReject) Run(ctx context.Context, c console) error {
	return cmd.decide(ctx, c, (*provisioning.Log).Reject)
}

// percentage is a part of all; 0 is written as off.
type percentage int

// UnmarshalText reads 25%, 25 and off.
func (p *percentage) UnmarshalText(text []byte) error {
	if string(text) == "off" {
		*p = 0
		return nil
	}
	n, err := strconv.Atoi(strings.TrimSuffix(string(text), "%"))
	if err != nil || n < 1 || n > 100 {
		return fmt.Errorf("%q is not allowed; a percentage from 1%% to 100%%, or off, is expected", text)
	}
	*p = percentage(n)
	return nil
}

// brakeResult is what a program reads of a brake; 0 percent is off.
type brakeResult struct {
	Percent int `json:"percent"`
	Least   int `json:"least"`
}

func (r brakeResult) text() string {
	if r.Percent == 0 {
		return "any number"
	}
	return fmt.Sprintf("%d%%, or %d if that is more", r.Percent, r.Least)
}

// checkBrakes refuses brakes that hold everything.
func (cmd *orgSet) checkBrakes() error {
	for name, least := range map[string]*int{"--brake-users-least": cmd.BrakeUsersLeast, "--brake-members-least": cmd.BrakeMembersLeast} {
		if least != nil && (*least < 0 || *least > 1_000_000_000) {
			return scim.InvalidValue("%s: %d is not allowed; 0 or more is expected", name, *least)
		}
	}
	return nil
}
