package console_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/purescim/purescim/internal/accounts"
	"github.com/purescim/purescim/internal/servertest"
)

// What is made of a form is bounded before it is read: by its bytes, also where files may be
// sent, and by its fields. A stranger may send less.
func TestForms_AreBounded(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	o := s.NewOrg(t)
	b := member(t, s, o.ID, "ada@example.org", accounts.Owner)
	home := "/console/o/" + o.ID.String()
	send := func(b *browser, path, form string, status int) {
		t.Helper()
		b.send(http.MethodPost, path, strings.NewReader(form), "Content-Type", "application/x-www-form-urlencoded", "Sec-Fetch-Site", "same-origin").want(status)
	}
	large := "names=" + strings.Repeat("x", 300<<10)
	send(b, home+"/groups", large, http.StatusRequestEntityTooLarge)
	send(b, home+"/imports", large, http.StatusRequestEntityTooLarge)
	send(b, home+"/groups", strings.Repeat("a&", 6000), http.StatusRequestEntityTooLarge)
	send(b, home+"/groups", "names=Claims&"+strings.Repeat("a&", 4000), http.StatusOK)
	nobody := newBrowser(t, s)
	send(nobody, "/console/signin", "login="+strings.Repeat("x", 20<<10), http.StatusRequestEntityTooLarge)
	send(nobody, "/console/signin", strings.Repeat("a&", 200), http.StatusRequestEntityTooLarge)
	send(nobody, "/console/signin", "login=a&password=b", http.StatusUnauthorized)
}

// A file whose rows would take much more memory than their bytes is refused while it is read.
func TestImport_RefusesRowsWithoutEnd(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	f := furnish(t, s)
	b := member(t, s, f.ID, "ada@example.org", accounts.Administrator)
	for name, row := range map[string]string{"cells": strings.Repeat(",", 3<<20), "a quotation mark": `"` + strings.Repeat("x\n", 200_000) + strings.Repeat("x", 2<<20)} {
		b.upload(f.home+"/imports", "people.csv", "userName,title\nlinus@acme.example,Engineer\n"+row).want(http.StatusOK)
		b.post(b.path+"/check", "to.0", "userName", "to.1", "title").settle().has("Behind line 2: a row has more than 1 MiB")
		if t.Failed() {
			t.Fatal(name)
		}
	}
	// What is told of lines is clipped: it is read whenever the file is looked at.
	b.upload(f.home+"/imports", "people.csv", "userName,title\n"+strings.Repeat("ä", 100_000)+",x\n").want(http.StatusOK)
	b.post(b.path+"/check", "to.0", "userName", "to.1", "title").settle().has("1 of 1 line would be refused", "ää…")
	if len(b.body) > 50_000 {
		t.Errorf("the page has %d bytes", len(b.body))
	}
}

// Files of an organisation arrive two at a time, for each holds a line of it; those of others
// arrive beside them.
func TestImport_TwoArriveAtOnce(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	one, other := s.NewOrg(t), s.NewOrg(t)
	b := member(t, s, one.ID, "ada@example.org", accounts.Administrator)
	const boundary, begin = "x", "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"people.jsonl\"\r\n\r\n"
	uploads := "/console/o/" + one.ID.String() + "/imports"
	var arriving sync.WaitGroup
	var ends []func()
	for range 2 {
		body, rest := io.Pipe()
		slow := *b
		arriving.Go(func() {
			slow.send(http.MethodPost, uploads, body, "Content-Type", "multipart/form-data; boundary="+boundary, "Sec-Fetch-Site", "same-origin").want(http.StatusOK)
		})
		// More than can be on its way to the server: it has begun to read the file.
		if _, err := io.WriteString(rest, begin+strings.Repeat(`{"userName":"ada"}`+strings.Repeat(" ", 230)+"\n", 100_000)); err != nil {
			t.Fatal(err)
		}
		ends = append(ends, func() {
			_, err := io.WriteString(rest, "\r\n--"+boundary+"--\r\n")
			if err = errors.Join(err, rest.Close()); err != nil {
				t.Error(err)
			}
		})
	}
	third := *b
	third.upload(uploads, "people.jsonl", `{"userName":"a"}`).want(http.StatusServiceUnavailable).has("Other files are being uploaded")
	member(t, s, other.ID, "otto@example.org", accounts.Administrator).
		upload("/console/o/"+other.ID.String()+"/imports", "people.jsonl", `{"userName":"a"}`).want(http.StatusOK)
	for _, end := range ends {
		end()
	}
	arriving.Wait()
	b.upload(uploads, "people.jsonl", `{"userName":"a"}`).want(http.StatusOK)
}
