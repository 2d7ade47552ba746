import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Socket } from "./bennu.js";
import { FakeWebSocket, browser, connected, errors, failsWith, joined, page, reconnect, tick, turn, wait, warnings } from "./fakes.js";

browser();

const utf8 = (text) => Buffer.byteLength(text);

describe("socket", () => {
  test("builds the URL from the mount, the params and the version", () => {
    const url = (mount, params) => {
      const socket = new Socket(mount, { transport: FakeWebSocket, params });
      socket.connect();
      socket.disconnect();
      return FakeWebSocket.last.url;
    };
    assert.equal(url("http://host/socket", { key: "a b" }), "ws://host/socket/websocket?key=a+b&vsn=2.0.0");
    assert.equal(url("https://host/socket/", () => ({ n: 1 })), "wss://host/socket/websocket?n=1&vsn=2.0.0");
    assert.equal(url("ws://host/socket?a=b"), "ws://host/socket/websocket?a=b&vsn=2.0.0");
    globalThis.location = { href: "https://page.example/map?x=1" };
    assert.equal(url("/socket"), "wss://page.example/socket/websocket?vsn=2.0.0");
    delete globalThis.location;
  });

  test("tells its states, with the time of the next attempt", () => {
    const socket = new Socket("http://host/socket", { transport: FakeWebSocket, fallbackMs: Infinity, backoff: wait });
    const seen = [];
    const off = socket.onState((state, retryAt) => seen.push([state, retryAt]));
    socket.connect();
    FakeWebSocket.last.open();
    FakeWebSocket.last.drop();
    assert.equal(socket.retryAt, 1_000_100);
    tick(100);
    socket.disconnect();
    off();
    socket.connect();
    assert.deepEqual(seen, [
      ["connecting", null], ["open", null], ["waiting", 1_000_100], ["connecting", null], ["closed", null],
    ]);
  });

  test("beats, and takes an unanswered beat for a lost connection", () => {
    const { socket, ws } = connected();
    const reasons = [];
    socket.onState((state, retryAt, reason) => reasons.push(reason));
    tick(30_000);
    assert.deepEqual(ws.find("heartbeat"), [null, "1", "phoenix", "heartbeat", {}]);
    ws.reply("heartbeat");
    tick(29_999);
    assert.equal(ws.count("heartbeat"), 1);
    tick(1);
    assert.equal(ws.count("heartbeat"), 2);
    tick(9_999);
    assert.equal(socket.state, "open");
    tick(1);
    assert.equal(ws.closed, true);
    assert.equal(socket.state, "waiting");
    assert.deepEqual(reasons, ["heartbeat timeout"]);
    tick(200);
    assert.equal(FakeWebSocket.all.length, 2);
    FakeWebSocket.last.open();
    tick(30_000);
    assert.equal(socket.state, "open", "the old beat is forgotten");
    assert.equal(FakeWebSocket.last.count("heartbeat"), 1);
  });

  test("any message shows that the connection lives", () => {
    const { socket, ws } = connected();
    tick(30_000);
    ws.receive(null, null, "room:1", "said", {});
    tick(10_000);
    assert.equal(socket.state, "open");
    tick(20_000);
    assert.equal(ws.count("heartbeat"), 2);
  });

  test("messages do not put off the beat: the server waits for one", () => {
    const { ws } = connected();
    for (let n = 0; n < 3; n++) {
      tick(10_000);
      ws.receive(null, null, "room:1", "said", {});
    }
    assert.equal(ws.count("heartbeat"), 1);
  });

  test("beats at once when the page is seen again, and not twice", () => {
    const { socket, ws } = connected();
    page().dispatchEvent(new Event("visibilitychange"));
    page().dispatchEvent(new Event("online"));
    assert.equal(ws.count("heartbeat"), 1);
    tick(10_000);
    assert.equal(socket.state, "waiting");
  });

  test("times that no timer can wait are forever", () => {
    const { socket, ws } = connected({ heartbeatMs: Infinity });
    tick(2 ** 31 - 1);
    assert.equal(socket.state, "open");
    ws.close();
    for (const [heartbeatMs, beats] of [[2 ** 31 - 1, 1], [2 ** 31, 0]]) {
      const { ws } = connected({ heartbeatMs });
      tick(2 ** 31 - 1);
      tick(1);
      assert.equal(ws.count("heartbeat"), beats);
    }
  });

  test("gives up a dial that does not answer", () => {
    const socket = new Socket("http://host/socket", { transport: FakeWebSocket, fallbackMs: Infinity, backoff: wait });
    socket.connect();
    tick(9_999);
    assert.equal(socket.state, "connecting");
    tick(1);
    assert.equal(socket.state, "waiting");
    assert.equal(FakeWebSocket.last.closed, true);
  });

  test("waits longer after each failure, and from the bottom after a connection that held", () => {
    const { socket } = connected();
    const waits = [];
    socket.onState((state, retryAt) => state === "waiting" && waits.push(retryAt - Date.now()));
    const lose = () => { FakeWebSocket.last.drop(); tick(waits.at(-1)); };
    for (let i = 0; i < 3; i++) lose();
    FakeWebSocket.last.open();
    lose(); // it did not hold
    FakeWebSocket.last.open();
    tick(10_000);
    lose(); // it did
    assert.deepEqual(waits, [100, 200, 300, 400, 100]);
  });

  test("the default wait is full jitter between 0 and 250 ms doubling to 10 s", (t) => {
    for (const [random, want] of [[0, Array(9).fill(0)], [1, [250, 500, 1000, 2000, 4000, 8000, 10_000, 10_000, 10_000]]]) {
      const chance = t.mock.method(Math, "random", () => random);
      const { socket } = connected({ backoff: undefined });
      const waits = [];
      socket.onState((state, retryAt) => state === "waiting" && waits.push(retryAt - Date.now()));
      for (let i = 0; i < want.length; i++) { FakeWebSocket.last.drop(); tick(waits.at(-1)); }
      assert.deepEqual(waits, want);
      socket.disconnect();
      chance.mock.restore();
    }
  });

  test("tries at once when the browser is online again or the page is seen again", () => {
    const { socket } = connected();
    for (const type of ["online", "visibilitychange"]) {
      FakeWebSocket.last.drop();
      assert.equal(socket.state, "waiting");
      page().dispatchEvent(new Event(type));
      assert.equal(socket.state, "connecting");
    }
    FakeWebSocket.last.drop();
    document.visibilityState = "hidden";
    page().dispatchEvent(new Event("visibilitychange"));
    assert.equal(socket.state, "waiting");
  });

  test("closes with the page and comes back with it", () => {
    const { socket, ws } = connected();
    page().dispatchEvent(new Event("pagehide"));
    assert.equal(ws.closed, true);
    assert.equal(socket.state, "closed");
    tick(60_000);
    assert.equal(FakeWebSocket.all.length, 1);
    page().dispatchEvent(new Event("pageshow"));
    assert.equal(socket.state, "connecting");
  });

  test("disconnect leaves nothing behind: no timer, no listener", () => {
    const { socket, ws } = joined();
    socket.disconnect();
    assert.equal(ws.closed, true);
    assert.equal(ws.count("phx_leave"), 0, "the server sees the end");
    page().dispatchEvent(new Event("pageshow"));
    page().dispatchEvent(new Event("online"));
    tick(120_000);
    assert.equal(FakeWebSocket.all.length, 1);
  });

  test("disconnect forgets the failures", () => {
    const { socket } = connected();
    FakeWebSocket.last.drop();
    tick(100);
    FakeWebSocket.last.drop();
    socket.disconnect();
    socket.connect();
    FakeWebSocket.last.drop();
    assert.equal(socket.retryAt - Date.now(), 100);
  });

  test("a listener may disconnect, or leave, at any change", () => {
    for (const [when, dials, joins] of [["connecting", 0, 0], ["open", 1, 0], ["waiting", 1, 1]]) {
      FakeWebSocket.all = [];
      const socket = new Socket("http://host/socket", { transport: FakeWebSocket, fallbackMs: Infinity, backoff: wait });
      socket.onState((state) => state === when && socket.disconnect());
      const channel = socket.channel("room:1");
      channel.join();
      socket.connect();
      FakeWebSocket.last?.onopen?.();
      FakeWebSocket.last?.drop();
      assert.equal(channel.state, "errored");
      tick(60_000);
      assert.equal(socket.state, "closed");
      assert.equal(FakeWebSocket.all.length, dials);
      assert.equal(FakeWebSocket.last?.count("phx_join") ?? 0, joins);
    }
    const { ws, channel } = joined();
    const told = [];
    channel.onState((state) => state === "joined" && channel.leave());
    channel.onJoin(() => told.push("joined"));
    ws.receive("1", "1", "room:1", "phx_error", {});
    tick(100);
    ws.reply("phx_join");
    assert.deepEqual(told, []);
    assert.equal(channel.state, "closed");
  });

  test("a listener that throws does not disturb the others", () => {
    const { ws, channel } = joined();
    const heard = [];
    channel.on("said", () => { throw new Error("mine"); });
    channel.on("said", (payload) => heard.push(payload));
    ws.receive(null, null, "room:1", "said", { text: "hi" });
    assert.deepEqual(heard, [{ text: "hi" }]);
    assert.deepEqual(errors(), ["mine"]);
  });

  test("a frame that makes no sense is reported and changes nothing", () => {
    const { socket, ws, channel } = joined();
    for (const data of ["", "{", "null", "[]", '["1","2","room:1","phx_reply",null]', new ArrayBuffer(0), new Uint8Array([9, 0]).buffer, new Uint8Array([2, 255, 1]).buffer]) {
      ws.onmessage({ data });
    }
    assert.equal(errors().length, 7);
    assert.equal(socket.state, "open");
    assert.equal(channel.state, "joined");
  });
});

