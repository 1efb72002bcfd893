package events

import (
	"encoding/json"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/schema"
)

// Forget removes the personal data of a user from the claims of an event. The ids, the kind and
// the names of attributes stay. It reports whether the event was of the user.
func Forget(claims []byte, user uuid.UUID) (rest []byte, ofUser bool) {
	var all struct {
		Of     subject                   `json:"sub_id"`
		Txn    string                    `json:"txn"`
		Events map[string]map[string]any `json:"events"`
	}
	if json.Unmarshal(claims, &all) != nil || all.Of.URI != schema.User.Endpoint+"/"+user.String() {
		return claims, false
	}
	told := make(map[string]any, len(all.Events))
	for uri, payload := range all.Events {
		delete(payload, "data")
		told[uri] = payload
	}
	all.Of.ExternalID = ""
	return tell(all.Of, all.Txn, told), true
}
