package bench

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
)

// floor answers with documents as they are stored: no token, no decoding, one statement
// a request. It is the least that can be done, not a SCIM server.
type floor struct {
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
	f := floor{}
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

func (f floor) routes() http.Handler {
	mux := http.NewServeMux()
	for pattern, handle := range map[string]func(*http.Request) (status int, doc []byte, err error){
		"GET /users/{id}":                  f.get,
		"GET /names/{name}":                f.find,
		"GET /pages/{after}":               f.page,
		"GET /grouped-users/{id}":          f.getGrouped,
		"GET /grouped-pages/{after}":       f.pageGrouped,
		"POST /users/{number}":             f.insert,
		"PATCH /users/{id}":                f.update,
		"POST /groups/{id}/members/{user}": f.addMember,
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

// The statements of the floor: those of the server without what makes them SCIM.
const (
	floorGet = `select doc from users where org_id = $1 and id = $2`

	floorFind = `select doc from users where org_id = $1 and user_name_key = $2`

	floorPage = `select doc from users where org_id = $1 and id > $2 order by id limit 100`

	// A user's groups, as an array of ids with names.
	floorGroups = `
array(select m.group_id::text || g.display_name
      from   group_members m
      join   groups g on g.org_id = $1 and g.id = m.group_id
      where  m.org_id = $1 and m.user_id = u.id
      order  by m.group_id)::text`
	floorGetGrouped  = `select u.doc, ` + floorGroups + ` from users u where u.org_id = $1 and u.id = $2`
	floorPageGrouped = `select u.doc, ` + floorGroups + ` from users u where u.org_id = $1 and u.id > $2 order by u.id limit 100`

	floorInsert = `
insert into users (org_id, id, version, created_at, modified_at, active, doc, folded,
                   user_name_key, display_name, display_name_key, external_id, employee_number_key, department_key)
values ($1, $2, 1, $3, $3, true, $4, $5, $6, $7, $8, $9, $10, $11)`

	floorUpdate = `
update users
set    version = version + 1, modified_at = $3, doc = $4, folded = $5
where  org_id = $1 and id = $2`

	floorAddMember = `
with added as (
  insert into group_members (org_id, group_id, user_id) values ($1, $2, $3)
)
update groups
set    version = version + 1, modified_at = $4, member_count = member_count + 1
where  org_id = $1 and id = $2`
)

func (f floor) get(r *http.Request) (int, []byte, error)        { return f.readOne(r, floorGet) }
func (f floor) getGrouped(r *http.Request) (int, []byte, error) { return f.readOne(r, floorGetGrouped) }

func (f floor) readOne(r *http.Request, sql string) (int, []byte, error) {
	id, err := pathID(r, "id")
	if err != nil {
		return 0, nil, err
	}
	return f.read(r, nil, sql, floorOrg, id)
}

func (f floor) find(r *http.Request) (int, []byte, error) {
	return f.read(r, nil, floorFind, floorOrg, r.PathValue("name"))
}

func (f floor) page(r *http.Request) (int, []byte, error) { return f.readPage(r, floorPage) }
func (f floor) pageGrouped(r *http.Request) (int, []byte, error) {
	return f.readPage(r, floorPageGrouped)
}

func (f floor) readPage(r *http.Request, sql string) (int, []byte, error) {
	after, err := pathID(r, "after")
	if err != nil {
		return 0, nil, err
	}
	const average = 1536 // bytes of a document, with room to spare
	return f.read(r, make([]byte, 0, pageSize*average), sql, floorOrg, after)
}

// read appends the columns of all rows that a statement gives.
func (f floor) read(r *http.Request, dst []byte, sql string, args ...any) (int, []byte, error) {
	rows, err := f.pool.Query(r.Context(), sql, args...)
	if err != nil {
		return 0, nil, err
	}
	defer rows.Close()
	status := http.StatusNotFound
	for rows.Next() {
		status = http.StatusOK
		for _, column := range rows.RawValues() {
			dst = append(append(dst, column...), '\n')
		}
	}
	return status, dst, rows.Err()
}

func (f floor) insert(r *http.Request) (int, []byte, error) {
	number := r.PathValue("number")
	n, err := strconv.Atoi(number)
	if err != nil {
		return 0, nil, err
	}
	department := "department " + strconv.Itoa(n%departments)
	display := "Person " + number
	id := pgtype.UUID{Bytes: uuid.Must(uuid.NewV7()), Valid: true}
	return f.write(r, http.StatusCreated, floorInsert, floorOrg, id, time.Now(), f.doc, f.folded,
		userName(n), display, strings.ToLower(display), "external-"+number, number, department)
}

func (f floor) update(r *http.Request) (int, []byte, error) {
	id, err := pathID(r, "id")
	if err != nil {
		return 0, nil, err
	}
	return f.write(r, http.StatusOK, floorUpdate, floorOrg, id, time.Now(), f.doc, f.folded)
}

func (f floor) addMember(r *http.Request) (int, []byte, error) {
	group, err := pathID(r, "id")
	if err != nil {
		return 0, nil, err
	}
	user, err := pathID(r, "user")
	if err != nil {
		return 0, nil, err
	}
	return f.write(r, http.StatusOK, floorAddMember, floorOrg, group, user, time.Now())
}

// write reads the body, which nobody looks at, and runs a statement that must change one row.
func (f floor) write(r *http.Request, status int, sql string, args ...any) (int, []byte, error) {
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