describe("join", () => {
  test("sends its own ref as the join ref and resolves with the response", async () => {
    const { ws, channel, states, first } = joined();
    assert.deepEqual(ws.find("phx_join"), ["1", "1", "room:1", "phx_join", { a: 1 }, {}]);
    assert.deepEqual(await first, { n: 1 });
    assert.deepEqual(states, ["joining", "joined"]);
    assert.equal(channel.join(), first);
  });

  test("waits for the connection", async () => {
    const socket = new Socket("http://host/socket", { transport: FakeWebSocket, fallbackMs: Infinity });
    const first = socket.channel("room:1").join();
    socket.connect();
    tick(9_000);
    FakeWebSocket.last.open();
    tick(9_000);
    FakeWebSocket.last.reply("phx_join", "ok", { late: true });
    assert.deepEqual(await first, { late: true });
  });

  test("a refusal rejects the promise, and the channel tries again with backoff", async () => {
    const { socket, ws } = connected();
    const channel = socket.channel("room:1");
    const joins = [];
    channel.onJoin((response) => joins.push(response));
    const first = channel.join();
    ws.reply("phx_join", "error", { reason: "full" });
    await assert.rejects(first, failsWith("error", "full"));
    assert.equal(channel.state, "errored");
    tick(100);
    ws.reply("phx_join", "error", { reason: "full" });
    tick(199);
    assert.equal(ws.count("phx_join"), 2);
    tick(1);
    assert.equal(ws.count("phx_join"), 3);
    ws.reply("phx_join", "ok", { n: 3 });
    assert.deepEqual(joins, [{ n: 3 }]);
  });

  test("a refusal of an unknown topic has no join ref", async () => {
    const { socket, ws } = connected();
    const first = socket.channel("nowhere").join();
    ws.receive(null, "1", "nowhere", "phx_reply", { status: "error", response: { reason: "unmatched topic" } });
    await assert.rejects(first, failsWith("error", "unmatched topic"));
  });

  test("a timeout tells the server to forget it, and a late answer is not taken", async () => {
    const { socket, ws } = connected();
    const channel = socket.channel("room:1");
    const first = channel.join();
    tick(10_000);
    await assert.rejects(first, failsWith("timeout"));
    assert.equal(ws.find("phx_leave")[0], "1");
    ws.reply("phx_join");
    assert.equal(channel.state, "errored");
    tick(100);
    assert.equal(ws.count("phx_join"), 2);
  });

  test("happens again after a lost connection, with a fresh ref, params and response", () => {
    const { socket } = connected();
    let since = 0;
    const channel = socket.channel("room:1", () => ({ since: since++ }));
    const joins = [];
    const states = [];
    channel.onJoin(({ n }) => joins.push(n));
    channel.onState((state) => states.push(state));
    channel.join();
    FakeWebSocket.last.reply("phx_join", "ok", { n: 1 });
    FakeWebSocket.last.drop();
    tick(100);
    FakeWebSocket.last.open();
    const [joinRef, ref, , , params] = FakeWebSocket.last.find("phx_join");
    assert.equal(joinRef, ref);
    assert.notEqual(ref, "1");
    assert.deepEqual(params, { since: 1 });
    FakeWebSocket.last.reply("phx_join", "ok", { n: 2 });
    assert.deepEqual(joins, [1, 2]);
    assert.deepEqual(states, ["joining", "joined", "errored", "joining", "joined"]);
  });

  test("params that throw are a refusal", async () => {
    const { socket, ws } = connected();
    let fail = true;
    const channel = socket.channel("room:1", () => { if (fail) throw new Error("mine"); });
    await assert.rejects(channel.join(), failsWith("error", "params failed"));
    assert.deepEqual(errors(), ["mine"]);
    assert.deepEqual(warnings(), []);
    fail = false;
    tick(100);
    assert.deepEqual(ws.find("phx_join")[4], {});
  });

  test("a connection that closes during the join is no answer to it", async () => {
    const { socket, ws } = connected();
    const first = socket.channel("room:1").join();
    ws.drop();
    tick(100);
    FakeWebSocket.last.open();
    ws.reply("phx_join", "ok", { n: 1 }); // of the old connection
    FakeWebSocket.last.reply("phx_join", "ok", { n: 2 });
    assert.deepEqual(await first, { n: 2 });
  });

  test("a crash or close during the join", async () => {
    const { socket, ws } = connected();
    const [crashed, closed] = [socket.channel("room:1"), socket.channel("room:2")];
    const answers = [crashed.join(), closed.join()];
    ws.receive("1", "1", "room:1", "phx_error", { reason: "channel_crash" });
    ws.receive("2", "2", "room:2", "phx_close", {});
    await assert.rejects(answers[1], failsWith("closed", "closed by the server"));
    assert.equal(crashed.state, "errored");
    tick(100);
    ws.reply("phx_join", "ok", { n: 1 });
    assert.deepEqual(await answers[0], { n: 1 });
    tick(60_000);
    assert.equal(ws.count("phx_join"), 3);
  });

  test("a refusal that nobody looks at is a warning, once for each reason", async () => {
    const { socket, ws } = connected();
    socket.channel("room:1").join();
    for (const reason of ["full", "full", "closed", "full"]) {
      ws.reply("phx_join", "error", { reason });
      tick(1_000);
    }
    tick(10_000);
    assert.deepEqual(warnings(), ["full", "closed", "timeout"].map((why) => `bennu: join of room:1 refused: ${why}`));
    ws.reply("phx_join");
    assert.deepEqual(warnings(), []);
  });

  test("a refusal that somebody looks at is none", async () => {
    const looks = [
      async (channel) => { await channel.join(); },
      (channel) => Promise.all([channel.join()]),
      (channel) => channel.join().finally(() => {}),
      (channel) => { channel.onState(() => {}); channel.join(); },
      (channel) => { channel.onState(() => {})(); channel.join(); }, // not any more
    ];
    for (const [at, look] of looks.entries()) {
      const { socket, ws } = connected();
      const channel = socket.channel("room:1");
      look(channel)?.catch(() => {});
      await turn();
      for (let n = 0; n < 2; n++) {
        ws.reply("phx_join", "error", { reason: "full" });
        tick(1_000);
      }
      assert.equal(warnings().length, at < 4 ? 0 : 1, `look ${at}`);
    }
  });

  test("who waited for the first join does not see the refusal of a later one", async () => {
    const { first } = joined();
    await first;
    const { socket, ws } = connected();
    const channel = socket.channel("room:1");
    const answer = channel.join().then(() => {});
    ws.reply("phx_join");
    await answer;
    const next = reconnect();
    next.reply("phx_join", "error", { reason: "banned" });
    assert.deepEqual(warnings(), ["bennu: join of room:1 refused: banned"]);
  });

  test("takes the topic over from an earlier channel", () => {
    const { socket, ws, channel } = joined();
    const second = socket.channel("room:1");
    second.join();
    assert.equal(channel.state, "closed");
    ws.receive("1", "1", "room:1", "phx_close", {}); // the server closes the first one
    ws.reply("phx_join");
    assert.equal(second.state, "joined");
  });
});

