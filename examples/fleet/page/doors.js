// The card of the doors: what comes in through each, and what was dropped and why.

const byId = (id) => document.getElementById(id);
const NAMES = { replay: "Replay", osmand: "OsmAnd", socket: "Socket", device: "Devices, UDP", udp: "NMEA, UDP" };

const count = (n) => n.toLocaleString("en");
const perSecond = (n) => (n === 0 ? "0" : n < 10 ? n.toFixed(1) : count(Math.round(n)));

export class Doors {
  #health;
  #isLive;
  #tables = [byId("doors-accepted"), byId("doors-dropped"), byId("doors-inside")].map((body) => ({ body, rows: new Map() }));

  /** @param {() => boolean} isLive whether what the server last said still holds */
  constructor(health, isLive) {
    this.#health = health;
    this.#isLive = isLive;
  }

  refresh() {
    const { doors, dropped, inside, rate, status, down } = this.#health;
    byId("doors-rate").textContent = this.#isLive() ? perSecond(rate) : "–";
    byId("health").hidden = status === "ok";
    byId("health").title = down.length > 0 ? `Down: ${down.join(", ")}` : "";
    if (byId("doors").hidden) return;
    const [accepted, refused, trouble] = this.#tables;
    fill(accepted, doors.map(({ door, ...rest }) => ({ what: NAMES[door], ...rest })));
    fill(refused, dropped);
    fill(trouble, inside);
    byId("doors-clean").hidden = dropped.length > 0;
    byId("doors-dropped").previousElementSibling.hidden = dropped.length === 0;
    byId("doors-inside").previousElementSibling.hidden = inside.length === 0;
  }
}

/** One row each; rows are kept as long as there is something to say. */
function fill({ body, rows }, entries) {
  const there = new Set(entries.map(({ what }) => what));
  for (const [what, row] of rows) {
    if (there.has(what)) continue;
    row.remove();
    rows.delete(what);
  }
  for (const { what, rate, total } of entries) {
    let row = rows.get(what);
    if (!row) {
      row = body.insertRow();
      const head = row.appendChild(document.createElement("th"));
      head.scope = "row";
      head.textContent = what;
      row.insertCell();
      row.insertCell();
      rows.set(what, row);
    }
    row.classList.toggle("busy", rate > 0);
    row.cells[1].textContent = perSecond(rate);
    row.cells[2].textContent = count(total);
  }
}
