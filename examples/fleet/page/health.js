// How the server is: asked every few seconds, and compared with the last answer.

import { call } from "./api.js";

const EVERY_MS = 5_000;
const DOORS = ["replay", "osmand", "socket", "device", "udp"];
const REFUSED = {
  "fleet.units.refused": "no room for the unit", "fleet.keys.refused": "wrong key", "channel.messages.refused": "bad frame",
  "channel.udp.refused": "device: refused", "channel.udp.forged": "device: forged",
};
const INSIDE = {
  "fleet.units.crashed": "units crashed", "process.crashes": "processes crashed", "process.messages.lost": "messages lost",
  "channel.clients.slow": "slow pages sent away", "pubsub.lost": "updates lost",
};

export class Health {
  status = "ok";
  /** The permanent parts that do not run. */
  down = [];
  /** { door, total, rate }: positions accepted. */
  doors = [];
  /** { what, total, rate }: input refused, by reason; only what has happened. */
  dropped = [];
  /** { what, total, rate }: the server's own trouble. */
  inside = [];
  /** Positions a second through all doors. */
  rate = 0;

  #before = null; // { at, counters }
  #agency;
  #onChange;

  /** @param {(newlyDropped: number, reasons: string[]) => void} onChange told after each answer */
  constructor(agency, onChange) {
    this.#agency = agency;
    this.#onChange = onChange;
    setInterval(() => this.ask(), EVERY_MS);
  }

  async ask() {
    if (!this.#agency.live) return;
    try {
      const { status, tree, counters } = await (await call("/api/health")).json();
      this.status = status;
      this.down = ailing(tree);
      this.#count(counters ?? {});
    } catch {
      // The connection's own state tells that story.
    }
  }

  #count(counters) {
    const at = performance.now();
    const last = this.#before;
    this.#before = { at, counters };
    const grown = (name) => {
      if (!last) return 0;
      const was = last.counters[name] ?? 0;
      return counters[name] >= was ? counters[name] - was : counters[name]; // less: the server began anew
    };
    const measure = (name) => ({ total: counters[name], rate: last ? grown(name) / ((at - last.at) / 1000) : 0 });
    const names = Object.keys(counters).filter((name) => counters[name] > 0).sort();

    this.doors = DOORS.filter((door) => `fleet.${door}.accepted` in counters)
      .map((door) => ({ door, ...measure(`fleet.${door}.accepted`) }));
    this.rate = this.doors.reduce((sum, { rate }) => sum + rate, 0);
    const refused = names.map((name) => [name, reason(name)]).filter(([, what]) => what);
    this.dropped = refused.map(([name, what]) => ({ what, ...measure(name) }));
    this.inside = names.filter((name) => name in INSIDE).map((name) => ({ what: INSIDE[name], ...measure(name) }));

    const rising = refused.filter(([name]) => grown(name) > 0);
    this.#onChange(rising.reduce((sum, [name]) => sum + grown(name), 0), rising.map(([, what]) => what));
  }
}

/** Why input was not taken, if that is what the counter counts. */
function reason(name) {
  if (name in REFUSED) return REFUSED[name];
  const [app, door, ...rest] = name.split(".");
  if (app !== "fleet" || !DOORS.includes(door)) return null;
  if (rest[0] === "dropped") return `${door}: ${rest.slice(1).join(" ").replaceAll("_", " ")}`;
  return rest[0] === "refused" || rest[0] === "failed" ? `${door}: ${rest[0]}` : null;
}

/** The permanent parts of a tree that are down, by name. */
function ailing(tree) {
  if (!tree) return [];
  const parts = tree.children ?? [];
  const self = tree.restart === "permanent" && tree.state !== "running" && tree.state !== "ended" ? [tree.name] : [];
  return [...self, ...parts.flatMap(ailing)];
}
