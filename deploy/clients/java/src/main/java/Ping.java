import com.unboundid.scim2.client.ScimService;
import com.unboundid.scim2.common.exceptions.ResourceNotFoundException;
import com.unboundid.scim2.common.filters.Filter;
import com.unboundid.scim2.common.types.Email;
import com.unboundid.scim2.common.types.GroupResource;
import com.unboundid.scim2.common.types.Member;
import com.unboundid.scim2.common.types.UserResource;
import jakarta.ws.rs.client.ClientBuilder;
import jakarta.ws.rs.client.ClientRequestFilter;
import java.net.URI;
import org.glassfish.jersey.apache.connector.ApacheConnectorProvider;
import org.glassfish.jersey.client.ClientConfig;

/** Calls the server with Ping's SCIM 2 SDK: {@code Ping URL TOKEN}. */
public class Ping {
  public static void main(String[] args) throws Exception {
    var checks = new Checks("Ping's SDK");
    var token = (ClientRequestFilter) r -> r.getHeaders().add("Authorization", "Bearer " + args[1]);
    var http = ClientBuilder.newClient(new ClientConfig().connectorProvider(new ApacheConnectorProvider())).register(token);
    var scim = new ScimService(http.target(URI.create(args[0])));

    checks.that("ServiceProviderConfig", () -> scim.getServiceProviderConfig().getPatch().isSupported());
    checks.that("Schemas", () -> scim.getSchemas().getTotalResults() >= 4);
    checks.that("ResourceTypes", () -> scim.getResourceTypes().getTotalResults() >= 2);

    var user = new UserResource().setUserName("ping@example.org").setDisplayName("Ping").setEmails(new Email().setValue("ping@example.org").setType("work"));
    var made = checks.get("create", () -> scim.create("Users", user));
    checks.that("retrieve", () -> scim.retrieve(made).getUserName().equals("ping@example.org"));
    checks.that("search", () -> scim.searchRequest("Users").filter(Filter.eq("userName", "PING@example.org")).invoke(UserResource.class).getTotalResults() == 1);
    checks.that("search by POST", () -> scim.searchRequest("Users").filter(Filter.eq("userName", "ping@example.org")).invokePost(UserResource.class).getTotalResults() == 1);
    checks.that("replace", () -> scim.replace(scim.retrieve(made).setTitle("Agent")).getTitle().equals("Agent"));
    checks.that("modify", () -> scim.modifyRequest(made).replaceValue("displayName", "Pong").invoke().getDisplayName().equals("Pong"));
    checks.that("deactivate", () -> !scim.modifyRequest(made).replaceValue("active", false).invoke().getActive());

    var group = checks.get("create a group", () -> scim.create("Groups", new GroupResource().setDisplayName("Ping").setMembers(new Member().setValue(made.getId()))));
    checks.that("members", () -> scim.retrieve(group).getMembers().size() == 1);
    checks.that("remove a member", () -> {
      var left = scim.modifyRequest(group).removeValues("members[value eq \"" + made.getId() + "\"]").invoke().getMembers();
      return left == null || left.isEmpty();
    });
    checks.that("delete a group", () -> { scim.delete(group); return true; });
    checks.that("delete", () -> { scim.delete(made); return true; });
    checks.that("what is deleted is not found", () -> {
      try {
        scim.retrieve(made);
        return false;
      } catch (ResourceNotFoundException e) {
        return true;
      }
    });
    checks.end();
  }
}
