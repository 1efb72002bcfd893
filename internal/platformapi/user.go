package platformapi

import (
	"net/http"
	"strings"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/httpapi"
	"github.com/purescim/purescim/internal/scim"
)

// users shows the users, who are written through SCIM.
type users struct{ directory *directory.Directory }

// userAnswer is the platform's User.
type userAnswer struct {
	ID                 string          `json:"id"`
	Name               string          `json:"name"`
	Division           *reference      `json:"division,omitempty"`
	Department         string          `json:"department,omitempty"`
	Email              string          `json:"email"`
	PrimaryContactInfo []contactAnswer `json:"primaryContactInfo"`
	Addresses          []contactAnswer `json:"addresses"`
	State              string          `json:"state"`
	Title              string          `json:"title,omitempty"`
	UserName           string          `json:"username"`
	Manager            *reference      `json:"manager,omitempty"`
	Version            int64           `json:"version"`
	DateLastModified   string          `json:"dateLastModified"`
	SelfURI            string          `json:"selfUri"`
}

// reference names another resource. One that is gone has only a name.
type reference struct {
	ID      string `json:"id,omitempty"`
	Name    string `json:"name,omitempty"`
	SelfURI string `json:"selfUri,omitempty"`
}

// contactAnswer is the platform's Contact.
type contactAnswer struct {
	Address   string `json:"address"`
	Extension string `json:"extension,omitempty"`
	MediaType string `json:"mediaType"`
	Type      string `json:"type"`
}

// The media of contacts.
const (
	phoneMedium = "PHONE"
	emailMedium = "EMAIL"
)

// primaryContact is the type of what is also an address of another type.
const primaryContact = "PRIMARY"

func answerUser(a directory.Account) userAnswer {
	answer := userAnswer{
		ID:               a.ID.String(),
		Name:             a.Name,
		Department:       a.Department,
		Email:            a.UserName, // the platform's main address is the name to sign in with
		State:            a.State,
		Title:            a.Title,
		UserName:         a.UserName,
		Version:          int64(a.Version),
		DateLastModified: timestamp(a.Modified),
		Addresses:        append(answerContacts(a.Emails, emailMedium), answerContacts(a.Phones, phoneMedium)...),
		SelfURI:          usersPath + "/" + a.ID.String(),
	}
	answer.PrimaryContactInfo = []contactAnswer{{Address: a.UserName, MediaType: emailMedium, Type: primaryContact}}
	for i, phone := range a.Phones {
		if phone.Primary {
			main := answer.Addresses[len(a.Emails)+i]
			main.Type = primaryContact
			answer.PrimaryContactInfo = append(answer.PrimaryContactInfo, main)
		}
	}
	if d := a.Division; d != nil {
		answer.Division = &reference{Name: d.Name}
		if !d.Created.IsZero() {
			answer.Division.ID, answer.Division.SelfURI = d.ID.String(), divisionsPath+"/"+d.ID.String()
		}
	}
	if a.Manager != "" {
		answer.Manager = &reference{ID: a.Manager, SelfURI: usersPath + "/" + a.Manager}
	}
	return answer
}

func answerContacts(contacts []directory.Contact, medium string) []contactAnswer {
	return answer(contacts, func(c directory.Contact) contactAnswer {
		return contactAnswer{Address: c.Value, Extension: c.Extension, MediaType: medium, Type: strings.ToUpper(c.Type)}
	})
}

func (s users) list(w http.ResponseWriter, r *http.Request) error {
	q, err := readQuery(r)
	if err != nil {
		return err
	}
	page := q.page(r)
	selection := q.selection(page)
	state := q.word("state", directory.Active, directory.Active, directory.Inactive, directory.Deleted, directory.AnyState)
	if q.err != nil {
		return q.err
	}
	found, total, err := s.directory.ListAccounts(r.Context(), organisation(r), state, selection)
	if err != nil {
		return err
	}
	found = shorten(&page, found, total)
	return writeListing(w, page, total, answer(found, answerUser))
}

func (s users) get(w http.ResponseWriter, r *http.Request) error {
	q, err := readQuery(r)
	if err != nil {
		return err
	}
	state := q.word("state", directory.Active, directory.Active, directory.Inactive, directory.Deleted, directory.AnyState)
	if q.err != nil {
		return q.err
	}
	found, err := s.directory.Account(r.Context(), organisation(r), id(r), state)
	if err != nil {
		return err
	}
	return write(w, answerUser(found))
}

// me is for people: a client is no user.
func (s users) me(http.ResponseWriter, *http.Request) error {
	return httpapi.WithCode("not.a.user", scim.BadRequest("this request needs the token of a user; "+
		"the token of an OAuth client with client credentials cannot be used"))
}

// erase takes all that is known of a person out of what is kept, for good.
func (s users) erase(w http.ResponseWriter, r *http.Request) error {
	if err := s.directory.EraseUser(r.Context(), organisation(r), id(r)); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
