package provisioning

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzClean has the body of any refused request kept: it is a text that the database holds, of
// a bounded size, and never with a secret that stands under its name, wherever that is.
func FuzzClean(f *testing.F) {
	for _, seed := range []string{
		`{"userName":"ada"}`, `[]`, `null`, `"x"`, `{"a":{"password":1}}`, `{"Operations":[{"op":"add","path":"password","value":"x"}]}`, `{"name":"password","value":"x"}`,
		`{"a":"{\"password\":\"x\"}"}`, `{"a":1,"a":2}`, `"\ud800"`, `"\u0000"`, `{`, "\xff", `[[[[]]]]`, `{"url":"https://u:p@h/?token=x"}`,
	} {
		f.Add([]byte(seed), "pass_word")
	}
	f.Fuzz(func(t *testing.T, body []byte, name string) {
		kept := Clean(body)
		if !utf8.ValidString(kept) || strings.ContainsRune(kept, 0) || len(kept) > 2*MaxBody {
			t.Errorf("kept of %q: %d bytes, %q", body, len(kept), kept)
		}
		_, _ = NameIn(body, User), CleanName(name)
		const secret = "sw0rdfish"
		whole := map[string]any{"password": secret, name: map[string]any{"client_secret": secret}, "list": []any{map[string]any{"path": "password", "value": secret}}}
		if json.Valid(body) {
			whole["other"] = json.RawMessage(body)
		}
		if text, err := json.Marshal(whole); err == nil && !strings.Contains(string(body)+name, "sw0r") && strings.Contains(Clean(text), secret) {
			t.Errorf("the secret of %s is kept: %s", text, Clean(text))
		}
	})
}
