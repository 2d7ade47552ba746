import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Presence } from "./bennu.js";
import { browser, connected, reconnect } from "./fakes.js";

browser();

const meta = (ref, more = {}) => ({ phx_ref: ref, ...more });
const entry = (...refs) => ({ metas: refs.map((ref) => meta(ref)) });

/** A presence whose server is the test, and all that it tells. */
function present() {
  const { socket, ws } = connected();
  const channel = socket.channel("room:1");
  const presence = channel.presence();
  const told = [];
  const refs = (entry) => entry?.metas.map((m) => m.phx_ref).join();
  presence.onJoin((key, before, joined) => told.push(["join", key, refs(before), refs(joined)]));
  presence.onLeave((key, rest, left) => told.push(["leave", key, refs(rest), refs(left)]));
  presence.onSync(() => told.push(["sync", refsOf(presence)]));
  channel.join();
  ws.reply("phx_join");
  let [connection] = [ws];
  const send = (event, payload) => connection.onmessage({ data: `[null,null,"room:1","${event}",${typeof payload === "string" ? payload : JSON.stringify(payload)}]` });
  return {
    channel, presence, told, ws,
    state: (state) => send("presence_state", state),
    diff: (joins, leaves = {}) => send("presence_diff", { joins, leaves }),
    rejoin: () => { connection = reconnect(); connection.reply("phx_join"); },
  };
}
const refsOf = (presence) => Object.fromEntries(presence.list((key, { metas }) => [key, metas.map((m) => m.phx_ref).join()]));

describe("presence", () => {
  test("begins with the state, and follows the diffs", () => {
    const { presence, told, state, diff } = present();
    state({ ada: entry("a1"), bob: entry("b1") });
    diff({ ada: entry("a2"), eve: entry("e1") }, { bob: entry("b1") });
    diff({}, { ada: entry("a1"), nobody: entry("n1") });
    assert.deepEqual(told, [
      ["join", "ada", undefined, "a1"], ["join", "bob", undefined, "b1"], ["sync", { ada: "a1", bob: "b1" }],
      ["join", "ada", "a1", "a2"], ["join", "eve", undefined, "e1"], ["leave", "bob", "", "b1"],
      ["sync", { ada: "a1,a2", eve: "e1" }],
      ["leave", "ada", "a2", "a1"], ["sync", { ada: "a2", eve: "e1" }],
    ]);
    assert.deepEqual(presence.list(), [entry("a2"), entry("e1")]);
    assert.deepEqual(presence.get("ada"), entry("a2"));
    assert.equal(presence.get("bob"), undefined);
  });

  test("an update is a join and a leave in one", () => {
    const { presence, told, state, diff } = present();
    state({ ada: { metas: [meta("a1", { typing: false }), meta("a9")] } });
    told.length = 0;
    diff({ ada: { metas: [meta("a2", { typing: true, phx_ref_prev: "a1" })] } }, { ada: entry("a1") });
    assert.deepEqual(told, [
      ["join", "ada", "a1,a9", "a2"], ["leave", "ada", "a9,a2", "a1"], ["sync", { ada: "a9,a2" }],
    ]);
    assert.equal(presence.get("ada").metas[1].typing, true);
  });

  test("the same join twice is one", () => {
    const { presence, state, diff } = present();
    state({ ada: entry("a1") });
    diff({ ada: entry("a1") });
    assert.deepEqual(refsOf(presence), { ada: "a1" });
  });

  test("diffs before the state wait for it, after each join", () => {
    const { told, state, diff, rejoin } = present();
    diff({ eve: entry("e1") });
    assert.deepEqual(told, []);
    state({ ada: entry("a1") });
    assert.deepEqual(told.at(-1), ["sync", { ada: "a1", eve: "e1" }]);
    rejoin();
    told.length = 0;
    diff({}, { ada: entry("a2") });
    assert.deepEqual(told, []);
    state({ ada: entry("a1", "a2"), bob: entry("b1") });
    assert.deepEqual(told, [
      ["join", "ada", "a1", "a2"], ["join", "bob", undefined, "b1"], ["leave", "eve", "", "e1"],
      ["leave", "ada", "a1", "a2"], ["sync", { ada: "a1", bob: "b1" }],
    ]);
  });

  test("what the server adds beside the metas is kept and renewed", () => {
    const { presence, state, diff } = present();
    state({ ada: { ...entry("a1"), user: { name: "Ada" } } });
    diff({ ada: { ...entry("a2"), user: { name: "Countess" } } });
    assert.deepEqual(presence.get("ada"), { ...entry("a1", "a2"), user: { name: "Countess" } });
  });

  test("any key is only a key", () => {
    const { presence, state, diff } = present();
    state('{"__proto__":{"metas":[{"phx_ref":"p1","__proto__":{"admin":true}}]},"constructor":{"metas":[{"phx_ref":"c1"}]}}');
    diff({}, { constructor: entry("c1"), toString: entry("t1") });
    assert.deepEqual(presence.list((key) => key), ["__proto__"]);
    assert.equal({}.admin, undefined);
    assert.equal({}.metas, undefined);
    assert.equal(presence.get("toString"), undefined);
  });

  test("a channel has one, and others may be made", () => {
    const { channel, presence, state } = present();
    assert.equal(channel.presence(), presence);
    const other = new Presence(channel);
    state({ ada: entry("a1") });
    assert.deepEqual(other.list(), [entry("a1")]);
  });

  test("what was given out does not change", () => {
    const { presence, state, diff } = present();
    state({ ada: entry("a1") });
    const [before] = presence.list();
    diff({ ada: entry("a2") }, { ada: entry("a1") });
    assert.deepEqual(before, entry("a1"));
  });
});
