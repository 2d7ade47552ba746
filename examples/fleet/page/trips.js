// The trip report of the selected unit: asked for on its topic, followed on a topic of its own.

const byId = (id) => document.getElementById(id);
const HOUR_MS = 3_600_000;

export class Trips {
  #socket;
  #selection;
  #unit = null;
  #report = null; // the channel of the one that is made
  #form = byId("trips");
  #bar = byId("trips-bar");
  #text = byId("trips-text");
  #link = byId("trips-link");

  constructor(socket, selection) {
    this.#socket = socket;
    this.#selection = selection;
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#ask(Number(this.#form.elements.hours.value) * HOUR_MS);
    });
  }

  /** Another unit, or none. */
  open(unit) {
    if (unit === this.#unit) return;
    this.#unit = unit;
    this.#show("");
  }

  async #ask(ms) {
    const unit = this.#unit;
    this.#show("Asking…", 0);
    try {
      const now = Date.now();
      const { id } = await this.#selection.push("trips", { from: new Date(now - ms).toISOString(), to: new Date(now).toISOString() });
      if (unit === this.#unit) this.#follow(id);
    } catch ({ reason }) {
      if (unit === this.#unit) this.#show(`No report: ${reason ?? "no connection"}`);
    }
  }

  #follow(id) {
    const report = (this.#report = this.#socket.channel(`report:${id}`));
    let trips = "";
    report.on("progress", ({ state, done, text }) => {
      if (report !== this.#report) return;
      trips = text || trips;
      switch (state) {
        case "completed": return this.#show(trips || "Ready", null, `/api/reports/${id}`);
        case "cancelled": case "discarded": return this.#show("The report has failed.");
        default: this.#show(trips || "Waiting…", done);
      }
    });
    report.join().catch(() => {}); // it is tried again
  }

  /** @param {number | null} done null: nothing is going on */
  #show(text, done = null, href = "") {
    if (done === null) {
      this.#report?.leave();
      this.#report = null;
    }
    this.#text.textContent = text;
    this.#bar.hidden = done === null;
    this.#bar.value = done ?? 0;
    this.#link.hidden = href === "";
    this.#link.href = href;
  }
}
