import de.captaingoldfish.scim.sdk.client.ScimClientConfig;
import de.captaingoldfish.scim.sdk.client.ScimRequestBuilder;
import de.captaingoldfish.scim.sdk.client.response.ServerResponse;
import de.captaingoldfish.scim.sdk.common.constants.EndpointPaths;
import de.captaingoldfish.scim.sdk.common.constants.enums.Comparator;
import de.captaingoldfish.scim.sdk.common.constants.enums.PatchOp;
import de.captaingoldfish.scim.sdk.common.resources.Group;
import de.captaingoldfish.scim.sdk.common.resources.ServiceProvider;
import de.captaingoldfish.scim.sdk.common.resources.User;
import de.captaingoldfish.scim.sdk.common.resources.multicomplex.Member;
import java.util.List;
import java.util.Map;

/** Calls the server with the client of SCIM-SDK: {@code ScimSdk URL TOKEN}. */
public class ScimSdk {
  public static void main(String[] args) throws Exception {
    var checks = new Checks("SCIM-SDK");
    var config = ScimClientConfig.builder().httpHeaders(Map.of("Authorization", "Bearer " + args[1])).build();
    try (var scim = new ScimRequestBuilder(args[0], config)) {
      checks.that("ServiceProviderConfig", () -> good(scim.get(ServiceProvider.class, EndpointPaths.SERVICE_PROVIDER_CONFIG, null).sendRequest()).getPatchConfig().isSupported());

      var user = User.builder().userName("sdk@example.org").displayName("Sdk").active(true).build();
      var made = checks.get("create", () -> good(scim.create(User.class, EndpointPaths.USERS).setResource(user).sendRequest()));
      var id = made.getId().orElseThrow();
      checks.that("get", () -> good(scim.get(User.class, EndpointPaths.USERS, id).sendRequest()).getUserName().orElse("").equals("sdk@example.org"));
      checks.that("list by GET", () -> good(scim.list(User.class, EndpointPaths.USERS).filter("userName", Comparator.EQ, "sdk@example.org").build().get().sendRequest()).getTotalResults() == 1);
      checks.that("list by POST", () -> good(scim.list(User.class, EndpointPaths.USERS).filter("userName", Comparator.EQ, "sdk@example.org").build().post().sendRequest()).getTotalResults() == 1);
      made.setTitle("Agent");
      checks.that("update", () -> good(scim.update(User.class, EndpointPaths.USERS, id).setResource(made).sendRequest()).getTitle().orElse("").equals("Agent"));
      checks.that("patch", () -> good(scim.patch(User.class, EndpointPaths.USERS, id).addOperation().path("displayName").op(PatchOp.REPLACE).value("Kit").build().sendRequest()).getDisplayName().orElse("").equals("Kit"));

      var group = Group.builder().displayName("Sdk").members(List.of(Member.builder().value(id).type("User").build())).build();
      var founded = checks.get("create a group", () -> good(scim.create(Group.class, EndpointPaths.GROUPS).setResource(group).sendRequest()));
      var groupId = founded.getId().orElseThrow();
      checks.that("members", () -> founded.getMembers().size() == 1);
      checks.that("remove a member", () -> good(scim.patch(Group.class, EndpointPaths.GROUPS, groupId).addOperation().path("members[value eq \"" + id + "\"]").op(PatchOp.REMOVE).build().sendRequest()).getMembers().isEmpty());
      checks.that("delete a group", () -> scim.delete(Group.class, EndpointPaths.GROUPS, groupId).sendRequest().isSuccess());
      checks.that("delete", () -> scim.delete(User.class, EndpointPaths.USERS, id).sendRequest().isSuccess());
      checks.that("what is deleted is not found", () -> scim.get(User.class, EndpointPaths.USERS, id).sendRequest().getHttpStatus() == 404);
    }
    checks.end();
  }

  private static <T extends de.captaingoldfish.scim.sdk.common.resources.base.ScimObjectNode> T good(ServerResponse<T> response) {
    if (!response.isSuccess()) {
      throw new IllegalStateException(response.getHttpStatus() + " " + response.getResponseBody());
    }
    return response.getResource();
  }
}
