package console

import (
	"fmt"
	"html/template"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/purescim/purescim/internal/printable"
	"github.com/purescim/purescim/internal/provisioning"
)

// functions are what templates may call.
var functions = template.FuncMap{
	"asset":    func(name string) string { return assets().names[name] },
	"icon":     icon,
	"at":       at,
	"ago":      func(t time.Time) string { return ago(t, time.Now()) },
	"stamp":    func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
	"count":    count,
	"upTo":     upTo,
	"agent":    agentName,
	"count64":  func(n int64) string { return count(int(n)) },
	"lines":    lines,
	"split":    func(text string) []string { return strings.Split(text, "\n") },
	"sentence": sentence,
	"capital":  capital,
	"said":     said,
	"product":  product,
	"plain":    printable.Escape,
	"dict":     dict,
	"badge":    func(r provisioning.Result) badge { return badges[r] },
	"state":    func(s provisioning.State) badge { return states[s] },
	"health":   health,
	"add":      func(a, b int) int { return a + b },
}

// icon is one of the sprite. It says nothing that the words beside it do not.
func icon(name string) template.HTML {
	return template.HTML(`<svg class="icon" aria-hidden="true"><use href="` + assets().names["icons.svg"] + "#" + template.HTMLEscapeString(name) + `"></use></svg>`) //nolint:gosec // a name of ours
}

// lines is a text of several lines without what a browser would act on.
func lines(text string) string {
	all := strings.Split(text, "\n")
	for i, line := range all {
		all[i] = printable.Escape(line)
	}
	return strings.Join(all, "\n")
}

// dict is a map of the arguments, name by value, for a template that takes several.
func dict(pairs ...any) (map[string]any, error) {
	d := make(map[string]any, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		name, ok := pairs[i].(string)
		if !ok {
			return nil, fmt.Errorf("dict: %v is no name", pairs[i])
		}
		d[name] = pairs[i+1]
	}
	return d, nil
}

// at is a time in words, of UTC, as pages have it everywhere.
func at(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.UTC().Format("2 Jan 2006, 15:04:05") + " UTC"
}

// ago is how long ago a time is, or how long until then.
func ago(t, now time.Time) string {
	if t.IsZero() {
		return "never"
	}
	d := now.Sub(t)
	span, past := d, true
	if d < 0 {
		span, past = -d, false
	}
	var words string
	switch {
	case span < time.Minute && past:
		return "just now"
	case span < 90*time.Minute:
		words = plural(max(1, int(span.Round(time.Minute)/time.Minute)), "minute")
	case span < 36*time.Hour:
		words = plural(int(span.Round(time.Hour)/time.Hour), "hour")
	default:
		words = plural(days(span, past), "day")
	}
	if past {
		return words + " ago"
	}
	return "in " + words
}

// days are those that have passed, or the nearest number of those to come: what ends in a
// week ends in 7 days, not in 6 and some hours.
func days(span time.Duration, past bool) int {
	if past {
		return int(span / (24 * time.Hour))
	}
	return int(span.Round(24*time.Hour) / (24 * time.Hour))
}

// plural is a number of things.
func plural(n int, thing string) string {
	switch {
	case n == 1:
		return "1 " + thing
	case thing == "person":
		return count(n) + " people"
	case strings.HasSuffix(thing, "ry"):
		return count(n) + " " + strings.TrimSuffix(thing, "y") + "ies"
	default:
		return count(n) + " " + thing + "s"
	}
}

// upTo writes a number that was counted no further than enough.
func upTo(n int) string {
	if n > enough {
		return count(enough) + "+"
	}
	return count(n)
}

// count writes a number with commas between thousands.
func count(n int) string {
	text := strconv.Itoa(n)
	for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// sentence makes a sentence of the text of an error: it begins with a capital and ends
// with a full stop.
func sentence(text string) string {
	if text == "" {
		return ""
	}
	if word, _, _ := strings.Cut(text, " "); !strings.ContainsAny(word, ".:[]\"") && strings.ToLower(word) == word {
		text = capital(text)
	}
	if !strings.ContainsRune(".!?", rune(text[len(text)-1])) {
		text += "."
	}
	return text
}

// capital begins a text of ours with a capital.
func capital(text string) string {
	first, size := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(first)) + text[size:]
}

// products are the names of identity systems as their makers write them.
var products = map[provisioning.System]string{
	provisioning.Entra: "Microsoft Entra ID", provisioning.Okta: "Okta", provisioning.Saviynt: "Saviynt", provisioning.OneLogin: "OneLogin",
	provisioning.Ping: "Ping Identity", provisioning.Google: "Google Workspace", provisioning.SailPoint: "SailPoint",
	provisioning.Authentik: "authentik", provisioning.JumpCloud: "JumpCloud",
}

func product(s provisioning.System) string { return products[s] }

// said is the sentence of an entry as a page has it.
func said(e provisioning.Entry) string {
	text := e.Sentence()
	if e.Actor.Type == provisioning.Server || e.Actor.Name == setupActor {
		text = capital(text)
	}
	return text
}
