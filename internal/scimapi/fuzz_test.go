package scimapi

import (
	"errors"
	"net/http"
	"net/url"
	"testing"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// FuzzQuery reads the parameters of a list and what a request prefers: a list is refused
// with a 400, or has a page that there can be; preferences are ignored or bounded.
func FuzzQuery(f *testing.F) {
	f.Add("filter=userName+eq+%22a%22&startIndex=2&count=10&attributes=userName,name.givenName", "respond-async, wait=5")
	f.Add("STARTINDEX=-1&count=99999999999&sortBy=name&sortOrder=DESCENDING", `wait="7", wait=9;x`)
	f.Add("pageNumber=2147483647&pageSize=2147483647&excludedAttributes=emails[", "respond-async=false,,=;")
	f.Add("cursor=&count=0", "wait=-1")
	f.Add("cursor=x&startIndex=1&a=1;b", "wait=65536, handling=lenient")
	f.Fuzz(func(t *testing.T, text, prefer string) {
		if p := readPreferences(http.Header{"Prefer": {prefer, prefer}}); p.wait < 0 || p.wait > maxWait {
			t.Errorf("waits %s", p.wait)
		}
		const most = 1000
		for _, s := range []org.Settings{{}, {Strict: true}} {
			q, err := readQuery(&http.Request{URL: &url.URL{RawQuery: text}})
			if err == nil {
				var list directory.ListRequest
				if list, err = q.list(schema.User, s, most); err == nil && (list.Start < 1 || list.Count < 0 || list.Count > most) {
					t.Errorf("the page is %+v", list)
				}
			}
			if told := (*scim.Error)(nil); err != nil && (!errors.As(err, &told) || told.Status != 400) {
				t.Errorf("error %v is no 400", err)
			}
		}
	})
}
