// A client of 2014 and matrix-js-sdk, a client of today, talk with each other: every call of the 2014 document.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { raw } from "../support/client.mjs";
import { Addresses } from "../support/mail.mjs";
import { Server } from "../support/server.mjs";
import { Person, until } from "../sdk/person.mjs";

const prefix = "/_matrix/client/api/v1/";
const encode = encodeURIComponent;
const path = (parts, ...values) => prefix + String.raw({ raw: parts }, ...values.map(encode));

/** What a client of that age does: tokens in the query, PUT with a transaction id, the event stream. */
class OldClient {
  constructor(server) {
    Object.assign(this, { server, transactions: 0, events: [] });
  }

  async call(method, to, body) {
    const token = this.token ? `${to.includes("?") ? "&" : "?"}access_token=${encode(this.token)}` : "";
    return await raw(this.server, method, to + token, { body });
  }

  async ok(method, to, body) {
    const response = await this.call(method, to, body);
    assert.equal(response.status, 200, `${method} ${to}: ${response.text}`);
    return response.body;
  }

  get(to) {
    return this.ok("GET", to);
  }

  post(to, body = {}) {
    return this.ok("POST", to, body);
  }

  /** A PUT of what can be a POST: sent twice, as after a lost response. */
  async puts(to, body = {}) {
    const whole = `${to}/${++this.transactions}`;
    const first = await this.ok("PUT", whole, body);
    assert.deepEqual(await this.ok("PUT", whole, body), first);
    return first;
  }

  async registers(user, password) {
    const { flows } = await this.get(path`register`);
    assert.ok(flows.some((flow) => flow.type === "m.login.password"));
    const made = await this.post(path`register`, { type: "m.login.password", user, password });
    assert.equal(made.home_server, this.server.name);
    this.id = made.user_id;
  }

  async logsIn(user, password) {
    const { flows } = await this.get(path`login`);
    assert.ok(flows.some((flow) => flow.type === "m.login.password"));
    const made = await this.post(path`login`, { type: "m.login.password", user, password });
    assert.equal(made.user_id, this.id);
    this.token = made.access_token;
    this.from = (await this.get(path`initialSync?limit=1`)).end;
  }

  /** Reads the stream until an event fulfils a condition; what was read stays. */
  sees(what, condition) {
    return until(`the old client sees ${what}`, async () => {
      const found = this.events.find(condition);
      if (found) return found;
      const page = await this.get(`${prefix}events?from=${encode(this.from)}&timeout=1000`);
      this.from = page.end;
      for (const event of page.chunk) if (!this.events.some((e) => e.event_id && e.event_id === event.event_id)) {
        this.events.push(event);
      }
    });
  }
}

let server, addresses, old, today, roomId;
before(async () => {
  addresses = await Addresses.start();
  server = await Server.start({ ...addresses.settings, MATRIX_PUBLIC_BASE_URL: "http://localhost:8008",
    MATRIX_COMPATIBILITY__LEGACY_CLIENT_API: "true" });
  old = new OldClient(server);
  today = await Person.registers(server, "today", { crypto: false });
});
after(async () => {
  today?.stops();
  await server?.dispose();
  addresses?.dispose();
  setTimeout(() => process.exit(), 500).unref();
});

test("the old client registers and logs in, and finds the fallback page", async () => {
  await old.registers("ancient", "a long password");
  await old.logsIn("ancient", "a long password");
  const page = await old.call("GET", path`login/fallback`);
  assert.equal(page.status, 303);
  assert.match((await raw(server, "GET", page.headers.get("location"))).text, /<form/);
  assert.equal((await old.call("POST", path`login`, { type: "m.login.oauth2", user: "ancient" })).body.errcode,
    "M_UNKNOWN");
});

