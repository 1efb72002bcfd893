package console

import "strings"

// A browser names itself by its User-Agent (RFC 9110 section 10.1.5), in which it claims to be
// others, too. So the first of these that it has is the one that it is.
var (
	agents = []struct{ token, name string }{
		{"Edg", "Edge"},
		{"OPR/", "Opera"},
		{"SamsungBrowser/", "Samsung Internet"},
		{"FxiOS/", "Firefox"},
		{"Firefox/", "Firefox"},
		{"CriOS/", "Chrome"},
		{"HeadlessChrome/", "Chromium"},
		{"Chromium/", "Chromium"},
		{"Chrome/", "Chrome"},
		{"Safari/", "Safari"},
	}
	systems = []struct{ token, name string }{
		{"Windows", "Windows"},
		{"Android", "Android"},
		{"iPhone", "iPhone"},
		{"iPad", "iPad"},
		{"CrOS", "ChromeOS"},
		{"Mac OS X", "macOS"},
		{"Linux", "Linux"},
		{"FreeBSD", "FreeBSD"},
		{"OpenBSD", "OpenBSD"},
	}
)

// agentName says which browser a User-Agent is of, on which system: "Firefox on Linux". What
// is no browser is told by the product that it names first, and what names none as it is.
func agentName(agent string) string {
	system := ""
	for _, s := range systems {
		if system == "" && strings.Contains(agent, s.token) {
			system = " on " + s.name
		}
	}
	for _, a := range agents {
		if strings.Contains(agent, a.token) {
			return a.name + system
		}
	}
	if product, _, found := strings.Cut(agent, "/"); found && product != "" && product != "Mozilla" && !strings.Contains(product, " ") {
		return product + system
	}
	if agent == "" {
		return "A browser without a name"
	}
	return agent
}
