// Tests the connection with a publishable key, and says in words what happened.
const form = document.getElementById("test");
const input = document.getElementById("test-key");
const result = document.getElementById("test-result");
const button = form.querySelector("button");

function show(tone, text) {
  result.className = `notice ${tone}`;
  result.textContent = text;
  result.hidden = false;
}

function offered(labels) {
  if (!labels?.length) return "It has no list of labels, so corrections are free text.";
  return `It offers ${labels.length} labels: ${labels.slice(0, 12).join(", ")}${labels.length > 12 ? ", …" : ""}.`;
}

async function explain(answer, key) {
  const body = await answer.json().catch(() => ({}));
  const origins = JSON.parse(document.getElementById("known-keys").textContent)[key.split("_").slice(0, 2).join("_")];
  if (answer.ok) return ["good", `It works: the service answered, and the key is good for this ${body.task} model. ${offered(body.labels)}`];
  if (answer.status === 401) return ["bad", "The service was reached, but it doesn't know this key. It may be mistyped or revoked."];
  // A key for other pages refuses this one: that it does so is part of what is tested.
  if (answer.status === 403 && origins?.length) return ["good", `It works: the service was reached, it knows the key, and the key is one of this model's. It serves pages of ${origins.join(", ")} only, so it refused this page, as it should. Open your page and click a thumb: it appears under Feedback.`];
  if (answer.status === 403) return ["warn", `The service was reached and refused the key: ${body.detail ?? "it isn't for this model or this page"}.`];
  if (answer.status === 429) return ["warn", "The service was reached, but too many requests came from here. Wait a moment and try again."];
  return ["bad", `The service answered with status ${answer.status}. ${body.detail ?? ""}`];
}

function elsewhere() {
  const named = new URL(form.dataset.service).origin;
  return named === location.origin ? "" : ` The tag names ${named}, and this test ran on ${location.origin}: open this page there to test that address.`;
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const key = input.value.trim();
  if (key.startsWith("sk_")) return show("bad", "That is a secret key. It must never stand in a page; use a publishable one (pk_...).");
  if (!key) return show("bad", "Paste a publishable key first, or make one above.");
  button.disabled = true;
  show("", "Asking…");
  // The policy of this page allows its own origin only, so that is what is asked.
  const address = new URL(form.dataset.context, location.href);
  address.searchParams.set("model_id", form.dataset.model);
  try {
    const answer = await fetch(address, { headers: { authorization: `Bearer ${key}` }, credentials: "omit", cache: "no-store" });
    const [tone, text] = await explain(answer, key);
    show(tone, text + elsewhere());
  } catch {
    show("bad", `${address.origin} can't be reached from this browser. Check that the service runs, the proxy in front of it, and the network.`);
  }
  button.disabled = false;
  return undefined;
});
button.disabled = false;
// A reload must not send the form again and make a second key or secret.
const once = document.querySelector("[data-once]");
if (once) history.replaceState(null, "", once.dataset.once);
