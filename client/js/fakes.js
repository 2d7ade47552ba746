// What the tests need of a browser and a server.
import assert from "node:assert/strict";
import { afterEach, beforeEach, mock } from "node:test";
import { Socket } from "./bennu.js";

/** A WebSocket whose other end is the test. */
export class FakeWebSocket {
  static all = [];
  static get last() { return FakeWebSocket.all.at(-1); }

  sent = [];
  closed = false;

  constructor(url, protocols) {
    Object.assign(this, { url, protocols });
    FakeWebSocket.all.push(this);
  }

  send(frame) {
    assert.equal(this.closed, false);
    this.sent.push(typeof frame === "string" ? JSON.parse(frame) : frame);
  }

  close() { this.closed = true; }

  open() { this.onopen(); }
  drop(close = { code: 1006, reason: "" }) { this.onclose?.(close); }
  receive(...message) { this.onmessage?.({ data: JSON.stringify(message) }); }
  receiveBytes(...bytes) { this.onmessage({ data: new Uint8Array(bytes).buffer }); }

  /** The last message sent with this event. */
  find(event) { return this.sent.findLast((m) => m[3] === event); }
  count(event) { return this.sent.filter((m) => m[3] === event).length; }

  reply(event, status = "ok", response = {}, ...meta) {
    const [joinRef, ref, topic] = this.find(event);
    this.receive(joinRef, ref, topic, "phx_reply", { status, response }, ...meta);
  }
}

/** A server of long-polling: what it is asked waits in polls and posts until the test answers. */
export class FakeServer {
  polls = [];
  posts = [];
  session = 0;

  fetch = (url, { method = "GET", headers, body, keepalive, signal }) => new Promise((resolve, reject) => {
    const request = { url, headers, lines: body?.split("\n"), keepalive, signal, done: false };
    const end = (settle) => (value) => {
      request.done = true;
      settle(value);
    };
    request.answer = (answer, status = 200) =>
      end(resolve)({ ok: status < 300, status, json: async () => JSON.parse(JSON.stringify(answer)) });
    request.fail = (message) => end(reject)(new TypeError(message));
    signal.addEventListener("abort", () => end(reject)(signal.reason));
    (method === "GET" ? this.polls : this.posts).push(request);
  });

  get poll() { return this.polls.at(-1); }
  get post() { return this.posts.at(-1); }

  async begin() {
    this.poll.answer({ status: 410, token: `s${++this.session}`, messages: [] });
    await turn();
  }

  async deliver(...messages) {
    this.poll.answer({ status: 200, token: `s${this.session}`, messages: messages.map((m) => JSON.stringify(m)) });
    await turn();
  }

  async accept() {
    this.post.answer({ status: 200 });
    await turn();
  }
}

/** Lets everything happen that waits for nothing but its turn. */
export const turn = () => new Promise(setImmediate);
export const tick = (ms) => mock.timers.tick(ms);
export const wait = (failures) => 100 * (failures + 1);

let window;
let reported;
let warned;
export const page = () => window;
/** What was reported and not asked for yet. A test that leaves some fails. */
export const errors = () => reported.splice(0);
/** What the console was told and nobody asked for yet. */
export const warnings = () => warned.splice(0);

/** Gives each test a fresh page, and time that only it moves. */
export function browser() {
  beforeEach(() => {
    FakeWebSocket.all = [];
    mock.timers.enable({ apis: ["setTimeout", "Date"], now: 1_000_000 });
    window = new EventTarget();
    reported = [];
    warned = [];
    mock.method(console, "warn", (text) => void warned.push(text));
    const kept = new Map();
    Object.assign(globalThis, {
      addEventListener: window.addEventListener.bind(window),
      document: { visibilityState: "visible" },
      reportError: (err) => reported.push(err.message),
    });
    const sessionStorage = {
      getItem: (key) => kept.get(key) ?? null,
      setItem: (key, value) => kept.set(key, value),
      removeItem: (key) => kept.delete(key),
    };
    Object.defineProperty(globalThis, "sessionStorage", { value: sessionStorage, configurable: true, writable: true });
  });

  afterEach(() => {
    mock.timers.reset();
    console.warn.mock.restore();
    for (const name of ["addEventListener", "document", "reportError", "sessionStorage"]) delete globalThis[name];
    assert.deepEqual(reported, []);
  });
}

export function connected(options = {}) {
  const socket = new Socket("http://host/socket", { transport: FakeWebSocket, fallbackMs: Infinity, backoff: wait, ...options });
  socket.connect();
  FakeWebSocket.last.open();
  return { socket, ws: FakeWebSocket.last };
}

/** A joined room:1. The meta is that of the join's reply. */
export function joined(options, ...meta) {
  const { socket, ws } = connected(options);
  const channel = socket.channel("room:1", { a: 1 });
  const states = [];
  channel.onState((state) => states.push(state));
  const first = channel.join();
  ws.reply("phx_join", "ok", { n: 1 }, ...meta);
  return { socket, ws, channel, states, first };
}

/** The connection goes, and comes back soon. */
export function reconnect() {
  FakeWebSocket.last.drop();
  tick(1_000);
  FakeWebSocket.last.open();
  return FakeWebSocket.last;
}

export const failsWith = (status, reason, kind) => (err) => {
  assert.equal(err.name, "ChannelError");
  assert.equal(err.status, status);
  if (reason) assert.equal(err.reason, reason);
  if (kind) assert.equal(err.kind, kind);
  return true;
};
