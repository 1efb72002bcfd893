package main

import (
	"debug/buildinfo"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/purescim/purescim/migrations"
)

type versionCommand struct {
	Output string `short:"o" enum:"text,json,sbom" default:"text" help:"Format: ${enum}; sbom is what the program is made of, as CycloneDX."`
	Of     string `hidden:"" placeholder:"FILE" help:"The parts of this program for another system."`
}

// Run prints the version, or what the program is made of.
func (cmd *versionCommand) Run(c console) error {
	info, _ := debug.ReadBuildInfo()
	if cmd.Of != "" {
		var err error
		if info, err = buildinfo.ReadFile(cmd.Of); err != nil {
			return fmt.Errorf("--of: %w", err)
		}
	}
	switch cmd.Output {
	case "json":
		return writeJSON(c.out, newBuild(info))
	case "sbom":
		return writeJSON(c.out, newBill(info))
	default:
		return writeVersion(c.out)
	}
}

func writeVersion(w io.Writer) error {
	_, err := fmt.Fprintf(w, "purescim %s (%s)\n", version, runtime.Version())
	return err
}

// build is what a program reads of the version.
type build struct {
	Version  string `json:"version"`
	Commit   string `json:"commit,omitempty"`
	Time     string `json:"commit_time,omitempty"`
	Modified bool   `json:"modified"` // after the commit
	Go       string `json:"go"`
	Platform string `json:"platform"`
	Schema   int64  `json:"schema"` // the newest migration that it knows
}

func newBuild(info *debug.BuildInfo) build {
	b := build{Version: version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH, Schema: migrations.Latest()}
	if info == nil {
		return b
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Commit = s.Value
		case "vcs.time":
			b.Time = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
	return b
}

// bill is a bill of materials in the words of CycloneDX 1.5.
type bill struct {
	Format     string     `json:"bomFormat"`
	Spec       string     `json:"specVersion"`
	Version    int        `json:"version"`
	Metadata   billOf     `json:"metadata"`
	Components []material `json:"components"`
}

type billOf struct {
	Component material `json:"component"`
}

type material struct {
	Type       string     `json:"type"`
	Ref        string     `json:"bom-ref"`
	Name       string     `json:"name"`
	Version    string     `json:"version"`
	URL        string     `json:"purl"`
	Properties []property `json:"properties,omitempty"`
}

type property struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// newBill lists the modules that the program was built of, and Go's own library.
func newBill(info *debug.BuildInfo) bill {
	b := bill{
		Format: "CycloneDX", Spec: "1.5", Version: 1,
		Metadata:   billOf{newMaterial("application", "github.com/purescim/purescim", version, "")},
		Components: []material{newMaterial("library", "stdlib", strings.TrimPrefix(runtime.Version(), "go"), "")},
	}
	if info == nil {
		return b
	}
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		b.Components = append(b.Components, newMaterial("library", m.Path, m.Version, m.Sum))
	}
	slices.SortFunc(b.Components, func(x, y material) int { return strings.Compare(x.Ref, y.Ref) })
	return b
}

// newMaterial names a module. Its sum is Go's own, which is none of CycloneDX's kinds of hashes.
func newMaterial(kind, path, version, sum string) material {
	url := "pkg:golang/" + path + "@" + version
	m := material{Type: kind, Ref: url, Name: path, Version: version, URL: url}
	if sum != "" {
		m.Properties = []property{{"go:sum", sum}}
	}
	return m
}

// versionFlag is --version.
type versionFlag bool

// BeforeReset prints the version instead of anything else.
func (versionFlag) BeforeReset(app *kong.Kong) error {
	err := writeVersion(app.Stdout)
	app.Exit(0)
	return err
}