describe("push", () => {
  test("resolves with the response", async () => {
    const { ws, channel } = joined();
    const answer = channel.push("say", { text: "hi" });
    assert.deepEqual(ws.find("say"), ["1", "2", "room:1", "say", { text: "hi" }]);
    ws.reply("say", "ok", { id: 7 });
    assert.deepEqual(await answer, { id: 7 });
  });

  test("rejects with the server's error", async () => {
    const { ws, channel } = joined();
    const answer = channel.push("say");
    ws.reply("say", "error", { reason: "invalid", errors: { text: ["can't be blank"] } });
    await assert.rejects(answer, failsWith("error", "invalid"));
    await answer.catch((err) => {
      assert.equal(err.message, "bennu: say on room:1: invalid");
      assert.deepEqual(err.errors, { text: ["can't be blank"] });
      assert.deepEqual(err.response, { reason: "invalid", errors: err.errors });
    });
    const other = channel.push("say");
    ws.reply("say", "busy", {});
    await assert.rejects(other, failsWith("busy", "busy"));
    await other.catch((err) => assert.deepEqual(err.errors, {}));
  });

  test("tells the kind of an error: what the server says, or else what is plain to see", async () => {
    const { ws, channel } = joined();
    for (const [status, response, kind] of [
      ["error", { reason: "later", kind: "exhausted" }, "exhausted"],
      ["error", { reason: "internal error", kind: "internal error" }, "internal error"],
      ["error", { reason: "unmatched", kind: "not found" }, "not found"],
      ["error", { reason: "forbidden", kind: "unavailable" }, "unavailable"],
      ["error", { reason: "forbidden" }, "forbidden"],
      ["error", { reason: "odd", kind: "odd" }, "invalid"],
      ["error", { reason: "closed", kind: 7 }, "invalid"],
      ["error", {}, "invalid"],
      ["error", null, "invalid"],
      ["error", "no", "invalid"],
      ["error", { reason: { too: "timeout" } }, "invalid"],
      ["busy", { reason: "busy" }, "invalid"],
      ["busy", { reason: "busy", kind: "conflict" }, "conflict"],
    ]) {
      const answer = channel.push("say");
      ws.reply("say", status, response);
      await assert.rejects(answer, failsWith(status, undefined, kind), JSON.stringify(response));
    }
  });

  test("takes the payload as it is now, and rejects one that cannot be sent", async () => {
    const { ws, channel } = joined();
    ws.drop();
    const payload = { n: 1 };
    channel.push("say", payload);
    payload.n = 2;
    payload.self = payload;
    await assert.rejects(channel.push("say", payload), TypeError);
    tick(100);
    FakeWebSocket.last.open();
    FakeWebSocket.last.reply("phx_join");
    assert.deepEqual(FakeWebSocket.last.find("say")[4], { n: 1 });
    assert.equal(FakeWebSocket.last.count("say"), 1);
  });

  test("rejects after its timeout, and a late reply is ignored", async () => {
    const { ws, channel } = joined();
    const [byDefault, own] = [channel.push("say"), channel.push("ask", {}, { timeoutMs: 500 })];
    tick(500);
    await assert.rejects(own, failsWith("timeout", "timeout", "timeout"));
    tick(9_500);
    await assert.rejects(byDefault, failsWith("timeout"));
    ws.reply("say");
    assert.equal(channel.state, "joined");
  });

  test("rejects when the connection or the channel went before the answer", async () => {
    const { ws, channel } = joined();
    const first = channel.push("say");
    ws.receive("1", "1", "room:1", "phx_error", { reason: "channel_crash", kind: "internal error" });
    await assert.rejects(first, failsWith("closed", "channel_crash", "unavailable"));
    tick(100);
    ws.reply("phx_join");
    const second = channel.push("say");
    ws.drop();
    await assert.rejects(second, failsWith("closed", "connection lost", "unavailable"));
  });

  test("waits for the join, in order, within its timeout", async () => {
    const { ws, channel } = joined();
    ws.drop();
    const kept = channel.push("one", {}, { timeoutMs: 5_000 });
    const late = channel.push("two", {}, { timeoutMs: 50 });
    channel.push("three");
    tick(100);
    await assert.rejects(late, failsWith("timeout"));
    const next = FakeWebSocket.last;
    next.open();
    assert.equal(next.count("one"), 0);
    next.reply("phx_join");
    assert.deepEqual(next.sent.map((m) => m[3]), ["phx_join", "one", "three"]);
    assert.equal(next.find("one")[0], next.find("phx_join")[0]);
    next.reply("one", "ok", { n: 1 });
    assert.deepEqual(await kept, { n: 1 });
  });

  test("the queue is bounded", async () => {
    const { ws, channel } = joined({ queueMax: 3 });
    ws.drop();
    const [, , third, fourth] = [1, 2, 3, 4].map((n) => channel.push("say", { n }));
    await assert.rejects(fourth, failsWith("closed", "queue full", "exhausted"));
    tick(100);
    FakeWebSocket.last.open();
    FakeWebSocket.last.reply("phx_join");
    assert.deepEqual(FakeWebSocket.last.sent.slice(1).map((m) => m[4].n), [1, 2, 3]);
    FakeWebSocket.last.reply("say");
    await third;
  });

  test("needs a join first", async () => {
    const { socket } = connected();
    await assert.rejects(socket.channel("room:1").push("say"), failsWith("closed", "not joined", "unavailable"));
  });

  test("learns from an unmatched topic that the server lost the channel", async () => {
    const { ws, channel } = joined();
    const answer = channel.push("say");
    const response = { reason: "unmatched topic" };
    ws.receive(null, ws.find("say")[1], "room:1", "phx_reply", { status: "error", response });
    await assert.rejects(answer, failsWith("error", "unmatched topic", "not found"));
    assert.equal(channel.state, "errored");
    tick(100);
    assert.equal(ws.count("phx_join"), 2);
  });
});

