// What bennu's own browser client does, against rooms.go: by websocket and by long-polling. Run by ./run.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import WebSocket from "ws";
import { Socket } from "./bennu.js";
import { proxyWithoutWebsockets, Rooms, until } from "./server.mjs";

const server = new Rooms();
before(() => server.start());
after(() => server.end());

const links = { "websocket": WebSocket, "long-polling": "longpoll" };

function connect(options, path = "/socket") {
  const socket = new Socket(`ws://127.0.0.1:${server.port}${path}`, { backoff: () => 50, ...options });
  socket.connect();
  return socket;
}

/** heard collects the payloads of an event. */
function heard(channel, event) {
  const all = [];
  channel.on(event, (payload) => all.push(payload));
  return all;
}

const bytes = (...all) => Uint8Array.from(all).buffer;
const numbers = (n) => Array.from({ length: n }, (_, i) => `${i}`);
const texts = (all) => all.map(({ text }) => text);

for (const [name, transport] of Object.entries(links)) {
  const both = (what, run) => test(`${name}: ${what}`, async () => {
    const sockets = [];
    const open = (more) => sockets[sockets.push(connect({ transport, ...more })) - 1];
    try {
      await run(open);
    } finally {
      for (const socket of sockets) socket.disconnect();
    }
  });

  both("calls, and is told of errors by field", async (open) => {
    const room = open({ params: { user: "ann" } }).channel("room:1");
    const { transport: by, user } = await room.join();
    assert.deepEqual([by, user], [name === "websocket" ? name : "longpoll", "ann"]);
    const said = { text: "Grüße, <b>&amp;</b> \u2028 👋", list: [1, null, { deep: [] }] };
    assert.deepEqual(await room.push("echo", said), said);
    await assert.rejects(room.push("refuse", { text: "bad" }), { status: "error", kind: "invalid", errors: { text: ["is bad"] } });
    await assert.rejects(room.push("nothing"), { reason: "unknown event", kind: "not found" });
    await assert.rejects(room.push("echo", { text: "x".repeat(1 << 16) }), { status: "error", kind: "invalid" });
    await assert.rejects(room.push("never", {}, { timeoutMs: 100 }), { status: "timeout" });
    const all = numbers(500).map((n) => room.push("echo", { n }));
    for (const [n, done] of all.entries()) assert.deepEqual(await done, { n: `${n}` });
  });

  both("is refused, closed, replaced, and leaves", async (open) => {
    const socket = open();
    await assert.rejects(socket.channel("nothing:here").join(), { reason: "unmatched topic", kind: "not found" });
    await assert.rejects(socket.channel("room:1", { refuse: true }).join(), { reason: "not you", kind: "forbidden" });
    const first = socket.channel("room:1");
    await first.join();
    const second = socket.channel("room:1");
    await second.join();
    assert.deepEqual([first.state, second.state], ["closed", "joined"]);
    second.push("bye").catch(() => {});
    await until("the server closes it", () => second.state === "closed");
    const third = socket.channel("room:1");
    await third.join();
    assert.deepEqual(await third.leave(), {});
    await assert.rejects(third.push("echo", {}), { status: "closed" });
  });

  both("comes back when its channel crashed, and sends what must be acknowledged again", async (open) => {
    const socket = open();
    const [room, other] = [socket.channel("room:1"), socket.channel("room:2")];
    let joins = 0;
    room.onJoin(() => joins++);
    await Promise.all([room.join(), other.join()]);
    const lost = room.push("never");
    lost.catch(() => {});
    room.push("boom").catch(() => {});
    const kept = room.push("count", { text: `kept by ${name}` }, { acknowledged: true });
    await assert.rejects(lost, { status: "closed" });
    assert.deepEqual(await kept, { times: 1 });
    assert.deepEqual([joins, room.state, other.state], [2, "joined", "joined"]);
  });

  both("gets what it missed, once and in order, when the connection was lost", async (open) => {
    const topic = `kept:${name}`;
    const socket = open({ params: { user: `reader of ${name}` } });
    const [reader, writer] = [socket.channel(topic), open().channel(topic)];
    const all = heard(reader, "shout");
    const joins = [];
    reader.onJoin((_, { recovered }) => joins.push(recovered));
    await Promise.all([reader.join(), writer.join()]);
    for (const text of ["a", "b"]) await writer.push("shout", { text });
    await until("it hears", () => all.length === 2);
    for (const [missed, recovered] of [[["c", "d", "e", "f", "g"], true], [numbers(6), false]]) { // five are kept
      socket.disconnect();
      for (const text of missed) await writer.push("shout", { text });
      socket.connect();
      await until("it has joined again", () => reader.state === "joined");
      await writer.push("shout", { text: `new, ${recovered}` });
      await until("it hears what is new", () => texts(all).at(-1) === `new, ${recovered}`);
      assert.equal(joins.at(-1), recovered);
    }
    assert.deepEqual(texts(all), ["a", "b", "c", "d", "e", "f", "g", "new, true", "new, false"]);
  });

  both("is sent away, and comes back with what was said meanwhile", async (open) => {
    const socket = open({ params: { user: `victim of ${name}` } });
    const [room, writer] = [socket.channel(`kept:kick ${name}`), open().channel(`kept:kick ${name}`)];
    const all = heard(room, "shout");
    let joins = 0;
    room.onJoin(() => joins++);
    await Promise.all([room.join(), writer.join()]);
    room.push("kick").catch(() => {});
    const count = Promise.all(numbers(20).map(() => room.push("count", { text: `kick ${name}` }, { acknowledged: true })));
    for (const text of ["a", "b", "c"]) await writer.push("shout", { text });
    await until("it is back", () => joins === 2 && all.length === 3);
    assert.deepEqual(texts(all), ["a", "b", "c"]);
    assert.deepEqual((await count).map(({ times }) => times).sort((a, b) => a - b), Array.from({ length: 20 }, (_, i) => i + 1));
  });

  both("sees who comes, changes and goes", async (open) => {
    const topic = `lobby:${name}`;
    const lobby = open().channel(topic, { name: "ann" });
    const presence = lobby.presence();
    const here = () => presence.list((id, { metas }) => `${id} ${metas.map(({ status }) => status)}`).sort().join("; ");
    await lobby.join();
    await until("Ann is here", () => here() === "ann here");
    const bob = open();
    const atBob = bob.channel(topic, { name: "bob" });
    await atBob.join();
    await atBob.push("status", { status: "away" });
    await until("Bob is away", () => here() === "ann here; bob away");
    bob.disconnect();
    await until("Ann is alone", () => here() === "ann here");
  });

  both("its token lets it in, and no other does", async () => {
    const socket = connect({ transport, token: async () => "token-zoe" }, "/guarded");
    assert.equal((await socket.channel("room:1").join()).user, "zoe");
    socket.disconnect();
    const stranger = connect({ transport, token: "nothing" }, "/guarded");
    const states = [];
    stranger.onState((state) => states.push(state));
    await until("it is refused", () => states.includes("waiting"));
    assert.equal(states.includes("open"), false);
    stranger.disconnect();
  });
}

