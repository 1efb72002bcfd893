package bench

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
)

// floorHandler answers with documents as they are stored: no token, no decoding, one statement
// a request where one is enough. It is the least that can be done, not a SCIM server.
type floorHandler struct {
	pool        *pgxpool.Pool
	doc, folded []byte // those of some user, which each write stores
}

// Floor makes the handler of the floor, on a database that Mirror has prepared. closing
// gives its connections back.
func Floor(ctx context.Context, databaseURL string) (h http.Handler, closing func(), err error) {
	config, err := pgxpool.ParseConfig(databaseURL)
	if err != nil {
		return nil, nil, err
	}
	// PostgreSQL would plan the page anew each time, for the id that it begins after.
	config.ConnConfig.RuntimeParams["plan_cache_mode"] = "force_generic_plan"
	f := floorHandler{}
	if f.pool, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return nil, nil, err
	}
	const sample = `select doc, folded from users where org_id = $1 order by id limit 1`
	if err := f.pool.QueryRow(ctx, sample, floorOrg).Scan(&f.doc, &f.folded); err != nil {
		f.pool.Close()
		return nil, nil, fmt.Errorf("floor: read a user to copy: %w", err)
	}
	return f.routes(), f.pool.Close, nil
}

// handler gives a status and a body.
type handler = func(r *http.Request) (status int, body []byte, err error)

func (f floorHandler) routes() http.Handler {
	mux := http.NewServeMux()
	for pattern, handle := range map[string]handler{
		"GET /users/{id}":            f.readOne(floorGet),
		"GET /grouped-users/{id}":    f.readOne(floorGetGrouped),
		"GET /names/{key}":           f.find(floorFind),
		"GET /grouped-names/{key}":   f.find(floorFindGrouped),
		"GET /emails/{key}":          f.find(floorFindEmail),
		"GET /external-ids/{key}":    f.find(floorFindExternal),
		"GET /sorted-pages/{key}":    f.find(floorSorted),
		"GET /pages/{after}":         f.page(floorPage),
		"GET /whole-pages/{after}":   f.page(floorWholePage),
		"GET /grouped-pages/{after}": f.page(floorPage, floorPageGroups),

		"POST /rows/{number}":    f.insert,
		"POST /users/{number}":   f.insertWhole,
		"PATCH /users/{id}":      f.update,
		"PATCH /read-users/{id}": f.readAndUpdate,
		"PUT /users/{id}":        f.update,
		"PUT /read-users/{id}":   f.readAndUpdate,

		"POST /groups/{id}/members/{user}":   f.member(floorAddMembers),
		"DELETE /groups/{id}/members/{user}": f.member(floorRemoveMembers),
		"POST /groups/{id}/members":          f.members(floorAddMembers),
		"DELETE /groups/{id}/members":        f.members(floorRemoveMembers),
	} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			status, doc, err := handle(r)
			if err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
				return
			}
			w.Header()["Content-Type"] = jsonType
			w.Header()["Content-Length"] = []string{strconv.Itoa(len(doc))}
			w.WriteHeader(status)
			_, _ = w.Write(doc) // who does not read it does not need it
		})
	}
	return mux
}

var jsonType = []string{"application/json"}

func (f floorHandler) readOne(sql string) handler {
	return func(r *http.Request) (int, []byte, error) {
		id, err := pathID(r, "id")
		if err != nil {
			return 0, nil, err
		}
		return f.read(r, nil, sql, floorOrg, id)
	}
}

func (f floorHandler) find(sql string) handler {
	return func(r *http.Request) (int, []byte, error) {
		return f.read(r, nil, sql, floorOrg, r.PathValue("key"))
	}
}

// page runs the statements in one round trip.
func (f floorHandler) page(statements ...string) handler {
	return func(r *http.Request) (status int, body []byte, err error) {
		after, err := pathID(r, "after")
		if err != nil {
			return 0, nil, err
		}
		const average = 1536 // bytes of a document, with room to spare
		body, status = make([]byte, 0, pageSize*average), http.StatusNotFound
		b := new(pgx.Batch)
		for i, sql := range statements {
			b.Queue(sql, floorOrg, after).Query(func(rows pgx.Rows) error {
				n := len(body)
				if body = appendRows(body, rows); i == 0 && len(body) > n {
					status = http.StatusOK
				}
				return rows.Err()
			})
		}
		err = f.pool.SendBatch(r.Context(), b).Close()
		return status, body, err
	}
}

