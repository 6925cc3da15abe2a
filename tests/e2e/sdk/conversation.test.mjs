// A whole end-to-end encrypted conversation of two people; the server restarts in between, and nothing is lost.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Server } from "../support/server.mjs";
import { Person, sdk, until } from "./person.mjs";

let server, alice, bob, roomId;
const everyone = [];
before(async () => (server = await Server.start()));
after(async () => {
  everyone.forEach((person) => person.stops());
  await server?.dispose();
  // The Rust crypto has timers of its own.
  setTimeout(() => process.exit(), 500).unref();
});

const said = [];
const says = async (person, body) => {
  const id = await person.sends(roomId, body);
  said.push({ id, body });
  return id;
};

test("two people register and set up cross-signing", async () => {
  alice = await Person.registers(server, "alice");
  bob = await Person.registers(server, "bob");
  everyone.push(alice, bob);
  await alice.bootstrapsCrossSigning();
  await bob.bootstrapsCrossSigning();
});

test("one creates an encrypted room and invites the other, and both read each other's messages", async () => {
  roomId = await alice.createsEncryptedRoom({ invite: [bob.id], name: "Kitchen" });
  await alice.sees(roomId);
  await bob.joins(roomId);
  await alice.knowsOf(bob, roomId);
  const hello = await says(alice, "Hello Bob 🌻");
  assert.equal(await bob.reads(roomId, hello), "Hello Bob 🌻");
  const answer = await says(bob, "Hello Alice");
  assert.equal(await alice.reads(roomId, answer), "Hello Alice");
});

test("one sees whether the other is there, and their message", async () => {
  await until("bob is online", () => alice.client.getUser(bob.id)?.presence === "online");
  bob.client.setSyncPresence("unavailable");
  await bob.client.setPresence({ presence: "unavailable", status_msg: "at lunch" });
  const user = await until("bob is away", () => {
    const found = alice.client.getUser(bob.id);
    return found?.presence === "unavailable" ? found : undefined;
  });
  assert.equal(user.presenceStatusMsg, "at lunch");
  bob.client.setSyncPresence("online");
  await until("bob is back", () => alice.client.getUser(bob.id)?.presence === "online");
});

test("each sees the other's device signed by its owner", async () => {
  const status = await until("bob's device is cross-signed", async () => {
    const found = await alice.crypto.getDeviceVerificationStatus(bob.id, bob.deviceId);
    return found?.signedByOwner ? found : undefined;
  });
  assert.equal(status.signedByOwner, true);
});

let tablet;
test("a second device is verified by comparing emoji and reads along", async () => {
  tablet = await Person.logsIn(server, "alice");
  everyone.push(tablet);
  await until("the tablet knows of cross-signing", () => tablet.crypto.userHasCrossSigningKeys(alice.id, true));
  await tablet.verifies(alice, tablet.crypto.requestOwnUserVerification());
  await until("bob sees the tablet as one of alice's own", async () =>
    (await bob.crypto.getDeviceVerificationStatus(alice.id, tablet.deviceId))?.signedByOwner);
  await tablet.sees(roomId);
  const id = await says(bob, "Can your tablet read this?");
  assert.equal(await tablet.reads(roomId, id), "Can your tablet read this?");
  const reply = await says(tablet, "Yes, it can");
  assert.equal(await bob.reads(roomId, reply), "Yes, it can");
  assert.equal(await alice.reads(roomId, reply), "Yes, it can");
});

test("a message is edited, and the edit is what is read", async () => {
  const id = await says(alice, "Diner is ready");
  await bob.reads(roomId, id);
  await alice.client.sendMessage(roomId, {
    msgtype: "m.text", body: "* Dinner is ready", "m.new_content": { msgtype: "m.text", body: "Dinner is ready" },
    "m.relates_to": { rel_type: "m.replace", event_id: id },
  });
  await until("bob reads the edit", () => bob.event(roomId, id)?.getContent().body === "Dinner is ready");
});

test("a reaction arrives and is counted once", async () => {
  const id = await says(alice, "Cake?");
  await bob.reads(roomId, id);
  await bob.client.sendEvent(
    roomId, "m.reaction", { "m.relates_to": { rel_type: "m.annotation", event_id: id, key: "🍰" } });
  await until("alice sees the reaction", () => {
    const relations = alice.client.getRoom(roomId).relations.getChildEventsForEvent(id, "m.annotation", "m.reaction");
    return relations?.getSortedAnnotationsByKey()?.some(([key, events]) => key === "🍰" && events.size === 1);
  });
});

test("a thread is started and followed", async () => {
  const root = await says(alice, "Where shall we go?");
  await bob.reads(roomId, root);
  // If the reply comes by sync before its own request is answered, the SDK looks for it outside the thread.
  await bob.client.sendMessage(roomId, root, { msgtype: "m.text", body: "To the sea" }).catch((problem) => {
    assert.match(problem.message, /not a local echo/);
  });
  const reply = await until("alice sees the thread and can read the reply", () => {
    const last = alice.client.getRoom(roomId).getThread(root)?.replyToEvent;
    return last?.getContent().body === "To the sea" ? last : undefined;
  });
  said.push({ id: reply.getId(), body: "To the sea" });
});

