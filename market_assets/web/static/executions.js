// Keeps the list fresh: by the scheduler's events for admins, else by polling.
// The page comes from the server with everything escaped, and replaces the one that is shown.

const POLL_MS = 5000;
const RETRY_MS = 5000;
const news = document.getElementById("news");
let requested = false;
let loading = false;

/** Open error texts stay open, whatever is drawn anew around them. */
function keepOpen(from, to) {
  for (const open of from.querySelectorAll("details[open]")) {
    const row = to.querySelector(`#${CSS.escape(open.closest("tr").id)} details`);
    if (row) row.open = true;
  }
}

async function refresh() {
  requested = true;
  if (loading) return;
  loading = true;
  try {
    while (requested) {
      requested = false;
      const answer = await fetch(location.href, { credentials: "same-origin" });
      if (answer.redirected) { location.reload(); return; }
      if (!answer.ok) throw new Error(`the list could not be loaded: ${answer.status}`);
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const shown = document.querySelector("main");
      const fresh = page.querySelector("main");
      keepOpen(shown, fresh);
      if (fresh.innerHTML !== shown.innerHTML) shown.replaceWith(document.adoptNode(fresh));
      showState("");
    }
  } catch (error) {
    showState(error.message);
  } finally {
    loading = false;
  }
}

function showState(text) {
  news.textContent = text || (document.body.dataset.state === "live" ? "live" : "");
}

function listen() {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  const socket = new WebSocket(`${scheme}//${location.host}/api/admin/scheduler/events`);
  socket.addEventListener("open", () => { document.body.dataset.state = "live"; refresh(); });
  socket.addEventListener("message", (event) => {
    if (JSON.parse(event.data).type === "run") refresh();
  });
  socket.addEventListener("close", () => {
    document.body.dataset.state = "";
    showState("not live: trying again");
    setTimeout(listen, RETRY_MS);
  });
}

document.querySelector("form").addEventListener("change", (event) => event.currentTarget.submit());
if (document.body.dataset.live === "events") {
  listen();
  // Durations of what is running go on without an event.
  setInterval(() => { if (!document.hidden && document.querySelector(".running")) refresh(); }, POLL_MS);
} else {
  document.body.dataset.state = "live";
  setInterval(() => { if (!document.hidden) refresh(); }, POLL_MS);
}