test("old clients register with a mail address, by its link and by its code", async () => {
  const { flows } = await old.get(path`register`);
  const visitor = new OldClient(server);
  for (const [type, user] of [["m.login.email.url", "linked"], ["m.login.email.code", "coded"]]) {
    assert.ok(flows.some(({ stages }) => stages.join() === `${type},m.login.password`));
    const email = `${user}@hybrid.example`;
    const begun = await visitor.post(path`register`, { type, user, email });
    assert.equal(begun.type, type);
    const step = { type, session: begun.session };
    if (type === "m.login.email.url") {
      const early = await visitor.call("POST", path`register`, step);
      assert.deepEqual([early.status, early.body.errcode], [400, "M_LOGIN_EMAIL_URL_NOT_YET"]);
      const pressed = await raw(server, "POST", await addresses.linkTo(email), { body: "",
        headers: { "content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "same-origin" } });
      assert.equal(pressed.status, 200, pressed.text);
    } else {
      const wrong = await visitor.call("POST", path`register`, { ...step, code: "none" });
      assert.deepEqual([wrong.status, wrong.body.errcode], [400, "M_TOKEN_INCORRECT"]);
      [step.code] = /\b\d{6}\b/.exec(await addresses.mailTo(email));
    }
    assert.deepEqual(await visitor.post(path`register`, step), { session: begun.session, next: "m.login.password" });
    const made = await visitor.post(path`register`,
      { type: "m.login.password", user, password: "a long password", session: begun.session });
    const listed = await raw(server, "GET", `/_matrix/client/v3/account/3pid?access_token=${made.access_token}`);
    assert.deepEqual(listed.body.threepids.map(({ address }) => address), [email]);
  }
});

test("each sets a profile, and the other reads it", async () => {
  await old.ok("PUT", path`profile/${old.id}/displayname`, { displayname: "Ancient" });
  await old.ok("PUT", path`profile/${old.id}/avatar_url`, { avatar_url: "mxc://hybrid.test/ancient" });
  assert.equal((await today.client.getProfileInfo(old.id)).displayname, "Ancient");
  await today.client.setDisplayName("Modern");
  assert.equal((await old.get(path`profile/${today.id}/displayname`)).displayname, "Modern");
  assert.equal((await old.get(path`profile/${today.id}`)).displayname, "Modern");
  assert.equal((await old.get(path`profile/${old.id}/avatar_url`)).avatar_url, "mxc://hybrid.test/ancient");
});

test("the old client creates a room, and the client of today is invited and joins", async () => {
  const made = await old.puts(path`createRoom`,
    { room_alias_name: "tutorial", name: "Tutorial", topic: "Then and now" });
  roomId = made.room_id;
  assert.equal(made.room_alias, "#tutorial:hybrid.test");
  await old.puts(path`rooms/${roomId}/invite`, { user_id: today.id });
  await today.joins(roomId);
  const joined = await old.sees("the join", (e) => e.type === "m.room.member" && e.state_key === today.id
    && e.membership === "join");
  assert.equal(joined.user_id, today.id);
  const { chunk } = await old.get(path`rooms/${roomId}/members`);
  assert.deepEqual(chunk.map((e) => e.content.membership), ["join", "join"]);
  const room = await until("the name", () => today.client.getRoom(roomId)?.name === "Tutorial"
    && today.client.getRoom(roomId));
  assert.equal(room.currentState.getStateEvents("m.room.topic", "").getContent().topic, "Then and now");
});

test("they talk: messages, typing, and that they were read", async () => {
  const said = await old.puts(path`rooms/${roomId}/send/m.room.message`, { msgtype: "m.text", body: "hello, future" });
  await until("the message", () =>
    today.client.getRoom(roomId).findEventById(said.event_id)?.getContent().body === "hello, future");
  const answer = await today.sends(roomId, "hello, past");
  const seen = await old.sees("the answer", (e) => e.event_id === answer);
  assert.equal(seen.content.body, "hello, past");
  assert.equal(seen.user_id, today.id);
  assert.equal((await old.get(path`events/${answer}`)).content.body, "hello, past");

  await today.client.sendTyping(roomId, true, 20_000);
  await old.sees("the typing", (e) => e.type === "m.typing" && e.content.user_ids.includes(today.id));
  await old.ok("PUT", path`rooms/${roomId}/typing/${old.id}`, { typing: true, timeout: 20_000 });
  await until("the old user types", () => today.client.getRoom(roomId).getMember(old.id)?.typing);

  await today.client.sendReadReceipt(today.client.getRoom(roomId).findEventById(said.event_id));
  const feedback = await old.sees("the feedback", (e) => e.type === "m.room.message.feedback");
  assert.deepEqual(feedback.content, { type: "read", target_event_id: said.event_id });
  await old.post(path`rooms/${roomId}/send/m.room.message.feedback`, { type: "read", target_event_id: answer });
  await until("the receipt", () => today.client.getRoom(roomId).getEventReadUpTo(old.id) === answer);
});

test("calls are carried both ways", async () => {
  const offer = { type: "offer", sdp: "v=0\r\no=- 6584580628695956864 2 IN IP4 127.0.0.1" };
  const call = { version: 0, call_id: "12345", lifetime: 60_000 };
  const { event_id: id } = await old.post(path`rooms/${roomId}/send/m.call.invite`, { ...call, offer });
  await until("the invite", () =>
    today.client.getRoom(roomId).findEventById(id)?.getContent().offer?.sdp === offer.sdp);
  await today.client.sendEvent(roomId, "m.call.hangup", { version: 0, call_id: "12345" });
  await old.sees("the end of the call", (e) => e.type === "m.call.hangup");
});

test("state and power levels are read and written in both shapes", async () => {
  await old.ok("PUT", path`rooms/${roomId}/state/m.room.topic`, { topic: "Old topics" });
  await until("the topic", () => today.client.getRoom(roomId).currentState.getStateEvents("m.room.topic", "")
    .getContent().topic === "Old topics");
  await old.ok("PUT", path`rooms/${roomId}/state/m.room.add_state_level`, { level: 30 });
  await old.ok("PUT", path`rooms/${roomId}/state/m.room.ops_levels`,
    { ban_level: 60, kick_level: 60, redact_level: 60 });
  const levels = await old.get(path`rooms/${roomId}/state/m.room.power_levels`);
  await old.ok("PUT", path`rooms/${roomId}/state/m.room.power_levels`, { ...levels, [today.id]: 50 });
  const now = await until("the levels", () => {
    const content = today.client.getRoom(roomId).currentState.getStateEvents("m.room.power_levels", "").getContent();
    return content.users?.[today.id] === 50 && content;
  });
  assert.deepEqual([now.state_default, now.ban, now.kick, now.redact], [30, 60, 60, 60]);
  assert.equal(now[today.id], undefined);

  await today.client.setRoomName(roomId, "New name");
  await old.sees("the name", (e) => e.type === "m.room.name" && e.content.name === "New name");
  assert.equal((await old.get(path`rooms/${roomId}/state/m.room.name`)).name, "New name");
  const state = await old.get(path`rooms/${roomId}/state`);
  const found = (type) => state.find((e) => e.type === type);
  assert.equal(found("m.room.add_state_level").content.level, 30);
  assert.equal(found("m.room.ops_levels").content.ban_level, 60);
  assert.equal(found("m.room.power_levels").content[today.id], 50);
  assert.equal(found("m.room.topic").required_power_level, 30);
  assert.equal(found("m.room.create").content.creator, old.id);
  assert.deepEqual(found("m.room.aliases").content.aliases, ["#tutorial:hybrid.test"]);
});

test("history is paged, and messages are redacted", async () => {
  const { event_id: id } = await old.post(
    path`rooms/${roomId}/send/m.room.message`, { msgtype: "m.text", body: "oops" });
  await old.puts(path`rooms/${roomId}/redact/${id}`, { reason: "typo" });
  await until("the redaction", () => today.client.getRoom(roomId).findEventById(id)?.isRedacted());
  const all = [];
  const pageAt = (from) => old.get(`${path`rooms/${roomId}/messages`}?limit=10${from ? `&from=${from}` : ""}`);
  for (let page = await pageAt(); page.chunk.length > 0; page = await pageAt(page.end)) all.push(...page.chunk);
  assert.equal(all.find((e) => e.event_id === id).redacted_because.user_id, old.id);
  assert.ok(all.some((e) => e.type === "m.room.create"));
  const sync = await old.get(path`rooms/${roomId}/initialSync`);
  assert.equal(sync.membership, "join");
  const whole = await old.get(path`initialSync?limit=1`);
  assert.equal(whole.rooms.find((room) => room.room_id === roomId).messages.chunk.length > 0, true);
});

test("presence and presence lists", async () => {
  await old.ok("PUT", path`presence/${old.id}/status`, { presence: "free_for_chat", status_msg: "ask me" });
  await until("the status", async () => (await today.client.getPresence(old.id)).status_msg === "ask me");
  assert.equal((await today.client.getPresence(old.id)).presence, "online");
  await today.client.setPresence({ presence: "online", status_msg: "busy" });
  await old.sees("the presence", (e) => e.type === "m.presence" && e.content.user_id === today.id
    && e.content.status_msg === "busy");
  assert.equal((await old.get(path`presence/${today.id}/status`)).status_msg, "busy");
  await old.post(path`presence/list/${old.id}`, { invite: [today.id] });
  assert.deepEqual((await old.get(path`presence/list/${old.id}`)).map((p) => p.user_id), [today.id]);
  await old.puts(path`presence/list/${old.id}`, { drop: [today.id] });
  assert.deepEqual(await old.get(path`presence/list/${old.id}`), []);
});

test("aliases, public rooms, and the ways out of a room", async () => {
  const made = await today.client.createRoom({ visibility: "public", preset: "public_chat", name: "The Pub",
    room_alias_name: "pub" });
  const { chunk } = await old.get(path`publicRooms`);
  const listed = chunk.find((room) => room.room_id === made.room_id);
  assert.deepEqual([listed.name, listed.aliases], ["The Pub", ["#pub:hybrid.test"]]);
  assert.equal((await old.get(path`directory/room/${"#pub:hybrid.test"}`)).room_id, made.room_id);
  assert.equal((await old.puts(path`join/${"#pub:hybrid.test"}`)).room_id, made.room_id);
  await old.ok("PUT", path`directory/room/${"#inn:hybrid.test"}`, { room_id: made.room_id });
  assert.equal((await today.client.getRoomIdForAlias("#inn:hybrid.test")).room_id, made.room_id);
  await old.ok("DELETE", path`directory/room/${"#inn:hybrid.test"}`);
  assert.equal((await old.call("GET", path`directory/room/${"#inn:hybrid.test"}`)).status, 404);
  await old.puts(path`rooms/${made.room_id}/leave`);
  await today.client.invite(made.room_id, old.id);
  await old.sees("the invite", (e) => e.type === "m.room.member" && e.room_id === made.room_id
    && e.membership === "invite");
  const { rooms } = await old.get(path`initialSync`);
  assert.equal(rooms.find((room) => room.room_id === made.room_id).inviter, today.id);
  await old.post(path`rooms/${made.room_id}/join`);
  await old.ok("PUT", path`rooms/${made.room_id}/state/m.room.member/${old.id}`, { membership: "leave" });
  await old.puts(path`rooms/${roomId}/ban`, { user_id: today.id, reason: "time paradox" });
  await today.sees(roomId, "ban");
  assert.equal((await old.get(path`rooms/${roomId}/state/m.room.member/${today.id}`)).reason, "time paradox");
});
