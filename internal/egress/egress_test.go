package egress

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestCheckURL(t *testing.T) {
	t.Parallel()
	for _, good := range []string{
		"https://login.example/keys", "https://login.example:8443/keys?v=1", "https://8.8.8.8/keys", "https://[2001:4860::8888]/keys",
		"https://adfs.corp/adfs/discovery/keys",
	} {
		if err := CheckURL(good, false); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{
		"", "keys", "http://login.example/keys", "ftp://login.example", "https:///keys", "https://", "https://user@login.example/",
		"https://login.example/#keys", "https://127.0.0.1/", "https://127.1/", "https://2130706433/", "https://0x7f000001/", "https://0/",
		"https://localhost/", "https://LOCALHOST./", "https://a.localhost:8443/", "https://10.1.2.3/", "https://172.16.0.1/", "https://192.168.1.1/",
		"https://169.254.169.254/latest", "https://0.0.0.0/", "https://[::1]/", "https://[::]/", "https://[fe80::1]/", "https://[fd00::1]/",
		"https://[::ffff:127.0.0.1]/", "https://[::ffff:10.0.0.1]/", "https://224.0.0.1/", "https://255.255.255.255/",
	} {
		if err := CheckURL(bad, false); err == nil {
			t.Errorf("%q is allowed", bad)
		}
	}
	if err := CheckURL("https://127.0.0.1:8443/keys", true); err != nil {
		t.Errorf("an address inside, which is allowed here: %v", err)
	}
}

// A name that leads to the own machine is seen only when it is connected to.
func TestTransport_ReachesNoOwnAddress(t *testing.T) {
	t.Parallel()
	own := httptest.NewTLSServer(http.NotFoundHandler())
	defer own.Close()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, own.URL, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := (&http.Client{Transport: Transport()}).Do(r)
	if err == nil {
		answer.Body.Close()
	}
	if err == nil || !strings.Contains(err.Error(), "address of the own machine") {
		t.Errorf("error %v, want that it is the own machine", err)
	}
	for address, refused := range map[string]bool{
		"127.0.0.1:443": true, "[::1]:443": true, "169.254.169.254:80": true, "[fe80::1%eth0]:443": true, "0.0.0.0:443": true,
		"[::ffff:127.0.0.1]:443": true, "10.0.0.1:443": false, "8.8.8.8:443": false, "[2001:4860::8888]:443": false,
	} {
		if err := refuseOwn("tcp", address, nil); (err != nil) != refused {
			t.Errorf("%s: %v", address, err)
		}
	}
}