describe("a push that is too long", () => {
  const most = 100;
  const reason = `the message is longer than the ${most} bytes that the server takes`;
  const limited = () => joined({}, { message_bytes: most });
  const head = utf8('["1","2","room:1","say",""]');

  test("is rejected before it is sent", async () => {
    for (const [text, fits] of [
      ["x".repeat(most - head - 1), true], ["x".repeat(most - head), true], ["x".repeat(most - head + 1), false],
      ["é".repeat((most - head - 1) / 2), true], ["é".repeat((most - head + 1) / 2), false],
      ["€".repeat(25), false], ["😀".repeat(18), true], ["😀".repeat(19), false],
    ]) {
      const { ws, channel } = limited();
      const answer = channel.push("say", text);
      assert.equal(ws.count("say"), fits ? 1 : 0, text);
      if (!fits) await assert.rejects(answer, failsWith("error", reason, "invalid"));
    }
    for (const [bytes, fits] of [[86, true], [87, false]]) {
      const { ws, channel } = limited();
      const answer = channel.push("b", new Uint8Array(bytes));
      assert.equal(ws.sent.at(-1).length, fits ? most : 6);
      if (!fits) await assert.rejects(answer, failsWith("error", reason, "invalid"));
    }
  });

  test("acknowledged, and while it waits for the join, too; the others go", async () => {
    const { ws, channel } = limited();
    await assert.rejects(channel.push("say", "x".repeat(most), { acknowledged: true }), failsWith("error", reason));
    ws.drop();
    const late = channel.push("say", "x".repeat(most), { acknowledged: true });
    channel.push("other");
    tick(100);
    FakeWebSocket.last.open();
    FakeWebSocket.last.reply("phx_join", "ok", {}, { message_bytes: most });
    await assert.rejects(late, failsWith("error", reason));
    assert.deepEqual(FakeWebSocket.last.sent.map((m) => m[3]), ["phx_join", "other"]);
    assert.equal(reconnect().count("phx_join"), 1);
  });

  test("the latest join tells the limit; without one all is sent", () => {
    const { ws, channel } = limited();
    ws.drop();
    channel.push("say", "x".repeat(most));
    tick(100);
    FakeWebSocket.last.open();
    FakeWebSocket.last.reply("phx_join", "ok", {}, { message_bytes: 2 * most });
    assert.equal(FakeWebSocket.last.count("say"), 1);
    const free = joined();
    free.channel.push("say", "x".repeat(2 ** 21));
    assert.equal(free.ws.count("say"), 1);
  });

  test("a join, too, and asked again on the next connection: the server may take more by then", async () => {
    const { ws, socket } = limited();
    const head = utf8('["2","2","room:2","phx_join",{"text":""},{}]');
    const texts = [-1, 0, 1].map((n) => "x".repeat(most - head + n));
    for (const [i, text] of texts.slice(0, 2).entries()) {
      socket.channel(`room:${i + 2}`, { text }).join();
      assert.equal(ws.count("phx_join"), i + 2, text);
    }
    const channel = socket.channel("room:4", { text: texts[2] });
    const first = channel.join();
    assert.equal(channel.state, "joining");
    const refused = assert.rejects(first, failsWith("error", reason, "invalid"));
    await turn();
    tick(0);
    await refused;
    assert.equal(channel.state, "errored");
    assert.equal(ws.count("phx_join"), 3);
    const left = socket.channel("room:5", { text: texts[2] });
    const never = left.join();
    left.leave();
    tick(0);
    await assert.rejects(never, failsWith("closed", "left", "canceled"));
    const next = reconnect();
    assert.equal(next.sent.filter((m) => m[3] === "phx_join" && m[2] === "room:4").length, 1);
    next.reply("phx_join");
    assert.equal(channel.state, "joined");
    assert.deepEqual(warnings(), []);
  });

  test("and closes the connection rejects all that is not answered, and is not sent again", async () => {
    for (const [close, reason] of [["over 100 bytes", "over 100 bytes"], ["", "a message is too long"]]) {
      const { socket, ws, channel } = joined();
      const other = socket.channel("room:2");
      other.join();
      ws.reply("phx_join");
      const kept = socket.channel("room:3");
      const unanswered = kept.join();
      const held = kept.push("held", {}, { acknowledged: true });
      const answers = [
        channel.push("say", "long", { acknowledged: true }), channel.push("say"), other.push("say", {}, { acknowledged: true }),
      ];
      ws.drop({ code: 1009, reason: close });
      for (const answer of [unanswered, ...answers]) await assert.rejects(answer, failsWith("closed", reason, "invalid"));
      tick(100);
      const next = FakeWebSocket.last;
      next.open();
      next.sent.filter((m) => m[3] === "phx_join").forEach(([ref, , topic]) => next.receive(ref, ref, topic, "phx_reply", { status: "ok", response: {} }));
      assert.deepEqual(next.sent.slice(3).map((m) => m[3]), ["held"]);
      next.reply("held");
      await held;
      assert.deepEqual(warnings(), [`bennu: join of room:3 refused: ${reason}`]);
      socket.disconnect();
    }
  });
});

