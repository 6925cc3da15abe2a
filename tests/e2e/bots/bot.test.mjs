// A bot made with matrix-bot-sdk.
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { User, timeline, v1, v3 } from "../support/client.mjs";
import { Server } from "../support/server.mjs";
import { load } from "./without-crypto.mjs";

const { AutojoinRoomsMixin, LogLevel, LogService, MatrixAuth, MatrixClient, SimpleFsStorageProvider } =
  load("matrix-bot-sdk");
LogService.setLevel(LogLevel.ERROR);

let server, alice, bot, endSync, token, roomId, since;
before(async () => {
  server = await Server.start();
  alice = await User.register(server, "alice");
});
after(async () => {
  ends();
  await server?.dispose();
});

/** Starts the bot as its program would, with the position that it stored. */
async function starts() {
  bot = new MatrixClient(server.url, token, new SimpleFsStorageProvider(join(server.folder, "bot.json")));
  AutojoinRoomsMixin.setupOnClient(bot);
  const self = await bot.getUserId();
  bot.on("room.message", async (room, event) => {
    if (event.sender === self || !event.content?.body?.startsWith("!echo ")) return;
    await bot.replyNotice(room, event, event.content.body.slice(6));
  });
  const sync = bot.doSync.bind(bot);
  const ended = new Promise((_, reject) => (endSync = reject));
  ended.catch(() => {});
  bot.doSync = (position) => Promise.race([sync(position), ended]);
  await bot.start();
}

/** Ends the bot as its program would end. The SDK's `stop` alone handles the response to the open sync. */
function ends() {
  bot?.stop();
  endSync?.(new Error("The program ended."));
}

/** Waits until alice gets a notice of the bot, and returns it. */
async function answer(body) {
  const isIt = (event) => event.content.msgtype === "m.notice" && event.content.body.endsWith(body);
  const response = await alice.syncUntil(since, (r) => timeline(r, roomId).some(isIt));
  since = response.next_batch;
  return timeline(response, roomId).find(isIt);
}

test("a bot registers, is invited, joins by itself and answers a command", async () => {
  token = (await new MatrixAuth(server.url).passwordRegister("echo", "a long password", "Echo")).accessToken;
  await starts();
  roomId = await alice.createsRoom({ preset: "private_chat", invite: [await bot.getUserId()] });
  since = (await alice.syncUntil(
    undefined, (r) => r.rooms?.join?.[roomId]?.summary?.["m.joined_member_count"] === 2)).next_batch;
  const id = await alice.sends(roomId, "!echo hello");
  const found = await answer("hello");
  assert.equal(found.sender, "@echo:hybrid.test");
  assert.equal(found.content["m.relates_to"]["m.in_reply_to"].event_id, id);
});

test("it answers after the server was killed and started again", async () => {
  await server.kill();
  await server.startAgain();
  await alice.sends(roomId, "!echo still there?");
  await answer("still there?");
});

test("it restarts, and answers what was asked meanwhile once, and nothing twice", async () => {
  ends();
  await alice.sends(roomId, "!echo while you were away");
  await starts();
  await answer("while you were away");
  await alice.sends(roomId, "!echo last");
  await answer("last");
  const { chunk } = await alice.messages(roomId);
  const notices = chunk.filter((event) => event.content.msgtype === "m.notice").map((event) => event.content.body);
  assert.deepEqual(
    notices.map((body) => body.split("\n").at(-1)).reverse(), ["hello", "still there?", "while you were away", "last"]);
});

test("it uploads a file, sets its profile and uses the power that it is given", async () => {
  const uri = await bot.uploadContent(Buffer.from("a note"), "text/plain", "note.txt");
  await bot.setDisplayName("Echo the bot");
  await alice.sets(roomId, "m.room.power_levels", "", {
    ...(await alice.state(roomId, "m.room.power_levels")), users: { [await bot.getUserId()]: 50 },
  });
  assert.equal(await bot.userHasPowerLevelFor(await bot.getUserId(), roomId, "m.room.topic", true), true);
  await bot.sendStateEvent(roomId, "m.room.topic", "", { topic: uri });
  assert.equal((await alice.state(roomId, "m.room.topic")).topic, uri);
  assert.equal((await alice.get(v3`profile/${await bot.getUserId()}`)).displayname, "Echo the bot");
  // Its own `downloadContent` knows the path without authentication only, at which new media is not served.
  const path = v1`media/download/${uri.split("/")[2]}/${uri.split("/")[3]}`;
  const file = await bot.doRequest("GET", path, undefined, undefined, undefined, true, undefined, true);
  assert.equal(file.body.toString(), "a note");
});
