package httpapi_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/purescim/purescim/internal/httpapi"
	"github.com/purescim/purescim/internal/oauth"
	"github.com/purescim/purescim/internal/org"
)

// bodies serves bodies with a mebibyte of memory for all. Who sends "hold" first is
// answered when release is closed. The token is the organisation's number.
func bodies(release chan struct{}) http.Handler {
	f := httpapi.New(httpapi.Options{
		BodyMemory: 1 << 20,
		Verify: func(_ context.Context, token string) (*oauth.Principal, error) {
			return &oauth.Principal{Org: org.Org{ID: org.ID(len(token))}}, nil
		},
	})
	router := f.Router(httpapi.SCIM)
	post := func(w http.ResponseWriter, r *http.Request) error {
		body, err := httpapi.Body(r)
		if err != nil {
			return err
		}
		if strings.HasPrefix(string(body), `"hold`) {
			<-release
		}
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	f.Handle(router, "/", httpapi.Route{Methods: map[string]httpapi.Handler{http.MethodPost: post}, Access: everyone})
	return router
}

// post sends a body of n bytes as the organisation; chunked does not say how many.
func post(h http.Handler, token, word string, n int, chunked bool) *httptest.ResponseRecorder {
	body := `"` + word + strings.Repeat("x", n-2-len(word)) + `"`
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	if chunked {
		r.ContentLength = -1
		r.Body = io.NopCloser(strings.NewReader(body))
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, with(r, "Authorization: Bearer "+token))
	return w
}

func TestBody_LargeOnesShareTheMemory(t *testing.T) {
	t.Parallel()
	for name, chunked := range map[string]bool{"with a length": false, "chunked": true} {
		synctest.Test(t, func(t *testing.T) {
			const large, small = 400 << 10, 64 << 10
			release := make(chan struct{})
			h := bodies(release)
			held := make(chan *httptest.ResponseRecorder)
			go func() { held <- post(h, "a", "hold", large, chunked) }()
			synctest.Wait()
			for _, token := range []string{"a", "bb"} {
				w := post(h, token, "", large, chunked)
				if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
					t.Errorf("%s: a large body beside another: %d, Retry-After %q", name, w.Code, w.Header().Get("Retry-After"))
				}
				if w := post(h, token, "", small, chunked); w.Code != http.StatusNoContent {
					t.Errorf("%s: a small body beside a large one: %d: %s", name, w.Code, w.Body)
				}
			}
			waiting := make(chan *httptest.ResponseRecorder)
			go func() { waiting <- post(h, "bb", "", large, chunked) }()
			synctest.Wait()
			close(release)
			if w := <-held; w.Code != http.StatusNoContent {
				t.Errorf("%s: who holds the memory: %d", name, w.Code)
			}
			if w := <-waiting; w.Code != http.StatusNoContent {
				t.Errorf("%s: who has waited: %d: %s", name, w.Code, w.Body)
			}
		})
	}
}

// Small bodies are bounded too, by a budget of their own.
func TestBody_SmallOnesShareTheirOwn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		h := bodies(release)
		held := make(chan int)
		go func() { held <- post(h, "a", "hold", 60<<10, false).Code }()
		synctest.Wait()
		if w := post(h, "bb", "", 60<<10, false); w.Code != http.StatusServiceUnavailable {
			t.Errorf("beyond what small bodies may take: %d", w.Code)
		}
		if w := post(h, "a", "", 4<<10, false); w.Code != http.StatusNoContent {
			t.Errorf("a tiny body: %d", w.Code)
		}
		if w := post(h, "bb", "", 400<<10, false); w.Code != http.StatusNoContent {
			t.Errorf("a large body: %d", w.Code)
		}
		close(release)
		<-held
	})
}
