package authstore

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/oauth"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/postgres/logstore"
	"github.com/purescim/purescim/internal/provisioning"
)

// log stores the entry of a change in its transaction.
func (r Store) log(
	ctx context.Context, tx pgx.Tx, o org.ID, operation provisioning.Operation, target provisioning.Target, changes []provisioning.Change,
) error {
	return logstore.InsertChange(ctx, tx, r.pool.Clock, int64(o), operation, target, changes)
}

func settingsOf(o org.Org) logstore.Values {
	s := o.Settings
	return logstore.Values{
		"defaultRegion": s.DefaultRegion, "removalLimit": s.RemovalLimit, "strict": s.Strict, "rateLimit": s.RateLimit,
		"groupLifecycle": s.GroupLifecycle, "announceRoles": s.AnnounceRoles, "announcePagination": !s.HidePagination,
		"changeLogDays": s.ChangeLogDays, "refusalLogDays": s.RefusalLogDays, "deletedUserDays": s.DeletedUserDays, "tolerate": strings.Join(s.Tolerate, ","),
		"userBrakePercent": s.UserBrake.Percent, "userBrakeLeast": s.UserBrake.Least,
		"memberBrakePercent": s.MemberBrake.Percent, "memberBrakeLeast": s.MemberBrake.Least, "loopLimit": s.LoopLimit,
	}
}

func clientValues(c oauth.Client) logstore.Values {
	roles, _ := json.Marshal(grantsOf(c.Roles))
	return logstore.Values{
		"name": c.Name, "description": c.Description, "state": string(c.State), "tokenValidity": c.Validity.String(),
		"rateLimit": c.RateLimit, "provisioningDomain": c.ProvisioningDomain, "roles": string(roles), "secret": logstore.Secret(c.SecretHash),
	}
}

func clientTarget(c oauth.Client) provisioning.Target {
	return provisioning.Target{Type: provisioning.OAuth, ID: c.ID, Name: c.Name}
}

func issuerValues(t oauth.TrustedIssuer) logstore.Values {
	return logstore.Values{
		"client": t.Client.String(), "audience": t.Audience, "tenant": t.Tenant, "subjectClaim": t.SubjectClaim, "subject": t.Subject, "keysUrl": t.KeysURL,
	}
}

// tokenTarget is a token, by its id.
func tokenTarget(id uuid.UUID) provisioning.Target {
	return provisioning.Target{Type: provisioning.Token, ID: id}
}

// toClient tells which client got a token.
func toClient(id uuid.UUID) []provisioning.Change {
	return []provisioning.Change{{Attribute: "client", After: id.String()}}
}

// ofClient tells which client had tokens.
func ofClient(id uuid.UUID) []provisioning.Change {
	return []provisioning.Change{{Attribute: "client", Before: id.String()}}
}
