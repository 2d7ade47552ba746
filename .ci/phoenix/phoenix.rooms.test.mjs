// What the official client of Phoenix channels does, against rooms.go: by websocket with both versions of
// the protocol, and by long-polling. Run by ./run.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { LongPoll, Presence, Socket } from "phoenix";
import WebSocket from "ws";
import { proxyWithoutWebsockets, Rooms, until } from "./server.mjs";

const server = new Rooms();
before(() => server.start());
after(() => server.end());

/** Version 1 of the protocol, which the client has no serializer for any more. It tells by the ref which join has ended. */
const v1 = {
  vsn: "1.0.0",
  encode: ({ topic, event, payload, ref }, done) => done(JSON.stringify({ topic, event, payload, ref })),
  decode: (text, done) => {
    const message = JSON.parse(text);
    done({ ...message, join_ref: ["phx_close", "phx_error"].includes(message.event) ? message.ref : null });
  },
};

const links = {
  "websocket": { transport: WebSocket },
  "websocket, version 1": { transport: WebSocket, ...v1 },
  "long-polling": { transport: LongPoll },
};

function connect(options, path = "/socket") {
  const soon = { reconnectAfterMs: () => 50, rejoinAfterMs: () => 50 };
  const socket = new Socket(`ws://127.0.0.1:${server.port}${path}`, { ...soon, ...options });
  socket.connect();
  return socket;
}

/** answer makes a promise of a push: [status, response]. */
const answer = (push) =>
  new Promise((done) => {
    for (const status of ["ok", "error", "timeout"]) push.receive(status, (response) => done([status, response]));
  });

async function join(socket, topic, params = {}) {
  const channel = socket.channel(topic, params);
  const [status, response] = await answer(channel.join());
  assert.equal(status, "ok", JSON.stringify(response));
  return Object.assign(channel, { welcome: response });
}

/** heard collects the payloads of an event. */
function heard(channel, event) {
  const all = [];
  channel.on(event, (payload) => all.push(payload));
  return all;
}

const bytes = (...all) => Uint8Array.from(all).buffer;

