package httpapi

import (
	"net/http"
	"strconv"
)

// WriteJSON writes an answer whose body is ready.
func WriteJSON(w http.ResponseWriter, status int, contentType string, body []byte) {
	h := w.Header()
	h["Content-Type"] = []string{contentType}
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that has gone is nobody's error
}