describe("cast", () => {
  test("is sent and forgotten", () => {
    const { ws, channel } = joined({ queueMax: 1 });
    assert.equal(channel.cast("typing", { n: 1 }), undefined);
    channel.cast("typing");
    channel.cast("b", new Uint8Array([7]));
    assert.deepEqual(ws.sent.slice(1, 3), [["1", "2", "room:1", "typing", { n: 1 }], ["1", "3", "room:1", "typing", {}]]);
    assert.equal(ws.sent.at(-1).at(-1), 7);
    ws.reply("typing", "error", { reason: "too fast" });
    const next = reconnect();
    next.reply("phx_join");
    assert.equal(next.sent.length, 1);
    assert.deepEqual(warnings(), []);
  });

  test("waits for the join, in order, without end", () => {
    const { socket, channel } = joined();
    socket.disconnect();
    channel.cast("one");
    channel.push("two", {}, { timeoutMs: Infinity });
    channel.cast("three");
    tick(3_600_000);
    socket.connect();
    FakeWebSocket.last.open();
    FakeWebSocket.last.reply("phx_join");
    assert.deepEqual(FakeWebSocket.last.sent.map((m) => m[3]), ["phx_join", "one", "two", "three"]);
  });

  test("one that is dropped is a warning, once for each reason", () => {
    const { ws, socket, channel } = joined({ queueMax: 2 }, { message_bytes: 100 });
    const dropped = (why) => [`bennu: typing on room:1 dropped: ${why}`];
    channel.cast("typing", "x".repeat(100));
    assert.deepEqual(warnings(), dropped("the message is longer than the 100 bytes that the server takes"));
    ws.drop();
    for (let n = 0; n < 4; n++) channel.cast("typing", { n });
    assert.deepEqual(warnings(), dropped("queue full"));
    channel.leave();
    assert.deepEqual(warnings(), dropped("left"));
    channel.cast("typing");
    assert.deepEqual(warnings(), dropped("not joined"));
    channel.cast("typing");
    socket.disconnect();
    assert.deepEqual(warnings(), []);
  });

  test("throws what cannot be encoded", () => {
    const { channel } = joined();
    const loop = {};
    loop.self = loop;
    assert.throws(() => channel.cast("typing", loop), TypeError);
    assert.throws(() => channel.cast("é".repeat(128), new Uint8Array(1)), RangeError);
  });

  test("learns from an unmatched topic that the server lost the channel", () => {
    const { ws, channel } = joined();
    channel.cast("typing");
    ws.reply("typing", "error", { reason: "unmatched topic" });
    assert.equal(channel.state, "errored");
  });
});

