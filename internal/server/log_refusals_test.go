package server_test

import (
	"strings"
	"testing"

	"github.com/purescim/purescim/internal/servertest"
)

// What is refused to whom is known by an id has a name, by which it is found.
func TestProvisioningLog_NamesWhatIsRefused(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	role := o.Do(t, "POST", "/api/v2/authorization/roles", `{"name":"clerk"}`).Want(t, 200).ID(t)
	o.Do(t, "POST", "/Users", `{"userName":"ada","roles":["clerk"]}`).Want(t, 201)
	o.Do(t, "DELETE", "/api/v2/authorization/roles/"+role, nil).Want(t, 409)
	skill := o.Do(t, "POST", "/api/v2/routing/skills", `{"name":"billing"}`).Want(t, 200).ID(t)
	o.Do(t, "PUT", "/api/v2/routing/skills/"+skill, `{"name":""}`).Want(t, 400)
	client, _ := o.NewClient(t, "SCIM Integration")
	o.Do(t, "PUT", "/api/v2/oauth/clients/"+client.ID.String(), `{"name":""}`).Want(t, 400)
	gone := o.NewUser(t, "eve")
	o.Do(t, "DELETE", "/Users/"+gone, nil).Want(t, 204)
	o.Do(t, "PATCH", "/Users/"+gone, `{"Operations":[{"op":"remove","path":"title"}]}`).Want(t, 404)
	for id, name := range map[string]string{gone: "eve", role: "clerk", skill: "billing", client.ID.String(): client.Name} {
		if found := entries(t, o, "result=refused&target="+id, 1)[0]; found.Target.Name != name {
			t.Errorf("the refusal is of %+v, want the name %q", found.Target, name)
		}
	}
}

// Of a client that was deleted the log tells what it was, and how many tokens went with it.
func TestProvisioningLog_TellsWhatADeletedClientWas(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	_, client := o.NewToken(t, "SCIM Integration")
	o.Do(t, "DELETE", "/api/v2/oauth/clients/"+client.ID.String(), nil).Want(t, 204)
	told := lineOf(entries(t, o, "type=Client&operation=delete", 1)[0])
	for _, part := range []string{"delete Client " + client.Name, "roles:[{", "state:active><nil>", "tokens:1><nil>"} {
		if !strings.Contains(told, part) {
			t.Errorf("the entry is %s, want %s in it", told, part)
		}
	}
	if strings.Contains(told, "secret") {
		t.Errorf("the entry is %s", told)
	}
}

// A token that has ended already is not ended again.
func TestProvisioningLog_TellsOnceThatATokenEnds(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	_, client := o.NewToken(t, "SCIM Integration")
	tokens := "/api/v2/oauth/clients/" + client.ID.String() + "/tokens"
	list, _ := o.Do(t, "GET", tokens, nil).Want(t, 200).Object(t)["entities"].([]any)
	token, _ := list[0].(map[string]any)
	id, _ := token["id"].(string)
	for range 2 {
		o.Do(t, "DELETE", tokens+"/"+id, nil).Want(t, 204)
	}
	entries(t, o, "operation=revoke", 1)
	const nobody = "01a2243e-4720-7afd-822b-5e75d2936aa6"
	o.Do(t, "DELETE", tokens+"/"+nobody, nil).Want(t, 404)
	o.Do(t, "DELETE", "/api/v2/tokens/"+nobody, nil).Want(t, 404)
	found := entries(t, o, "operation=revoke&result=refused", 2)
	if ids := [2]string{found[1].Target.ID, found[0].Target.ID}; ids != [2]string{nobody, ""} || found[0].Target.Name+found[1].Target.Name != "" {
		t.Errorf("refused were %+v and %+v", found[1].Target, found[0].Target)
	}
}