// read appends the columns of all rows that a statement gives.
func (f floorHandler) read(r *http.Request, dst []byte, sql string, args ...any) (int, []byte, error) {
	rows, err := f.pool.Query(r.Context(), sql, args...)
	if err != nil {
		return 0, nil, err
	}
	defer rows.Close()
	if dst = appendRows(dst, rows); len(dst) == 0 {
		return http.StatusNotFound, nil, rows.Err()
	}
	return http.StatusOK, dst, rows.Err()
}

func appendRows(dst []byte, rows pgx.Rows) []byte {
	for rows.Next() {
		for _, column := range rows.RawValues() {
			dst = append(append(dst, column...), '\n')
		}
	}
	return dst
}

func (f floorHandler) insert(r *http.Request) (int, []byte, error) {
	args, _, err := f.newUser(r)
	if err != nil {
		return 0, nil, err
	}
	return f.write(r, http.StatusCreated, floorInsert, args...)
}

func (f floorHandler) insertWhole(r *http.Request) (int, []byte, error) {
	args, n, err := f.newUser(r)
	if err != nil {
		return 0, nil, err
	}
	keys := []string{args[5].(string), "+442071838750", mobile(n)}
	return f.write(r, http.StatusCreated, floorInsertWhole, append(args, keys, newID(), newID())...)
}

// newUser gives the arguments of floorInsert.
func (f floorHandler) newUser(r *http.Request) (args []any, n int, err error) {
	number := r.PathValue("number")
	if n, err = strconv.Atoi(number); err != nil {
		return nil, 0, err
	}
	name, display := newName(r, number), "Person "+number
	return []any{
		floorOrg, newID(), time.Now(), f.doc, f.folded,
		name, display, strings.ToLower(display), "external-" + name, number, "department " + strconv.Itoa(n%departments),
	}, n, nil
}

// newName makes names of the two kinds of insert that do not meet.
func newName(r *http.Request, number string) string {
	return strings.Split(r.URL.Path, "/")[1] + number + "@bench.example"
}

func newID() pgtype.UUID { return pgtype.UUID{Bytes: uuid.Must(uuid.NewV7()), Valid: true} }

func (f floorHandler) update(r *http.Request) (int, []byte, error) {
	id, err := pathID(r, "id")
	if err != nil {
		return 0, nil, err
	}
	return f.write(r, http.StatusOK, floorUpdate, floorOrg, id, time.Now(), f.doc, f.folded)
}

func (f floorHandler) readAndUpdate(r *http.Request) (int, []byte, error) {
	id, err := pathID(r, "id")
	if err != nil {
		return 0, nil, err
	}
	var modified time.Time
	var doc []byte
	if err := f.pool.QueryRow(r.Context(), floorRead, floorOrg, id).Scan(&modified, &doc); err != nil {
		return 0, nil, err
	}
	return f.write(r, http.StatusOK, floorChange, floorOrg, id, time.Now(), f.doc, f.folded, modified, newID())
}

func (f floorHandler) member(sql string) handler {
	return func(r *http.Request) (int, []byte, error) {
		user, err := pathID(r, "user")
		if err != nil {
			return 0, nil, err
		}
		return f.changeMembers(r, sql, []pgtype.UUID{user})
	}
}

// members reads their ids from the body, one a line.
func (f floorHandler) members(sql string) handler {
	return func(r *http.Request) (int, []byte, error) {
		text, err := io.ReadAll(r.Body)
		if err != nil {
			return 0, nil, err
		}
		var users []pgtype.UUID
		for line := range bytes.SplitSeq(text, []byte{'\n'}) {
			id, err := uuid.ParseBytes(line)
			if err != nil {
				return 0, nil, err
			}
			users = append(users, pgtype.UUID{Bytes: id, Valid: true})
		}
		return f.changeMembers(r, sql, users)
	}
}

func (f floorHandler) changeMembers(r *http.Request, sql string, users []pgtype.UUID) (int, []byte, error) {
	group, err := pathID(r, "id")
	if err != nil {
		return 0, nil, err
	}
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		return 0, nil, err
	}
	return f.read(r, nil, sql, floorOrg, group, users, time.Now(), newID())
}

// write reads the body, which nobody looks at, and runs a statement that must change one row.
func (f floorHandler) write(r *http.Request, status int, sql string, args ...any) (int, []byte, error) {
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		return 0, nil, err
	}
	tag, err := f.pool.Exec(r.Context(), sql, args...)
	if err != nil {
		return 0, nil, err
	}
	if tag.RowsAffected() != 1 {
		status = http.StatusNotFound
	}
	return status, f.doc, nil
}

func pathID(r *http.Request, name string) (pgtype.UUID, error) {
	id, err := uuid.Parse(r.PathValue(name))
	return pgtype.UUID{Bytes: id, Valid: true}, err
}