describe("server", () => {
  test("events reach their listeners, until these are taken away", () => {
    const { ws, channel } = joined();
    const heard = [];
    const off = channel.on("said", ({ n }) => heard.push(n));
    ws.receive("1", null, "room:1", "said", { n: 1 }); // a push
    ws.receive(null, null, "room:1", "said", { n: 2 }); // a broadcast
    ws.receive(null, null, "room:2", "said", { n: 3 });
    off();
    ws.receive(null, null, "room:1", "said", { n: 4 });
    assert.deepEqual(heard, [1, 2]);
  });

  test("messages of an earlier join are dropped", () => {
    const { ws, channel } = joined();
    const heard = [];
    channel.on("said", ({ n }) => heard.push(n));
    ws.receive("1", "1", "room:1", "phx_error", {});
    tick(100);
    ws.receive("1", null, "room:1", "said", { n: 1 });
    ws.receive("1", "1", "room:1", "phx_close", {});
    ws.receive(null, null, "room:1", "said", { n: 2 }); // not joined yet
    assert.equal(channel.state, "joining");
    ws.reply("phx_join");
    ws.receive("1", null, "room:1", "said", { n: 3 });
    ws.receive("2", null, "room:1", "said", { n: 4 });
    assert.deepEqual(heard, [4]);
  });

  test("phx_error: joined again with backoff, which grows while it keeps crashing", () => {
    const { ws, channel } = joined();
    const crash = () => ws.receive(ws.find("phx_join")[0], null, "room:1", "phx_error", { reason: "channel_crash" });
    for (const wanted of [100, 200, 300]) {
      crash();
      assert.equal(channel.state, "errored");
      tick(wanted - 1);
      assert.equal(channel.state, "errored");
      tick(1);
      assert.equal(channel.state, "joining");
      ws.reply("phx_join");
    }
    tick(10_000); // it holds
    crash();
    tick(100);
    assert.equal(channel.state, "joining");
  });

  test("phx_close: closed, and not joined again", async () => {
    const { ws, channel } = joined();
    const answer = channel.push("say");
    ws.receive("1", "1", "room:1", "phx_close", {});
    assert.equal(channel.state, "closed");
    await assert.rejects(answer, failsWith("closed", "closed by the server"));
    tick(60_000);
    assert.equal(ws.count("phx_join"), 1);
    channel.join();
    assert.equal(ws.count("phx_join"), 2);
  });
});

