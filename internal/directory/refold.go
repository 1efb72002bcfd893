package directory

import (
	"context"
	"time"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/schema"
)

const (
	foldPause = time.Minute
	foldTime  = 6 * time.Hour // ends what hangs
)

// foldOutdated folds again what a release with another folding has stored
// (schema.FoldVersion).
func (d *Directory) foldOutdated(ctx context.Context) error {
	orgs, err := d.store.OrgsToFold(ctx)
	if err != nil {
		return err
	}
	for _, o := range orgs {
		d.log.Info("folding names again", "org", o.ID, "version", schema.FoldVersion)
		err := d.FoldAgain(ctx, o, func(collision string) {
			d.log.Warn("two names are one by now", "org", o.ID, "collision", collision)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// FoldAgain folds the names of an organisation, and all that filters find by, as this
// release does. It reports names that are by now those of others: they stay as they were,
// so that nothing is lost, until one of them is renamed.
func (d *Directory) FoldAgain(ctx context.Context, o org.Org, report func(collision string)) error {
	types, err := d.TypesOf(ctx, o)
	if err != nil {
		return err
	}
	return d.store.FoldAgain(ctx, o, schema.Types{types.Of(schema.User), types.Of(schema.Group)}, report)
}
