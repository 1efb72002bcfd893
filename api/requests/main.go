// Command requests writes what tools send from the description of the API: purescim.http,
// for editors, and purescim.postman_collection.json. 'go generate ./api' runs it.
//
// What the requests are is said by openapi.yaml; where they are sent, by the variables
// that each file begins with.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/purescim/purescim/api"
)

// The files, beside the description.
const (
	httpFile    = "purescim.http"
	postmanFile = "purescim.postman_collection.json"
)

func main() {
	if err := write("."); err != nil {
		fmt.Fprintln(os.Stderr, "requests:", err)
		os.Exit(1)
	}
}

// write writes both files into a directory.
func write(dir string) error {
	all, err := render()
	if err != nil {
		return err
	}
	for name, content := range all {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil { //nolint:gosec // they are sources, for everybody to read
			return err
		}
	}
	return nil
}

// render returns the files by their names.
func render() (map[string][]byte, error) {
	operations, err := read(api.YAML)
	if err != nil {
		return nil, err
	}
	collection, err := postman(operations)
	return map[string][]byte{httpFile: editors(operations), postmanFile: collection}, err
}