describe("leave", () => {
  test("closes at once, tells the server, and resolves with its answer", async () => {
    const { ws, channel } = joined();
    const heard = [];
    channel.on("said", (payload) => heard.push(payload));
    const answer = channel.push("say");
    const left = channel.leave();
    assert.equal(channel.state, "closed");
    await assert.rejects(answer, failsWith("closed", "left", "canceled"));
    assert.deepEqual(ws.find("phx_leave").slice(0, 3), ["1", "3", "room:1"]);
    ws.receive(null, null, "room:1", "said", {});
    ws.reply("phx_leave");
    ws.receive("1", "1", "room:1", "phx_close", {});
    await left;
    assert.deepEqual(heard, []);
    tick(60_000);
    assert.equal(ws.count("phx_join"), 1);
  });

  test("resolves when the server does not answer, or the connection goes", async () => {
    const { channel } = joined();
    const silent = channel.leave(700);
    tick(700);
    await silent;
    const { ws, channel: other } = joined();
    const lost = other.leave();
    ws.drop();
    await lost;
    tick(100);
    FakeWebSocket.last.open();
    assert.equal(FakeWebSocket.last.count("phx_join"), 0);
  });

  test("stops a join that is under way and one that is due", async () => {
    const { socket, ws } = connected();
    const [asked, due] = [socket.channel("a"), socket.channel("b")];
    const first = asked.join();
    asked.leave();
    await assert.rejects(first, failsWith("closed", "left", "canceled"));
    due.join();
    ws.reply("phx_join", "error");
    await due.leave();
    tick(60_000);
    assert.equal(ws.count("phx_join"), 2);
  });

  test("can be followed by a join of the same channel", async () => {
    const { ws, channel } = joined();
    const left = channel.leave();
    const again = channel.join();
    await left;
    ws.reply("phx_leave"); // answers the former join's leave
    ws.receive("1", "1", "room:1", "phx_close", {});
    ws.reply("phx_join", "ok", { n: 2 });
    assert.deepEqual(await again, { n: 2 });
    assert.equal(channel.state, "joined");
  });
});