for (const [name, options] of Object.entries(links)) {
  const both = (what, run) => test(`${name}: ${what}`, async () => {
    const sockets = [];
    const open = (more) => sockets[sockets.push(connect({ ...options, ...more })) - 1];
    try {
      await run(open);
    } finally {
      for (const socket of sockets) socket.disconnect();
    }
  });

  both("calls, and is told of errors by field", async (open) => {
    const room = await join(open({ params: { user: "ann" } }), "room:1");
    assert.equal(room.welcome.transport, name === "long-polling" ? "longpoll" : "websocket");
    assert.equal(room.welcome.user, "ann");
    const said = { text: "Grüße, <b>&amp;</b> \u2028 👋", list: [1, null, { deep: [] }] };
    assert.deepEqual(await answer(room.push("echo", said)), ["ok", said]);
    const [status, { reason, errors }] = await answer(room.push("refuse", { text: "bad" }));
    assert.deepEqual([status, typeof reason, errors], ["error", "string", { text: ["is bad"] }]);
    assert.deepEqual(await answer(room.push("nothing", {})), ["error", { reason: "unknown event", kind: "not found" }]);
    assert.equal((await answer(room.push("echo", { text: "x".repeat(1 << 16) })))[0], "error");
  });

  both("answers come in order, however many", async (open) => {
    const room = await join(open(), "room:many");
    const all = Array.from({ length: 500 }, (_, n) => answer(room.push("echo", { n })));
    for (const [n, done] of all.entries()) assert.deepEqual(await done, ["ok", { n }]);
  });

  both("is refused where it may not join", async (open) => {
    const socket = open();
    assert.deepEqual(await answer(socket.channel("nothing:here").join()), ["error", { reason: "unmatched topic", kind: "not found" }]);
    const [status, { reason }] = await answer(socket.channel("room:1", { refuse: true }).join());
    assert.deepEqual([status, reason], ["error", "not you"]);
  });

  both("hears what others say, in order, until it leaves", async (open) => {
    const [ann, bob, other] = [await join(open(), "room:2"), await join(open(), "room:2"), await join(open(), "room:3")];
    const [atAnn, atBob, atOther] = [heard(ann, "shout"), heard(bob, "shout"), heard(other, "shout")];
    const texts = Array.from({ length: 50 }, (_, n) => `${n}`);
    for (const text of texts) ann.push("shout", { text });
    for (const all of [atAnn, atBob]) await until("all is heard", () => all.length === 50);
    assert.deepEqual(atBob.map(({ text }) => text), texts);
    let closed = 0;
    bob.onClose(() => closed++);
    assert.deepEqual(await answer(bob.leave()), ["ok", {}]);
    assert.equal(closed, 1);
    await answer(ann.push("shout", { text: "more" }));
    await until("Ann has heard more", () => atAnn.length === 51);
    assert.deepEqual([atBob.length, atOther.length], [50, 0]);
    const again = await join(bob.socket, "room:2"); // a topic can be joined again
    assert.deepEqual(await answer(again.push("echo", { back: true })), ["ok", { back: true }]);
  });

  both("gives up a push that is not answered", async (open) => {
    const room = await join(open(), "room:1");
    assert.deepEqual(await answer(room.push("never", {}, 100)), ["timeout", {}]);
    assert.deepEqual(await answer(room.push("echo", { still: "there" })), ["ok", { still: "there" }]);
  });

  both("joins again when its channel crashed", async (open) => {
    const socket = open();
    const [room, other] = [await join(socket, "room:1"), await join(socket, "room:2")];
    let [errors, joins, others] = [0, 0, 0];
    room.onError(() => errors++);
    other.onError(() => others++);
    room.joinPush.receive("ok", () => joins++);
    const before = joins;
    room.push("boom", {});
    await until("it has joined again", () => errors === 1 && joins === before + 1 && room.state === "joined");
    assert.deepEqual(await answer(room.push("echo", { again: 1 })), ["ok", { again: 1 }]);
    assert.deepEqual([others, other.state], [0, "joined"]);
  });

  both("is closed by the server", async (open) => {
    const room = await join(open(), "room:1");
    let closed = 0;
    room.onClose(() => closed++);
    room.push("bye", {});
    await until("it is closed", () => closed === 1);
    assert.equal(room.state, "closed");
  });

  both("a second channel of a topic takes it over", async (open) => {
    const socket = open();
    const first = await join(socket, "room:1");
    let closed = 0;
    first.onClose(() => closed++);
    const second = await join(socket, "room:1");
    await until("the first is closed", () => closed === 1);
    const all = heard(second, "shout");
    assert.deepEqual(await answer(second.push("shout", { text: "hi" })), ["ok", {}]);
    await until("the second hears", () => all.length === 1);
    assert.equal(second.state, "joined");
  });

  both("sees who comes, changes and goes", async (open) => {
    const topic = `lobby:${name}`;
    const socket = open();
    const lobby = socket.channel(topic, { name: "ann" });
    const [presence, joins, leaves] = [new Presence(lobby), [], []];
    let syncs = 0;
    presence.onJoin((id) => joins.push(id));
    presence.onLeave((id) => leaves.push(id));
    presence.onSync(() => syncs++);
    const here = () => presence.list((id, { metas }) => `${id} ${metas.map(({ status }) => status)}`).sort().join("; ");
    await answer(lobby.join());
    await until("Ann is here", () => here() === "ann here");
    const [bob, twin] = [open(), open()];
    const atBob = await join(bob, topic, { name: "bob" });
    await join(twin, topic, { name: "bob" });
    await until("Bob is here twice", () => here() === "ann here; bob here,here");
    assert.deepEqual(await answer(atBob.push("status", { status: "away" })), ["ok", {}]);
    await until("Bob is away once", () => ["ann here; bob here,away", "ann here; bob away,here"].includes(here()));
    bob.disconnect();
    await until("one Bob is left", () => here() === "ann here; bob here");
    twin.disconnect();
    await until("Ann is alone", () => here() === "ann here"); // a session that polled ends after one and a half windows
    assert.deepEqual([joins[0], leaves.at(-1), syncs > 4], ["ann", "bob", true]);
  });

  both("is sent away, and comes back", async (open) => {
    const user = `victim of ${name}`;
    const socket = open({ params: { user } });
    const [room, bystander] = [await join(socket, "room:1"), await join(open(), "room:1")];
    const closes = [];
    socket.onClose(({ code }) => closes.push(code));
    let joins = 0;
    room.joinPush.receive("ok", () => joins++);
    const before = joins;
    room.push("kick", {});
    await until("it is back", () => joins === before + 1 && room.state === "joined");
    assert.equal(closes.length, 1);
    if (name !== "long-polling") assert.equal(closes[0], 1001);
    assert.equal(bystander.state, "joined");
    assert.deepEqual(await answer(room.push("echo", { back: 1 })), ["ok", { back: 1 }]);
  });
}

