package httpapi

import (
	"strings"
	"testing"
)

func TestIsHost(t *testing.T) {
	t.Parallel()
	label := strings.Repeat("a", 63)
	for _, host := range []string{
		"scim.example.org", "scim.example.org:8443", "localhost", "_dmarc.example.org.", "a-b.c_d", "10.0.0.1:80", "[::1]", "[2001:db8::1]:443", label + ".org",
	} {
		if !isHost(host) {
			t.Errorf("%q is refused", host)
		}
	}
	for _, text := range []string{
		"", ".", "a..b", ".a", "-a.org", "a.-b", "a b", "a/b", "a@b", "a:0", "a:65536", "a:", ":80", "a:b:1", "[::1", "[10.0.0.1]", "[fe80::1%25eth0]",
		"[fe80::1%eth0]:80", "ä.org", "a\r\nb", label + "a.org", strings.Repeat("a.", 127),
	} {
		if isHost(text) {
			t.Errorf("%q is taken for a host", text)
		}
	}
}
