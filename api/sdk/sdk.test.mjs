// The official Genesys Cloud SDK for JavaScript, unmodified and pointed at a
// purescim of its own: it logs in as the administrator, prepares an organisation,
// and calls every SCIM method that it has, in both mounts.
//
// Run by `make sdk-test`, which installs the SDK; PURESCIM names the binary.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { chmod, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { once } from "node:events";
import sdk from "purecloud-platform-client-v2";

const core = "urn:ietf:params:scim:schemas:core:2.0:User";
const enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const genesys = "urn:ietf:params:scim:schemas:extension:genesys:purecloud:2.0:User";
const patchOp = ["urn:ietf:params:scim:api:messages:2.0:PatchOp"];

let server, dir, exited;

before(async () => {
  dir = await mkdtemp(join(tmpdir(), "purescim-sdk-"));
  await chmod(dir, 0o755); // for the private PostgreSQL, which may run as another user
  server = spawn(process.env.PURESCIM, ["serve", "--demo", "--addr=127.0.0.1:0", `--data-dir=${dir}`], { stdio: ["ignore", "pipe", "inherit"] });
  exited = once(server, "exit");
  // The curl line is printed when everything is ready.
  await new Promise((resolve, reject) => {
    let text = "";
    server.stdout.on("data", (chunk) => (text += chunk).includes("curl") && resolve());
    server.on("exit", (code) => reject(new Error(`the server ended with ${code}`)));
  });
  const demo = JSON.parse(await readFile(join(dir, "demo.json"), "utf8"));
  const url = new URL(demo.token_url);
  const client = sdk.ApiClient.instance;
  client.setGateway({ protocol: "http", host: url.hostname, port: Number(url.port) });
  const login = await client.loginClientCredentialsGrant(demo.admin.client_id, demo.admin.client_secret);
  assert.ok(login.accessToken);
});

after(async () => {
  server?.kill("SIGTERM");
  await exited;
  await rm(dir, { recursive: true, force: true });
});

test("the platform's API prepares an organisation", async () => {
  const role = await new sdk.AuthorizationApi().postAuthorizationRoles({ name: "Supervisor", permissions: ["routing:queue:view"] });
  assert.equal(role.name, "Supervisor");
  const roles = await new sdk.AuthorizationApi().getAuthorizationRoles({ name: "Super" });
  assert.deepEqual(roles.entities.map((r) => r.id), [role.id]);

  const division = await new sdk.AuthorizationApi().postAuthorizationDivisions({ name: "North", description: "" });
  assert.equal((await new sdk.AuthorizationApi().getAuthorizationDivision(division.id)).name, "North");

  const skill = await new sdk.RoutingApi().postRoutingSkills({ name: "Billing" });
  assert.equal((await new sdk.RoutingApi().getRoutingSkill(skill.id)).name, "Billing");
  const language = await new sdk.RoutingApi().postRoutingLanguages({ name: "English - Spoken" });
  assert.ok(language.id);

  const me = await new sdk.OrganizationApi().getOrganizationsMe();
  assert.equal(me.name, "demo");
  const token = await new sdk.TokensApi().getTokensMe({});
  assert.equal(token.organization.name, "demo");
});

// The two mounts have the same methods under two names.
const mounts = { "/api/v2/scim/v2": "V2", "/api/v2/scim": "" };

for (const [mount, infix] of Object.entries(mounts)) {
  const api = new sdk.SCIMApi();
  const scim = (verb, noun, ...args) => {
    const method = `${verb}Scim${infix}${infix ? noun : noun.charAt(0).toUpperCase() + noun.slice(1)}`;
    assert.equal(typeof api[method], "function", `the SDK has no ${method}`);
    return api[method](...args);
  };

  test(`users at ${mount}`, async () => {
    const userName = `ada${infix}@example.org`;
    const created = await scim("post", "Users", {
      schemas: [core, enterprise, genesys],
      userName,
      displayName: "Ada Lovelace",
      active: true,
      roles: [{ value: "Supervisor" }],
      phoneNumbers: [{ value: "+13175724245", type: "work", primary: true }],
      [enterprise]: { division: "North", department: "Mathematics" },
      [genesys]: { routingSkills: [{ name: "Billing", proficiency: 4.5 }] },
    });
    assert.ok(created.id);

    const found = await scim("get", "Users", { filter: `userName eq ${userName}` });
    assert.deepEqual(found.Resources.map((u) => u.id), [created.id]);

    const read = await scim("get", "User", created.id, { attributes: ["title", "emails"] });
    assert.equal(read.title, undefined);

    const patched = await scim("patch", "User", created.id, {
      schemas: patchOp,
      Operations: [{ op: "replace", path: "title", value: "Countess" }],
    }, { ifMatch: `"${read.meta.version}"` });
    assert.equal(patched.title, "Countess");

    const put = await scim("put", "User", created.id, { schemas: [core], userName, displayName: "Ada King", active: true });
    assert.equal(put.title, undefined);
    assert.equal(put.displayName, "Ada King");

    await scim("delete", "User", created.id, {});
    await assert.rejects(scim("get", "User", created.id, {}), (e) => Number(e.status) === 404);
  });

  test(`groups at ${mount}`, async () => {
    const group = await new sdk.GroupsApi().postGroups({ name: `Team${infix}`, type: "official", visibility: "public", rulesVisible: true });
    const user = await scim("post", "Users", { schemas: [core], userName: `member${infix}@example.org`, displayName: "Member", active: true });

    const found = await scim("get", "Groups", infix ? `displayname eq Team${infix}` : { filter: "displayname eq Team" }, {});
    assert.equal(found.totalResults, 1);

    const patched = await scim("patch", "Group", group.id, {
      schemas: patchOp,
      Operations: [{ op: "add", path: "members", value: [{ value: user.id }] }],
    }, {});
    assert.deepEqual(patched.members.map((m) => m.value), [user.id]);
    assert.equal((await new sdk.GroupsApi().getGroup(group.id)).memberCount, 1);

    const put = await scim("put", "Group", group.id, { displayName: `Crew${infix}`, members: [] }, {});
    assert.equal(put.members, undefined);
    assert.equal((await scim("get", "Group", group.id, {})).displayName, `Crew${infix}`);
  });

  test(`discovery at ${mount}`, async () => {
    assert.equal((await scim("get", "Serviceproviderconfig", {})).patch.supported, true);
    assert.ok((await scim("get", "Resourcetypes")).totalResults >= 2);
    assert.equal((await scim("get", "Resourcetype", "User")).endpoint, "/Users");
    assert.ok((await scim("get", "Schemas", {})).totalResults >= 4);
    assert.equal((await scim("get", "Schema", core)).id, core);
  });
}
