"""Calls the server with Genesys Cloud's SDK for Python: sdk.py HOST CLIENT_ID CLIENT_SECRET.

The client is one of an administrator, in an organisation that makes groups by SCIM.
"""

import sys

import PureCloudPlatformClientV2 as sdk

host, client_id, client_secret = sys.argv[1:]
sdk.configuration.host = host
passed = failed = 0


def check(what, call):
    """Counts a call as passed if it answers something that is true, and returns that."""
    global passed, failed
    try:
        answer = call()
        if answer is False:
            raise AssertionError(what)
    except Exception as e:  # whatever a client may throw is what we want to see
        failed += 1
        print("  FAIL", what + ":", str(e).replace("\n", " ")[:300])
        return None
    passed += 1
    return answer


client = sdk.api_client.ApiClient()
client.get_client_credentials_token(client_id, client_secret)
scim = sdk.SCIMApi(client)

check("service provider", lambda: scim.get_scim_v2_serviceproviderconfig().patch.supported)
check("schemas", lambda: scim.get_scim_v2_schemas().total_results >= 4)
check("resource types", lambda: scim.get_scim_v2_resourcetypes().total_results >= 2)
role = check("role", lambda: sdk.AuthorizationApi(client).post_authorization_roles({"name": "Python", "permissions": []}))
user = check("create", lambda: scim.post_scim_v2_users({
    "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
    "userName": "python@example.org", "displayName": "Python", "active": True}))
check("get", lambda: scim.get_scim_v2_user(user.id).display_name == "Python")
check("filter", lambda: scim.get_scim_v2_users(filter='userName eq "PYTHON@example.org"').total_results == 1)
check("patch", lambda: scim.patch_scim_v2_user(user.id, {
    "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
    "Operations": [{"op": "replace", "path": "title", "value": "Agent"}]}).title == "Agent")
check("put", lambda: scim.put_scim_v2_user(user.id, {
    "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
    "userName": "python@example.org", "displayName": "Python", "title": "Lead"}).title == "Lead")
group = check("create a group", lambda: sdk.GroupsApi(client).post_groups({"name": "Python", "type": "official", "visibility": "public", "rulesVisible": False}))
check("add a member", lambda: scim.patch_scim_v2_group(group.id, {
    "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
    "Operations": [{"op": "add", "path": "members", "value": [{"value": user.id}]}]}) is None or True)
check("members", lambda: len(scim.get_scim_v2_group(group.id).members) == 1)
check("groups", lambda: scim.get_scim_v2_groups(filter='displayName eq "Python"').total_results == 1)
check("delete", lambda: scim.delete_scim_v2_user(user.id) is None or True)
print(f"Genesys Cloud's SDK for Python: {passed} of {passed + failed}")
