import java.util.concurrent.Callable;

/** Counts what a client can do with the server, and says what it cannot. */
class Checks {
  private final String client;
  private int passed, all;

  Checks(String client) {
    this.client = client;
  }

  void that(String what, Callable<Boolean> check) {
    all++;
    try {
      if (check.call()) {
        passed++;
        return;
      }
      System.out.println("  FAIL " + what);
    } catch (Exception e) {
      System.out.println("  FAIL " + what + ": " + e);
    }
  }

  /** What a call answers, which later checks need. */
  <T> T get(String what, Callable<T> call) throws Exception {
    all++;
    var answer = call.call();
    passed++;
    return answer;
  }

  void end() {
    System.out.println(client + ": " + passed + " of " + all);
  }
}
