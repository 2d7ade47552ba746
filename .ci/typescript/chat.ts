// Uses the chat, typed by the topics that it serves at /socket.d.ts, with bennu's client.
import { Socket, ChannelError } from "./bennu.js";
import type { Topics, Message } from "./topics.js";

declare const process: { env: { [name: string]: string | undefined }; exit(code: number): never };

function expect(what: string, ok: boolean): void {
  if (!ok) {
    console.error("not so: " + what);
    process.exit(1);
  }
}

const socket = new Socket<Topics>((process.env["CHAT"] ?? "") + "/socket");
socket.connect();
const room = socket.channel("room:types", { name: "ada" });
const heard: Message[] = [];
room.on("posted", (message) => heard.push(message));
const { messages } = await room.join();
expect("nobody has written yet", (messages ?? []).length === 0);

const posted = await room.push("post", { body: "hello", key: "1" }, { acknowledged: true });
expect("the reply is the message", posted.author === "ada" && posted.seq === 1);
expect("it was told before", heard[0]?.body === "hello");

const refused = await room.push("post", { body: "", key: "2" }).catch((err: unknown) => err);
expect("what is wrong is told by field", refused instanceof ChannelError && refused.errors["body"]?.[0] === "can't be blank");

const since: string | undefined = room.presence().list()[0]?.metas[0]?.since;
void since;
// @ts-expect-error an event that the channel does not take
const misspelled = () => room.push("pots", { body: "", key: "" });
// @ts-expect-error a payload without its key
const partial = () => room.push("post", { body: "" });
// @ts-expect-error a topic that no channel serves
const elsewhere = () => socket.channel("attic:1");
void misspelled, partial, elsewhere;
socket.disconnect();
console.log("ok");
