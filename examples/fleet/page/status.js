// The head of the page: how many there are, how lively it is, and whether what is shown is live.

const byId = (id) => document.getElementById(id);
const HEALTH_MS = 10_000;

export class Status {
  #socket;
  #agency;
  #units;
  #refused = "";
  #said = "";

  constructor(socket, agency, units) {
    this.#socket = socket;
    this.#agency = agency;
    this.#units = units;
    socket.onState(() => this.link());
    agency.onState((state, why) => {
      this.#refused = state === "errored" && socket.state === "open" ? (why?.reason ?? "refused") : "";
      this.link();
    });
    for (const type of ["online", "offline"]) addEventListener(type, () => this.link());
    setInterval(() => this.#health(), HEALTH_MS);
    this.#health();
  }

  get live() { return this.#socket.state === "open" && this.#agency.state === "joined"; }

  /** Shows the state of the connection. While it waits, the seconds until the next try count down. */
  link() {
    const [tone, text] = this.#link();
    const pill = byId("link");
    pill.dataset.tone = tone;
    if (byId("link-text").textContent !== text) byId("link-text").textContent = text;
    document.body.classList.toggle("stale", !this.live);
    const said = { live: "Connected. Positions are live.", trying: "Connection lost. Reconnecting.", off: "Offline." }[tone];
    if (said !== this.#said) byId("announce").textContent = this.#said = said;
  }

  #link() {
    if (this.live) return ["live", "Live"];
    if (navigator.onLine === false) return ["off", "Offline"];
    switch (this.#socket.state) {
      case "waiting": {
        const seconds = Math.ceil((this.#socket.retryAt - Date.now()) / 1000);
        return ["trying", seconds > 0 ? `Reconnecting in ${seconds} s` : "Reconnecting…"];
      }
      case "connecting": return ["trying", "Connecting…"];
      case "open": return ["trying", this.#refused ? `No data: ${this.#refused}` : "Joining…"];
      default: return ["off", "Offline"];
    }
  }

  counts(now) {
    const counts = this.#units.count();
    const say = (id, n) => { byId(id).textContent = n.toLocaleString("en"); };
    say("count-units", counts.all);
    say("count-moving", counts.moving);
    say("count-restarting", counts.restarting);
    say("count-rate", Math.round(this.#units.rate(now)));
    byId("stat-restarting").classList.toggle("trouble", counts.restarting > 0);
    for (const element of document.querySelectorAll("[data-count]")) {
      element.textContent = counts[element.dataset.count].toLocaleString("en");
    }
  }

  async #health() {
    if (document.hidden || !this.live) return;
    try {
      const { status } = await (await fetch("/api/health")).json();
      byId("health").hidden = status === "ok";
    } catch {
      // The connection's own state tells that story.
    }
  }
}
