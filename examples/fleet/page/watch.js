// Turns what happens into alerts. When many units meet the same fate at once, that is one alert.

import { age, clock } from "./geo.js";

const MANY = 5;
const GATHER_MS = 400;
/** A connection that is back sooner was not missed. */
const BLINK_MS = 1_500;

const KINDS = {
  restart: { tone: "warn", one: "crashed, restarting", many: "crashed, restarting", over: "back after", allOver: "all back after" },
  silence: { tone: "warn", one: "silent since", many: "silent", over: "heard again after", allOver: "all heard again after" },
};

export class Watch {
  #alerts;
  #agency;
  #gathered = new Map(); // kind → units, of the last moments
  #crowds = new Map(); // kind → { ids, size, since }: who met it together, and is not over it
  #connected = false;
  #lost = null; // { since, timer, told }: the last time
  #degraded = false;
  #dropped = 0; // in the wave that goes on

  /** @param {Agency} agency the one that is watched */
  constructor(alerts, agency) {
    this.#alerts = alerts;
    this.#agency = agency;
  }

  restarting(unit) { this.#gather("restart", unit); }
  back(unit, ms) { this.#over("restart", unit, ms); }
  silent(unit) { this.#gather("silence", unit); }
  heard(unit, ms) { this.#over("silence", unit, ms); }

  /** The page has lost the server, or has it back. */
  connection(open) {
    if (open === this.#connected) return;
    this.#connected = open;
    if (open) {
      clearTimeout(this.#lost?.timer);
      if (this.#lost?.told) this.#alerts.settle("connection", `connection back after ${age(Date.now() - this.#lost.since)}`);
      return;
    }
    const lost = (this.#lost = { since: Date.now(), told: false });
    lost.timer = setTimeout(() => {
      lost.told = true;
      this.#alerts.raise({ key: "connection", tone: "bad", subject: "Server", text: "connection lost" });
    }, BLINK_MS);
  }

  /** @param {{status: string, down: string[], newlyDropped: number, reasons: string[]}} health */
  health({ status, down, newlyDropped, reasons }) {
    const degraded = status !== "ok";
    if (degraded && !this.#degraded) {
      const text = down.length > 0 ? `degraded: ${down.join(", ")} down` : "degraded";
      this.#alerts.raise({ key: "health", tone: "bad", subject: "Server", text });
    } else if (!degraded && this.#degraded) {
      this.#alerts.settle("health", "healthy again");
    }
    this.#degraded = degraded;
    this.#drops(newlyDropped, reasons);
  }

  /** One alert for as long as it goes on. */
  #drops(n, reasons) {
    const going = this.#dropped > 0 && this.#alerts.has("dropped");
    this.#dropped = n === 0 ? 0 : n + (going ? this.#dropped : 0);
    if (n === 0) return;
    const text = `${this.#dropped.toLocaleString("en")} dropped (${reasons.slice(0, 3).join(", ")})`;
    if (going) this.#alerts.settle("dropped", text, "warn");
    else this.#alerts.raise({ key: "dropped", tone: "warn", subject: "Input", text });
  }

  /** Another agency: what was going on in the last one is not followed any more. */
  reset() {
    this.#gathered.clear();
    this.#crowds.clear();
  }

  #gather(kind, unit) {
    if (!this.#gathered.has(kind)) {
      this.#gathered.set(kind, new Map());
      setTimeout(() => this.#tell(kind), GATHER_MS);
    }
    const agency = this.#agency.id;
    this.#gathered.get(kind).set(unit.id, { unit, agency, since: Date.now() });
  }

  #tell(kind) {
    const met = [...(this.#gathered.get(kind)?.values() ?? [])];
    this.#gathered.delete(kind);
    const { tone, one, many } = KINDS[kind];
    if (met.length > MANY) {
      const crowd = this.#crowds.get(kind) ?? { ids: new Set(), size: 0, since: met[0].since };
      for (const { unit, over } of met) if (!over) crowd.ids.add(unit.id);
      crowd.size += met.length;
      this.#crowds.set(kind, crowd);
      this.#alerts.raise({ key: `${kind}:many`, tone, subject: `${crowd.size.toLocaleString("en")} units`, text: many });
      this.#allOver(kind, crowd);
      return;
    }
    for (const { unit, agency, over } of met) {
      const key = `${kind}:${agency}/${unit.id}`;
      const text = kind === "silence" ? `${one} ${clock(unit.at)}` : one;
      this.#alerts.raise({ key, tone, subject: unit.id, text, unit: unit.id, agency });
      if (over) this.#alerts.settle(key, over);
    }
  }

  #allOver(kind, { ids, since }) {
    if (ids.size > 0) return;
    this.#crowds.delete(kind);
    this.#alerts.settle(`${kind}:many`, `${KINDS[kind].allOver} ${age(Date.now() - since)}`);
  }

  #over(kind, unit, ms) {
    const text = `${KINDS[kind].over} ${age(ms)}`;
    const waiting = this.#gathered.get(kind)?.get(unit.id);
    if (waiting) waiting.over = text; // it is not even told yet
    const crowd = this.#crowds.get(kind);
    if (crowd?.ids.delete(unit.id)) {
      this.#allOver(kind, crowd);
    } else if (!waiting) {
      this.#alerts.settle(`${kind}:${this.#agency.id}/${unit.id}`, text);
    }
  }
}
