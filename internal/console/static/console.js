// What a page can do without: copying, asking before something is destroyed, keys, and
// times that stay true. A page is complete without this script.
const all = (selector, root = document) => [...root.querySelectorAll(selector)];

// Copy buttons.
for (const button of all("[data-copy]")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    const text = document.getElementById(button.dataset.copy).textContent;
    const label = button.lastChild;
    try {
      await navigator.clipboard.writeText(text);
      label.textContent = " Copied";
    } catch {
      getSelection().selectAllChildren(document.getElementById(button.dataset.copy));
      label.textContent = " Press Ctrl C";
    }
    setTimeout(() => { label.textContent = " Copy"; }, 2000);
  });
}

// A dialog asks before something is destroyed: it shows the question that the server would
// show as a page of its own.
document.addEventListener("submit", async (event) => { // of forms that come later, too
  const form = event.target;
  if (!form.matches("[data-ask]")) return;
  event.preventDefault();
  if (form.ariaBusy) return; // a second click does not ask again
  form.ariaBusy = "true";
  let answer, question;
  try {
    answer = await fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form, event.submitter)) });
    question = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("ask");
  } catch { /* the page tells */ }
  form.ariaBusy = null;
  if (!question) { if (answer?.redirected) location = answer.url; else form.submit(); return; }
  const dialog = document.createElement("dialog");
  dialog.setAttribute("aria-label", question.querySelector("h1").textContent);
  dialog.append(question);
  dialog.addEventListener("close", () => { dialog.remove(); event.submitter?.focus(); });
  const leave = question.querySelector("a.button");
  leave.setAttribute("role", "button");
  leave.addEventListener("click", (click) => { click.preventDefault(); dialog.close(); });
  document.body.append(dialog);
  dialog.showModal();
  (question.querySelector("input:not([type=hidden]), select") || leave).focus({ preventScroll: true });
});

// A filter is completed term by term: what is offered stands behind the terms that are there.
for (const box of all("[data-terms]")) {
  const offered = [...box.list.options].map((option) => [option.text, option.value]);
  box.addEventListener("input", () => {
    const [before] = box.value.match(/^(?:(?:"[^"]*"|[^\s"])*\s)*/);
    if (box.list.dataset.before === before) return;
    box.list.dataset.before = before;
    box.list.replaceChildren(...offered.map(([text, value]) => new Option(text, before + value)));
  });
}

// A form that was sent shows that it is on its way.
document.addEventListener("submit", (event) => { if (!event.defaultPrevented) event.submitter?.setAttribute("aria-busy", "true"); });
addEventListener("pageshow", () => { for (const button of all("[aria-busy]")) button.removeAttribute("aria-busy"); });

// Passkeys: the authenticator answers what the server asks, and the form sends the answer.
for (const form of all("form[data-passkey]")) {
  if (!globalThis.PublicKeyCredential?.parseRequestOptionsFromJSON) continue;
  form.hidden = false;
  const told = form.querySelector("[role=alert]"), { answer, password } = form.elements;
  const tell = (text) => { told.textContent = text; told.hidden = !text; };
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    tell("");
    event.submitter.disabled = true;
    try {
      const reply = await fetch(form.dataset.passkey, { method: "POST", body: new URLSearchParams(new FormData(form)) });
      const { problem, options } = await reply.json();
      if (problem) { tell(problem); return; }
      const key = options.user
        ? await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) })
        : await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) });
      answer.value = JSON.stringify(key);
      if (password) password.disabled = true;
      form.submit();
    } catch (error) {
      tell(error.name === "InvalidStateError" ? "This device has a passkey of your account already." : "No passkey was used. Try again, or use your password.");
    } finally {
      event.submitter.disabled = false;
    }
  });
}

// On a narrow screen the places are a bar, of which the current one is in sight.
document.querySelector(".side [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

// Menus close when something else is chosen.
document.addEventListener("click", (event) => {
  for (const menu of all("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
});

// Keys: / searches, g and a letter leads to a place, ? tells of them, Escape closes menus.
let going = false;
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") for (const menu of all("details.menu[open]")) menu.open = false;
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select, dialog")) return;
  if (event.key === "/") {
    const box = document.querySelector("[data-key='/']");
    if (box) { event.preventDefault(); box.focus(); }
  } else if (event.key === "?") {
    keys();
  } else if (going) {
    going = false;
    all(".side a").find((a) => a.dataset.go === event.key)?.click();
  } else if (event.key === "g") {
    going = true;
    setTimeout(() => { going = false; }, 1000);
  }
});

function keys() {
  const lines = all("[data-key], .side [data-go]").map((at) => at.dataset.key ? [at.dataset.key, "Search"] : [`g ${at.dataset.go}`, at.textContent.trim()]);
  if (!lines.length) return;
  const dialog = document.createElement("dialog");
  dialog.setAttribute("aria-label", "Keys");
  const list = document.createElement("ul");
  list.className = "rows";
  for (const [key, what] of [...lines, ["?", "Tell of these keys"], ["Esc", "Close"]]) {
    const line = document.createElement("li"), name = document.createElement("span"), k = document.createElement("kbd");
    name.textContent = what;
    k.textContent = key;
    line.append(name, k);
    list.append(line);
  }
  const close = document.createElement("button");
  close.textContent = "Close";
  close.addEventListener("click", () => dialog.close());
  dialog.append(list, close);
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

// Times stay true while a page is open. The words are those of the server.
function ago(time, now) {
  const seconds = (now - time) / 1000, past = seconds >= 0, span = Math.abs(seconds);
  const words = (n, thing) => `${n} ${thing}${n === 1 ? "" : "s"}`;
  let text;
  if (past && span < 60) return "just now";
  if (span < 90 * 60) text = words(Math.max(1, Math.round(span / 60)), "minute");
  else if (span < 36 * 3600) text = words(Math.round(span / 3600), "hour");
  else text = words(past ? Math.floor(span / 86400) : Math.round(span / 86400), "day");
  return past ? `${text} ago` : `in ${text}`;
}
setInterval(() => {
  for (const element of all("time[datetime]")) {
    const time = Date.parse(element.dateTime);
    if (time > 0) element.textContent = ago(time, Date.now());
  }
}, 30000);

// Live parts: an element with data-live is replaced by what the stream of that address sends.
for (const element of all("[data-live]")) {
  const stream = new EventSource(element.dataset.live);
  stream.addEventListener("part", (event) => {
    if (element.dataset.shown !== event.data) {
      element.dataset.shown = event.data;
      const part = new DOMParser().parseFromString(event.data, "text/html");
      element.replaceChildren(...part.body.childNodes);
    }
  });
  addEventListener("pagehide", () => stream.close());
}