test("bytes go by both, and come by websocket", async () => {
  const [poll, socket] = [connect({ transport: "longpoll" }), connect({ transport: WebSocket })];
  const [ann, bob] = [poll.channel("kept:bytes"), socket.channel("kept:bytes")];
  const all = heard(bob, "blast");
  await Promise.all([ann.join(), bob.join()]);
  assert.deepEqual(await bob.push("mirror", bytes(0, 1, 255)), bytes(0, 1, 255));
  await assert.rejects(ann.push("mirror", bytes(1)), { status: "error" });
  ann.push("blast", bytes(7, 0, 200)).catch(() => {});
  await until("it is heard", () => all.length === 1);
  assert.deepEqual(all[0], bytes(7, 0, 200));
  socket.disconnect();
  ann.push("blast", bytes(1)).catch(() => {});
  await ann.push("shout", { text: "after it" });
  socket.connect();
  await until("it is replayed", () => all.length === 2);
  assert.deepEqual(all[1], bytes(1));
  for (const each of [poll, socket]) each.disconnect();
});

test("falls back to long-polling where no websocket gets through", async () => {
  for (const hang of [false, true]) {
    const proxy = await proxyWithoutWebsockets(server, { hang });
    const socket = new Socket(proxy.url, { transport: WebSocket, fallbackMs: 200 });
    socket.connect();
    assert.equal((await socket.channel("room:1").join()).transport, "longpoll");
    assert.equal(socket.transport, "longpoll");
    socket.disconnect();
    proxy.close();
  }
});

for (const signal of ["SIGTERM", "SIGKILL"]) {
  test(`all come back after ${signal}, as the server advised`, async () => {
    const all = await Promise.all(Object.entries(links).map(async ([name, transport]) => {
      const socket = connect({ transport });
      const room = socket.channel("kept:1");
      const one = { name, socket, room, joins: [], lost: [] };
      room.onJoin((_, { recovered }) => one.joins.push(recovered));
      socket.onState((state, _, reason) => { if (state === "waiting" && reason) one.lost.push(reason); });
      await room.join();
      return one;
    }));
    await server.stop(signal);
    for (const { name, socket } of all) await until(`${name} notices`, () => socket.state !== "open");
    await server.start();
    for (const { name, room, joins } of all) {
      await until(`${name} is back`, () => room.state === "joined");
      assert.deepEqual(await room.push("echo", { name }), { name });
      assert.deepEqual(joins, [false, false]); // this history ends with the program
    }
    if (signal === "SIGTERM") for (const { name, lost } of all) assert.match(lost[0], /reconnect in \d+ ms/, name);
    for (const { socket } of all) socket.disconnect();
  });
}
