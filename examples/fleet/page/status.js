// The head of the page: how many there are, how lively it is, and whether what is shown is live.

const byId = (id) => document.getElementById(id);

export class Status {
  #socket;
  #agency;
  #units;
  #said = "";

  constructor(socket, agency, units) {
    this.#socket = socket;
    this.#agency = agency;
    this.#units = units;
    socket.onState(() => this.link());
    for (const type of ["online", "offline"]) addEventListener(type, () => this.link());
  }

  /** Shows the state of the connection. While it waits, the seconds until the next try count down. */
  link() {
    const [tone, text] = this.#link();
    const pill = byId("link");
    pill.dataset.tone = tone;
    if (byId("link-text").textContent !== text) byId("link-text").textContent = text;
    document.body.classList.toggle("stale", !this.#agency.live);
    const said = { live: "Connected. Positions are live.", trying: "Not connected. Trying again.", off: "Offline." }[tone];
    if (said !== this.#said) byId("announce").textContent = this.#said = said;
  }

  #link() {
    if (this.#agency.live) return ["live", "Live"];
    if (navigator.onLine === false) return ["off", "Offline"];
    switch (this.#socket.state) {
      case "waiting": {
        const seconds = Math.ceil((this.#socket.retryAt - Date.now()) / 1000);
        return ["trying", seconds > 0 ? `Reconnecting in ${seconds} s` : "Reconnecting…"];
      }
      case "connecting": return ["trying", "Connecting…"];
      case "open": return ["trying", this.#agency.refused ? `No data: ${this.#agency.refused}` : "Joining…"];
      default: return ["off", "Offline"];
    }
  }

  counts(now) {
    const counts = this.#units.count();
    const say = (id, n) => { byId(id).textContent = n.toLocaleString("en"); };
    say("count-units", counts.all);
    say("count-moving", counts.moving);
    say("count-silent", counts.silent);
    say("count-restarting", counts.restarting);
    say("count-rate", Math.round(this.#units.rate(now)));
    for (const trouble of ["silent", "restarting"]) byId(`stat-${trouble}`).classList.toggle("trouble", counts[trouble] > 0);
    for (const element of document.querySelectorAll("[data-count]")) {
      element.textContent = counts[element.dataset.count].toLocaleString("en");
    }
  }
}
