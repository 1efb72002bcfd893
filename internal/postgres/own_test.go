package postgres

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Why a function takes connections that no share is of.
const (
	byKey      = "a look-up by key, of which each is short"
	background = "the server's own work in the background"
	memory     = "what a server reads once for all, and remembers"
	command    = "a command's, which no request waits for"
	settling   = "notes what became of work that was begun, within a lease"
)

// beyondShares names the functions that take connections beside those that organisations
// share. Nothing else may: what people and clients ask for takes of their organisation's, or
// of those of nobody (pool.OfNone), so that they hold up themselves alone.
var beyondShares = map[string]string{
	"authstore.Client": byKey, "authstore.Bearer": byKey, "authstore.oneOrg": byKey, "authstore.LeftOrg": command,
	"authstore.CreateOrg": command, "authstore.Empty": command, "authstore.LiveTokens": command,
	"authstore.EmptyAll": background, "authstore.EndSucceeded": background, "authstore.MarkUsed": background,
	"authstore.ForgetRevocations": background, "authstore.Revocations": memory, "authstore.AllIssuers": memory,
	"authstore.SigningKeys": memory, "authstore.ReplaceSigningKey": background, "authstore.DeleteSigningKeys": background,
	"authstore.OrgsToFold": background, "authstore.OrgsWithoutDivision": background,
	"counts.All": background, "counts.inTurn": background,
	"eventstore.Due": background, "eventstore.Expire": background, "eventstore.Fill": background, "eventstore.Settle": settling, "eventstore.readStreams": memory,
	"importstore.Take": background, "importstore.Forget": background, "importstore.Rewrap": command, "importstore.sealAgain": command, "importstore.Renew": settling, "importstore.Keep": settling, "importstore.Finish": settling,
	"jobstore.Take": background, "jobstore.resumed": background, "jobstore.Forget": background, "jobstore.Finish": settling, "jobstore.Renew": settling, "jobstore.Seize": settling,
	"logstore.forget": background, "logstore.forgetBrakes": background, "logstore.forgetCounted": background, "logstore.inTurn": background, "logstore.partitions": background,
	"pool.CheckWritable": background, "pool.Schema": command, "pool.measure": background,
	"postgres.CheckKeys": command, "postgres.Rewrap": command, "postgres.CursorKey": memory,
	"upkeep.AnalyseGrown": background, "upkeep.ReadFigures": background, "upkeep.inSnapshot": command, "upkeep.FoldAgain": background,
	"upkeep.catalogue": background, "upkeep.deletedUsers": background, "upkeep.orgName": background, "upkeep.read": background, "upkeep.staleKeys": background, "upkeep.store": background,
	"users.ForgetDeleted": background,
}

// Whatever a door asks of the database takes of the share of an organisation: a function that
// does not is named above, with the reason.
func TestOwn_IsNoWayRoundTheShares(t *testing.T) {
	t.Parallel()
	found := map[string]bool{}
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && slices.Contains([]string{"searchtest", "sqlrules"}, entry.Name()) {
			return filepath.SkipDir
		}
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		for _, d := range file.Decls {
			ast.Inspect(d, func(n ast.Node) bool {
				use, ok := n.(*ast.SelectorExpr)
				if !ok || use.Sel.Name != "Own" {
					return true
				}
				name := file.Name.Name + ".?" // outside of a function nobody is named
				if f, ok := d.(*ast.FuncDecl); ok {
					name = file.Name.Name + "." + f.Name.Name
				}
				found[name] = true
				return true
			})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for name := range found {
		if beyondShares[name] == "" {
			t.Errorf("%s takes connections that no share is of: use pool.Of or pool.OfNone, or say why not", name)
		}
	}
	for name := range beyondShares {
		if !found[name] {
			t.Errorf("%s needs no exception", name)
		}
	}
}