test("websocket: bytes go and come, by reply and to all", async () => {
  const [ann, bob] = [connect({ transport: WebSocket }), connect({ transport: WebSocket })];
  try {
    const [room, other] = [await join(ann, "room:bytes"), await join(bob, "room:bytes")];
    const [status, reply] = await answer(room.push("mirror", bytes(0, 1, 255)));
    assert.deepEqual([status, reply], ["ok", bytes(0, 1, 255)]);
    const all = heard(other, "blast");
    room.push("blast", bytes(9, 8));
    await until("it is heard", () => all.length === 1);
    assert.deepEqual(all[0], bytes(9, 8));
    assert.equal((await answer(room.push("echo", bytes(1))))[0], "error"); // it is for JSON
    assert.equal((await answer(room.push("mirror", {})))[0], "error");
  } finally {
    ann.disconnect();
    bob.disconnect();
  }
});

test("long-polling: bytes arrive, and do not come back", async () => {
  const [poll, socket] = [connect({ transport: LongPoll }), connect({ transport: WebSocket })];
  try {
    const [room, other] = [await join(poll, "room:bytes"), await join(socket, "room:bytes")];
    const all = heard(other, "blast");
    room.push("blast", bytes(7, 0, 200));
    await until("it is heard", () => all.length === 1);
    assert.deepEqual(all[0], bytes(7, 0, 200));
    assert.equal((await answer(room.push("mirror", bytes(1))))[0], "error");
  } finally {
    poll.disconnect();
    socket.disconnect();
  }
});

for (const [name, options] of Object.entries(links)) {
  test(`${name}: its token lets it in, and no other does`, async () => {
    const socket = connect({ ...options, authToken: () => "token-zoe" }, "/guarded");
    const room = await join(socket, "room:1");
    assert.equal(room.welcome.user, "zoe");
    socket.disconnect();
    const stranger = connect({ ...options, authToken: "nothing" }, "/guarded");
    let errors = 0;
    stranger.onError(() => errors++);
    stranger.onClose(() => errors++);
    await until("it is refused", () => errors > 0);
    assert.equal(stranger.isConnected(), false);
    stranger.disconnect();
  });
}

test("falls back to long-polling where no websocket gets through, and remembers it", async () => {
  for (const hang of [false, true]) {
    const proxy = await proxyWithoutWebsockets(server, { hang });
    const memory = new Map();
    const sessionStorage = { getItem: (key) => memory.get(key) ?? null, setItem: (key, value) => memory.set(key, value) };
    const options = { transport: WebSocket, longPollFallbackMs: 300, sessionStorage };
    const first = new Socket(proxy.url, options);
    first.connect();
    const room = await join(first, "room:1");
    assert.equal(room.welcome.transport, "longpoll");
    first.disconnect();
    assert.deepEqual([...memory.values()], ["true"]);
    const second = new Socket(proxy.url, options);
    const began = Date.now();
    second.connect();
    assert.equal((await join(second, "room:1")).welcome.transport, "longpoll");
    assert.ok(Date.now() - began < 250, "it did not wait for a websocket");
    second.disconnect();
    proxy.close();
  }
});

test("stays with websockets where they work", async () => {
  const socket = connect({ transport: WebSocket, longPollFallbackMs: 2000 });
  assert.equal((await join(socket, "room:1")).welcome.transport, "websocket");
  socket.disconnect();
});

test("a heartbeat keeps it, and silence loses it", async () => {
  const [lively, silent] = [connect({ transport: WebSocket, heartbeatIntervalMs: 500 }), connect({ transport: WebSocket, heartbeatIntervalMs: 60_000 })];
  const [here, there] = [await join(lively, "room:1"), await join(silent, "room:1")];
  let [errors, lost] = [0, 0];
  here.onError(() => errors++);
  there.onError(() => lost++);
  await until("the silent one is lost, and comes back", () => lost === 1 && there.state === "joined");
  assert.equal(errors, 0);
  lively.disconnect();
  silent.disconnect();
});

for (const signal of ["SIGTERM", "SIGKILL"]) {
  test(`all come back after ${signal}`, async () => {
    const all = [];
    for (const [name, options] of Object.entries(links)) {
      const socket = connect(options);
      const room = await join(socket, "room:1");
      const one = { name, socket, room, joins: 0, closes: [] };
      room.joinPush.receive("ok", () => one.joins++);
      one.joins = 0;
      socket.onClose(({ code, reason }) => one.closes.push([code, String(reason)]));
      all.push(one);
    }
    await server.stop(signal);
    for (const { name, socket } of all) await until(`${name} notices`, () => !socket.isConnected());
    await server.start();
    for (const { name, room } of all) {
      await until(`${name} is back`, () => room.state === "joined");
      assert.deepEqual(await answer(room.push("echo", { name })), ["ok", { name }]);
    }
    if (signal === "SIGTERM") {
      for (const { closes } of all.slice(0, 2)) {
        assert.equal(closes[0][0], 1012);
        assert.match(closes[0][1], /reconnect in \d+ ms/);
      }
    }
    for (const { socket } of all) socket.disconnect();
  });
}
