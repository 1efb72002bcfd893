package logstore

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/postgres/pgerr"
	"github.com/purescim/purescim/internal/provisioning"
)

// logColumns are what scanLogEntry reads.
const logColumns = `e.id, e.client_id, e.actor, e.correlation_id, e.operation, e.target_type, e.target_id, e.target_name,
       e.result, e.status, e.error, e.added, e.removed, e.detail`

var selectLogEntry = db.New(`
select ` + logColumns + `
from   provisioning_log e
where  e.org_id = @org and e.id = @id`)

// Entry implements provisioning.Store.
func (l *Store) Entry(ctx context.Context, o org.ID, id uuid.UUID) (provisioning.Entry, error) {
	e, err := db.CollectOne(ctx, l.pool.Of(o), selectLogEntry.With(db.Org(o), db.Named("id", db.ID(id))), scanLogEntry)
	return e, pgerr.Wrap("read entry", pgerr.NoRows(err, provisioning.ErrNotFound))
}

// scanLogEntry reads one row of logColumns.
func scanLogEntry(row pgx.CollectableRow) (e provisioning.Entry, err error) {
	var problem *string
	var text string
	err = row.Scan(&e.ID, (*db.NullID)(&e.Actor.ID), &e.Actor.Name, &e.CorrelationID, &e.Operation, &e.Target.Type, (*db.NullID)(&e.Target.ID), &e.Target.Name,
		&e.Result, &e.Status, &problem, &e.Members.Added, &e.Members.Removed, &text)
	if err != nil {
		return e, err
	}
	if problem != nil {
		e.Error = &provisioning.Error{Detail: *problem}
	}
	if err := readDetail(&e, text); err != nil {
		return e, err
	}
	e.Actor = readActor(e.Actor.ID, e.Actor.Name)
	return e, nil
}

// readDetail reads what of an entry is only shown. Of what was created or deleted the
// changes are all that it had.
func readDetail(e *provisioning.Entry, text string) (err error) {
	var d Detail
	if err := unmarshal([]byte(text), &d); err != nil {
		return err
	}
	e.Address, e.System, e.Changes, e.Warnings, e.Body = d.Address, d.System, d.Changes, d.Warnings, d.Body
	e.Duration = time.Duration(d.Micros) * time.Microsecond
	e.Last, e.Groups, e.Erased, e.Undoes, e.RestoredTo = d.Last, d.Groups, d.Erased, d.Undoes, d.RestoredTo
	if e.Error != nil {
		e.Error.Type = d.ScimType
	}
	if d.Before != nil {
		err = unmarshal(d.Before, &e.Deleted)
	}
	if d.After != nil && err == nil {
		err = unmarshal(d.After, &e.Created)
	}
	if d.Before != nil || d.After != nil {
		e.Changes = append(provisioning.Difference(e.Deleted, e.Created), d.Changes...)
	}
	return err
}

// ChangesIn are the changes of which the detail of an entry tells; none of one that cannot be
// read.
func ChangesIn(detail []byte) []provisioning.Change {
	var e provisioning.Entry
	if readDetail(&e, string(detail)) != nil {
		return nil
	}
	return e.Changes
}

// unmarshal reads JSON, with numbers as they are written.
func unmarshal(text []byte, v any) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	return decoder.Decode(v)
}

// readActor is the inverse of actorOf.
func readActor(client uuid.UUID, name string) provisioning.Actor {
	if client != uuid.Nil {
		return provisioning.Actor{Type: provisioning.Client, ID: client, Name: name}
	}
	if account, ok := strings.CutPrefix(name, cliPrefix); ok {
		return provisioning.Actor{Type: provisioning.CLI, Name: account}
	}
	if login, ok := strings.CutPrefix(name, personPrefix); ok {
		return provisioning.Actor{Type: provisioning.Person, Name: login}
	}
	return provisioning.Actor{Type: provisioning.Server}
}

// selectAttempted reads what a transaction has stored in the log.
var selectAttempted = db.New(`
select ` + logColumns + `
from   provisioning_log e
where  e.org_id = @org and e.id = any(@ids::uuid[])
order  by e.id
limit  @most`)

var countAttempted = db.New(`
select count(*)
from   provisioning_log e
where  e.org_id = @org and e.id = any(@ids::uuid[])`)

// ReadStored reads the entries that a transaction has stored, those of the ids that are there:
// the first of them, and how many they are.
func ReadStored(ctx context.Context, tx pgx.Tx, o int64, ids db.IDs) (entries []provisioning.Entry, total int, err error) {
	if len(ids) == 0 {
		return nil, 0, nil
	}
	asked := selectAttempted.With(db.Org(o), db.Named("ids", ids), db.Named("most", provisioning.MaxAttempted))
	if entries, err = db.Collect(ctx, tx, asked, scanLogEntry); err != nil {
		return nil, 0, err
	}
	if total = len(entries); total == provisioning.MaxAttempted {
		err = countAttempted.With(db.Org(o), db.Named("ids", ids)).QueryRow(ctx, tx).Scan(&total)
	}
	return entries, total, err
}
