package console

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"path"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/httpapi"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
	"github.com/purescim/purescim/internal/transfer"
)

// transfers is where files come in and go out.
type transfers struct {
	Files   []transfer.Upload
	Most    int64 // MiB of a file
	Exports []exportRow
	Problem string
}

// exportRow is what may be exported.
type exportRow struct{ Name, What, CSV, Lines string }

func showTransfer(v *visit) error { return v.showTransfer(http.StatusOK, "") }

func (v *visit) showTransfer(status int, problem string) error {
	files, err := v.Uploads.Files(v.r.Context(), v.org.ID)
	if err != nil {
		return err
	}
	t := transfers{Most: transfer.MaxFile >> 20, Problem: problem, Files: files}
	for _, row := range []exportRow{
		{Name: "People", What: "with attributes, roles and the names of their groups; the inactive, too"},
		{Name: "Groups", What: "with the number of members; as JSON Lines with the members themselves"},
		{Name: "Memberships", What: "a line for each member of each group"},
	} {
		link := v.home("/export/", strings.ToLower(row.Name), "?format=")
		row.CSV, row.Lines = link+"csv", link+"jsonl"
		t.Exports = append(t.Exports, row)
	}
	activity := v.home("/activity/export?format=")
	t.Exports = append(t.Exports, exportRow{"Activity", "the provisioning log, as far as it is kept", activity + "csv", activity + "jsonl"})
	return v.showStatus(status, "transfer", "people", "Import and export", t)
}

// export streams people, groups or memberships while they are read.
func export(v *visit) error {
	what := transfer.What(v.parameter("what"))
	if !slices.Contains([]transfer.What{transfer.People, transfer.Groups, transfer.Memberships}, what) {
		return notHere(v.r)
	}
	e := transfer.Export{Directory: v.Directory, Org: v.org, Format: transfer.JSONLines}
	if what == transfer.People {
		e.Filter = peopleFilter(v.query("q"), v.query("state"), v.query("inside") == "yes")
	}
	kind, suffix := "application/x-ndjson", ".jsonl"
	if v.query("format") == "csv" {
		e.Format, kind, suffix = transfer.CSV, "text/csv; charset=utf-8", ".csv"
	}
	v.w.Header().Set("Content-Type", kind)
	v.w.Header().Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", string(what)+suffix))
	out := bufio.NewWriterSize(v.w, 64<<10)
	if err := e.Write(v.r.Context(), out, what); err != nil {
		v.w.Header().Del("Content-Disposition") // an error is a page, if nothing was sent yet
		return err
	}
	return out.Flush()
}