test("a receipt and typing are seen", async () => {
  const id = await says(alice, "Read me");
  await bob.reads(roomId, id);
  await bob.client.sendReadReceipt(bob.event(roomId, id));
  await until("alice sees that bob read it", () => alice.client.getRoom(roomId).getEventReadUpTo(bob.id) === id);
  await bob.client.sendTyping(roomId, true, 5000);
  await until("alice sees bob typing", () => alice.client.getRoom(roomId).getMember(bob.id)?.typing === true);
  await bob.client.sendTyping(roomId, false, 0);
  await until("and that he stopped", () => alice.client.getRoom(roomId).getMember(bob.id)?.typing === false);
});

test("both see that a message was redacted", async () => {
  const id = await alice.sends(roomId, "Forget that I said this");
  await bob.reads(roomId, id);
  await alice.client.redactEvent(roomId, id, undefined, { reason: "second thoughts" });
  await until("bob sees it redacted", () => bob.event(roomId, id)?.isRedacted());
});

test("the server restarts; both go on where they were, and nothing is lost", async () => {
  await says(alice, "Before the restart");
  await server.restart();
  const id = await says(bob, "After the restart");
  assert.equal(await alice.reads(roomId, id), "After the restart");
  for (const { id: old, body } of said) {
    const found = await until(`alice still has ${body}`, () => alice.event(roomId, old));
    assert.ok(found.getContent().body.includes(body.slice(0, 3)) || found.replacingEvent());
  }
});

test("the server is killed; acknowledged events exist after the restart", async () => {
  const id = await says(alice, "Acknowledged, then the lights went out");
  await server.kill();
  await server.startAgain();
  assert.equal(await bob.reads(roomId, id), "Acknowledged, then the lights went out");
  const fresh = await Person.logsIn(server, "bob");
  everyone.push(fresh);
  const room = await fresh.sees(roomId);
  const timelineSet = room.getUnfilteredTimelineSet();
  for (let page = 0; page < 20; page++) {
    if (!(await fresh.client.paginateEventTimeline(
      timelineSet.getLiveTimeline(), { backwards: true, limit: 50 }))) break;
  }
  // The SDK fetches threads by itself, after the page that has their roots.
  let missing = said;
  await until("the new device has all that was said", () => {
    const ids = new Set(timelineSet.getLiveTimeline().getEvents().map((e) => e.getId()));
    const threads = new Set(room.getThreads().flatMap((t) => t.events.map((e) => e.getId())));
    missing = said.filter(({ id: one }) => !ids.has(one) && !threads.has(one) && !fresh.event(roomId, one));
    return missing.length === 0;
  }).catch(() => undefined);
  assert.deepEqual(missing, []);
});

test("kicked users leave the room, banned users cannot come back", async () => {
  const carol = await Person.registers(server, "carol");
  everyone.push(carol);
  await alice.client.invite(roomId, carol.id);
  await carol.joins(roomId);
  await alice.knowsOf(carol, roomId);
  const id = await says(alice, "Welcome Carol");
  assert.equal(await carol.reads(roomId, id), "Welcome Carol");
  await alice.client.kick(roomId, carol.id, "just testing");
  await carol.sees(roomId, "leave");
  const after = await says(alice, "She is gone");
  assert.equal(await bob.reads(roomId, after), "She is gone");
  assert.equal(carol.event(roomId, after), undefined);

  await alice.client.invite(roomId, carol.id);
  await carol.joins(roomId);
  await alice.client.ban(roomId, carol.id);
  await carol.sees(roomId, "ban");
  await assert.rejects(carol.client.joinRoom(roomId), (refusal) => refusal.errcode === "M_FORBIDDEN");
  await alice.client.unban(roomId, carol.id);
  await alice.client.invite(roomId, carol.id);
  await carol.joins(roomId);
});

test("a big room loads the senders, and all members on request", async () => {
  const { room_id: big } = await alice.client.createRoom({ preset: "public_chat", name: "Big" });
  const { User } = await import("../support/client.mjs");
  const crowd = [];
  for (let i = 0; i < 60; i++) crowd.push(await User.register(server));
  for (const one of crowd) await one.joins(big);
  const dave = await Person.registers(server, "dave");
  everyone.push(dave);
  await dave.client.joinRoom(big);
  for (let i = 0; i < 25; i++) await crowd[7].sends(big, `message ${i}`);
  const late = await Person.logsIn(server, "dave");
  everyone.push(late);
  const room = await late.sees(big);
  const known = room.getMembers().length;
  assert.ok(known < 20, `${known} members at once`);
  assert.equal(room.getJoinedMemberCount(), 62);
  assert.ok(room.getMember(crowd[7].id), "the one who speaks is known");
  await room.loadMembersIfNeeded();
  assert.equal(room.getJoinedMembers().length, 62);
  assert.ok(sdk);
});
