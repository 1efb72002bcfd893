package scimapi

import (
	"net/http"
	"testing"
	"time"
)

func TestReadPreferences(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]preferences{
		"":                                  {},
		"respond-async":                     {async: true},
		"Respond-Async, wait=10":            {async: true, wait: 10 * time.Second},
		`wait="7";foo, respond-async;x=y`:   {async: true, wait: 7 * time.Second},
		"wait=99999":                        {wait: maxWait},
		"wait=600":                          {wait: maxWait},
		"wait=-1, wait=5":                   {},
		`Handling="dry-run", wait=1`:        {dryRun: true, wait: time.Second},
		"handling=strict, handling=dry-run": {},
		"return=minimal, respond-asynchron": {},
	} {
		if got := readPreferences(http.Header{"Prefer": {header}}); got != want {
			t.Errorf("%q: %+v, want %+v", header, got, want)
		}
	}
	if got := readPreferences(http.Header{"Prefer": {"wait=1", "respond-async, wait=2"}}); got != (preferences{async: true, wait: time.Second}) {
		t.Errorf("two headers: %+v", got)
	}
}