// upload takes a file that is to be imported.
func upload(v *visit) error {
	part, err := v.filePart()
	if err == nil {
		var f transfer.Upload
		if f, err = v.Uploads.Put(v.r.Context(), v.org, v.who.Login, path.Base(strings.ReplaceAll(part.FileName(), `\`, "/")), part); err == nil {
			return v.to(v.home("/imports/", f.ID.String()))
		}
	}
	if httpapi.IsTooLarge(err) {
		return v.showTransfer(http.StatusRequestEntityTooLarge, fmt.Sprintf("The file is larger than %d MiB. Divide it, or import it on the server with 'purescim import'.", transfer.MaxFile>>20))
	}
	if detail, status, told := statusOf(err); told {
		return v.showTransfer(status, detail)
	}
	return err
}

// filePart finds the file in the form.
func (v *visit) filePart() (*multipart.Part, error) {
	form, err := v.r.MultipartReader()
	if err != nil {
		return nil, scim.BadRequest("the form has no file").Because(err)
	}
	for {
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			return nil, scim.InvalidValue("choose a file first")
		}
		if httpapi.IsTooLarge(err) {
			return nil, err
		}
		if err != nil {
			return nil, scim.BadRequest("the form cannot be read").Because(err)
		}
		if part.FormName() == "file" {
			if part.FileName() == "" {
				return nil, scim.InvalidValue("choose a file first")
			}
			return part, nil
		}
	}
}

// importPage is a file that is on its way in.
type importPage struct {
	transfer.Upload
	Home  string
	Back  string
	Paths []string // where cells may go
	// Map shows the form of the mapping, whatever the stage is.
	Map      bool
	Columns  []columnRow
	Counts   importCounts
	Refused  []transfer.Outcome
	Others   []transfer.Outcome
	Log      string // what the log has of it
	Heading  string
	Kilobyte string // the size
}

// columnRow is a column of the file, and where its cells go.
type columnRow struct {
	transfer.Heading
	Field, To string
}

// importCounts are how many lines there are of each outcome.
type importCounts struct{ Create, Update, Unchanged, Refuse, Memberships int }

func (v *visit) findImport() (f transfer.Upload, err error) {
	id, err := v.id()
	if err != nil {
		return f, err
	}
	f, err = v.Uploads.File(v.r.Context(), v.org.ID, id)
	return f, v.noImport(err)
}

// noImport tells why a file is not there.
func (v *visit) noImport(err error) error {
	if errors.Is(err, transfer.ErrNoFile) {
		return scim.NotFound("the file is not here: it was removed, nobody went on with it for a day, or a person was erased, with whom all files go. " +
			"Import it again; what is imported already is left as it is").Because(err)
	}
	return err
}

func showImport(v *visit) error {
	p, err := v.readImport()
	if err != nil {
		return err
	}
	p.Map = p.Stage == transfer.Waiting || !p.Running() && p.Stage != transfer.Imported && v.query("map") == "yes"
	return v.show("import", "people", p.Heading, p)
}

func (v *visit) readImport() (p importPage, err error) {
	if p.Upload, err = v.findImport(); err != nil {
		return p, err
	}
	p.Home, p.Back, p.Map = v.home("/imports/", p.ID.String()), v.home("/transfer"), p.Stage == transfer.Waiting
	p.Log, p.Kilobyte = v.logLink("id:%s", p.ID), count(int((p.Size+1023)/1024))
	n := p.Summary().Actions
	p.Counts = importCounts{n[transfer.Create], n[transfer.Update], n[transfer.Unchanged], n[transfer.Refuse], p.Summary().Memberships}
	for _, o := range p.Outcomes {
		if o.Action == transfer.Refuse {
			p.Refused = append(p.Refused, o)
		} else {
			p.Others = append(p.Others, o)
		}
	}
	for i, h := range p.Headings {
		to, told := p.Mapping[h.Text]
		if !told {
			to = h.Path
		}
		p.Columns = append(p.Columns, columnRow{h, fmt.Sprint("to.", i), to})
	}
	if len(p.Columns) > 0 && !p.Running() {
		types, err := v.Directory.TypesOf(v.r.Context(), v.org)
		if err != nil {
			return p, err
		}
		p.Paths = transfer.Paths(types.Of(schema.User))
	}
	p.Heading = p.heading()
	return p, nil
}

// heading tells in a sentence how far it is.
func (p importPage) heading() string {
	lines := plural(p.Summary().Lines, "line")
	switch p.Stage {
	case transfer.Checking:
		return "Checking " + p.Name
	case transfer.Importing:
		return "Importing " + p.Name
	case transfer.Imported:
		return lines + " of " + p.Name + " " + are(p.Summary().Lines) + " imported"
	case transfer.Stopped:
		return "The import of " + p.Name + " stopped"
	case transfer.Checked:
		if n := p.Counts.Refuse; n > 0 {
			return count(n) + " of " + lines + " would be refused"
		}
		return lines + " of " + p.Name + " can be imported"
	default:
		if len(p.Headings) > 0 {
			return "Where do the columns of " + p.Name + " go?"
		}
		return p.Name + " is here"
	}
}

// watchImport sends how far it is as it goes on.
func watchImport(v *visit) error {
	if _, err := v.findImport(); err != nil {
		return err
	}
	return v.stream("import", "import", func() (any, error) { return v.readImport() })
}

// checkImport begins to check the file with the mapping of the form.
func checkImport(v *visit) error {
	f, err := v.findImport()
	if err != nil {
		return err
	}
	mapping := transfer.Mapping{}
	for i, h := range f.Headings {
		mapping[h.Text] = v.field(fmt.Sprint("to.", i))
	}
	return v.goOn(v.Uploads.Check(v.r.Context(), v.org.ID, f.ID, mapping))
}

func applyImport(v *visit) error {
	return v.withImport(v.Uploads.Apply)
}

func stopImport(v *visit) error {
	return v.withImport(v.Uploads.Stop)
}

// askRemoveImport tells what goes with a file.
func askRemoveImport(v *visit) (question, error) {
	f, err := v.findImport()
	if err != nil {
		return question{}, err
	}
	what, text := "file", "None of it was imported. To import it, upload it again."
	switch f.Stage {
	case transfer.Imported:
		what, text = "report", "What was imported stays, and the log goes on telling of it."
	case transfer.Stopped:
		text = "What was imported stays. To import the rest, upload the file again."
	}
	return question{
		Heading: "Remove the " + what + " of " + f.Name + "?", Text: []string{text},
		Yes: "Remove it", Danger: true, Back: v.home("/imports/", f.ID.String()), Place: "people",
	}, nil
}

func removeImport(v *visit) error {
	id, err := v.id()
	if err == nil {
		err = v.noImport(v.Uploads.Remove(v.r.Context(), v.org.ID, id))
	}
	if err != nil {
		return err
	}
	return v.to(v.home("/transfer?done=file"))
}

func (v *visit) withImport(do func(ctx context.Context, o org.ID, id uuid.UUID) error) error {
	id, err := v.id()
	if err != nil {
		return err
	}
	return v.goOn(do(v.r.Context(), v.org.ID, id))
}

// goOn leads back to the page of the file.
func (v *visit) goOn(err error) error {
	if err != nil {
		return v.noImport(err)
	}
	return v.to(v.home("/imports/", v.parameter("id")))
}
