// A server with a history, behind a line that breaks at any time: whatever happens, the client ends with what the
// server has, and each of its posts is there once.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Socket } from "./bennu.js";
import { FakeWebSocket, browser, tick } from "./fakes.js";

browser();

/** Numbers below n that depend on the seed alone. */
function chance(seed) {
  let state = seed + 1;
  return (n) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
}

class Server {
  posts = []; // the topic's history
  epoch = 1;
  kept = 0; // how many of the oldest posts can't be replayed any more
  done = new Map(); // id → reply
  connect(ws) { Object.assign(this, { ws, read: 0, out: [], joinRef: null }); }

  say(...message) { this.out.push(message); }

  /** Takes the client's next frame. */
  take() {
    const message = this.ws.sent[this.read];
    if (!message) return;
    this.read++;
    const [joinRef, ref, topic, event, payload, meta] = message;
    const reply = (status, response, ...more) => this.say(joinRef, ref, topic, "phx_reply", { status, response }, ...more);
    if (event === "phx_join") return this.join(joinRef, reply, meta);
    if (event === "phx_leave") return void (this.joinRef = null);
    if (event !== "post") return;
    if (this.joinRef === null) return this.say(null, ref, topic, "phx_reply", { status: "error", response: { reason: "unmatched topic" } });
    if (joinRef !== this.joinRef) return;
    if (!this.done.has(meta.id)) {
      this.posts.push(payload.n);
      this.done.set(meta.id, this.posts.length);
      this.broadcast(this.posts.length);
    }
    reply("ok", { at: this.done.get(meta.id) });
  }

  broadcast(offset) { this.say(null, null, "room:1", "posted", { n: this.posts[offset - 1] }, { offset }); }

  join(joinRef, reply, { epoch, offset }) {
    this.joinRef = joinRef;
    const recovered = epoch === `e${this.epoch}` && offset >= this.kept;
    const snapshot = recovered ? null : [...this.posts];
    reply("ok", { snapshot }, { epoch: `e${this.epoch}`, offset: this.posts.length, recovered });
    if (recovered) for (let at = offset + 1; at <= this.posts.length; at++) this.broadcast(at);
  }

  crash() {
    if (this.joinRef !== null) this.say(this.joinRef, this.joinRef, "room:1", "phx_error", { reason: "channel_crash" });
    this.joinRef = null;
  }

  /** Another client posts. */
  post(n) {
    this.posts.push(n);
    if (this.joinRef !== null) this.broadcast(this.posts.length);
  }
}

function run(seed) {
  const random = chance(seed);
  const server = new Server();
  const socket = new Socket("http://host/socket", { transport: FakeWebSocket, fallbackMs: Infinity, backoff: () => random(300) });
  const channel = socket.channel("room:1");
  const [seen, answers] = [[], []];
  channel.onJoin(({ snapshot }, { recovered }) => recovered || seen.splice(0, seen.length, ...snapshot));
  channel.on("posted", ({ n }) => seen.push(n));
  channel.join();
  socket.connect();
  const open = () => {
    if (socket.state !== "connecting") return;
    FakeWebSocket.last.open();
    server.connect(FakeWebSocket.last);
    server.take();
  };
  const deliver = () => server.out.length > 0 && server.ws.receive(...server.out.shift());
  open();
  let n = 0;
  const steps = [
    open, open, deliver, deliver, deliver, deliver, () => server.take(), () => server.take(),
    () => tick(random(400)), () => server.ws.drop(), () => server.crash(), () => server.post(`theirs ${++n}`),
    () => answers.push(channel.push("post", { n: `mine ${++n}` }, { acknowledged: true })),
    () => answers.push(channel.push("post", { n: `mine ${++n}` }, { acknowledged: true })),
    () => random(4) === 0 && server.epoch++, () => (server.kept = random(server.posts.length + 1)),
  ];
  for (let step = 0; step < 200; step++) steps[random(steps.length)]();
  for (let step = 0; step < 500 + n * 4; step++) [() => tick(1_000), open, () => server.take(), deliver, deliver][step % 5]();
  const mine = server.posts.filter((post) => post.startsWith("mine"));
  assert.equal(new Set(mine).size, mine.length, `seed ${seed}: run once`);
  assert.equal(mine.length, answers.length, `seed ${seed}: all run`);
  assert.deepEqual(seen, server.posts, `seed ${seed}: all seen in order`);
  socket.disconnect();
  return Promise.all(answers);
}

describe("chaos", () => {
  test("nothing is lost or doubled", async () => {
    for (let seed = 0; seed < 150; seed++) await run(seed);
  });
});
