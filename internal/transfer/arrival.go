package transfer

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/purescim/purescim/internal/schema"
)

const (
	// MaxFile is how many bytes an upload may have. The command line takes larger files.
	MaxFile = 64 << 20
	// MaxLines is how many lines it may have: an import remembers the name of each, and who is
	// the manager of whom.
	MaxLines = 500_000
	// arrivals is how many files arrive at a server at once, and arrivalsOfOne those of one
	// organisation. Each holds a line.
	arrivals, arrivalsOfOne = 16, 2
	// mostOfFileName is how many bytes the name of a file has.
	mostOfFileName = 255
	// partSize is how many bytes a part of a file has, packed: what a server holds of one at a
	// time.
	partSize = 1 << 20
	// headSize is how many bytes the header and the first rows may have.
	headSize = 1 << 20
)

// receive keeps a file as it comes, in parts. What cannot be imported is refused, and so is
// what has a password, of which no line is kept then: the file goes.
func (u *Uploads) receive(ctx context.Context, types schema.Types, f *Upload, file io.Reader) error {
	in := bufio.NewReaderSize(io.LimitReader(file, MaxFile+1), headSize)
	head, err := in.Peek(headSize)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if err := f.readHead(types.Of(schema.User), head); err != nil {
		return err
	}
	if err := u.store.Add(ctx, *f); err != nil {
		return err
	}
	if err = u.keepParts(ctx, f, in); err == nil {
		f.Stage = Waiting
		err = u.store.Put(ctx, *f, Arriving)
	}
	if err != nil { // what is left, if this fails too, goes in a day
		_ = u.store.Remove(context.WithoutCancel(ctx), f.Org, f.ID)
	}
	return err
}

// readHead reads the headings of a file, if it is one at all.
func (f *Upload) readHead(t *schema.Type, head []byte) (err error) {
	if len(head) == 0 {
		return &fileError{errors.New("the file is empty")}
	}
	if _, err := (&textChecker{to: io.Discard}).Write(head); err != nil || f.Format != CSV {
		return err
	}
	if f.Headings, err = Headings(bytes.NewReader(head), t); err != nil {
		return &fileError{err}
	}
	for _, h := range f.Headings {
		if isPassword(h.Text) {
			return &fileError{fmt.Errorf("the column %q has passwords, which are not taken from files; remove it, and upload the file again", h.Text)}
		}
	}
	return nil
}

// ender is a writer that is told when all is written.
type ender interface {
	io.Writer
	end() error
}

// keepParts packs a file and keeps it part by part.
func (u *Uploads) keepParts(ctx context.Context, f *Upload, file io.Reader) error {
	parts := &partWriter{keep: func(n int, part []byte) error { return u.store.AddPart(ctx, *f, n, part) }}
	packed, err := gzip.NewWriterLevel(parts, gzip.BestSpeed)
	if err != nil {
		return err
	}
	text := &textChecker{to: packed, most: MaxLines}
	to := ender(text)
	if f.Format == JSONLines {
		to = &lineChecker{to: text, turn: &u.parsing}
	}
	if f.Size, err = io.Copy(to, file); err != nil {
		return err
	}
	if f.Size > MaxFile {
		return &fileError{fmt.Errorf("the file is larger than %d MiB; divide it, or import it with 'purescim import'", MaxFile>>20)}
	}
	if err := errors.Join(to.end(), packed.Close(), parts.end()); err != nil {
		return err
	}
	f.Parts, f.Total = parts.n, text.records(f.Format)
	return nil
}

// partWriter cuts what is written into parts.
type partWriter struct {
	keep func(n int, part []byte) error
	part []byte
	n    int
}

func (w *partWriter) Write(p []byte) (int, error) {
	w.part = append(w.part, p...)
	for len(w.part) >= partSize {
		if err := w.cut(partSize); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}

func (w *partWriter) end() error { return w.cut(len(w.part)) }

func (w *partWriter) cut(size int) error {
	err := w.keep(w.n, w.part[:size])
	w.part = slices.Delete(w.part, 0, size)
	w.n++
	return err
}

// partReader reads parts, one after the other.
type partReader struct {
	read  func(n int) ([]byte, error)
	n, of int
	rest  []byte
}

func (r *partReader) Read(p []byte) (n int, err error) {
	for len(r.rest) == 0 {
		if r.n == r.of {
			return 0, io.EOF
		}
		if r.rest, err = r.read(r.n); err != nil {
			return 0, err
		}
		r.n++
	}
	n = copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}
