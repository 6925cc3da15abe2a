// Wrong types in every field: the fields come from the schema of each request, so that none is forgotten.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, test } from "node:test";
import { User, raw, v3 } from "../support/client.mjs";
import { Server } from "../support/server.mjs";
import { checkError, present, requestProperties, whereItShouldBe } from "../support/spec.mjs";

let server, alice, bob, roomId, eventId;
before(async () => {
  server = await Server.start();
  [alice, bob] = [await User.register(server, "alice"), await User.register(server, "bob")];
  roomId = await alice.createsRoom({ preset: "public_chat" });
  eventId = await alice.sends(roomId);
});
after(() => server?.dispose());

const codes = ["M_BAD_JSON", "M_INVALID_PARAM", "M_MISSING_PARAM", "M_UNKNOWN", "M_UNRECOGNIZED", "M_INVALID_USERNAME"];
const identifier = () => ({ type: "m.id.user", user: alice.id });

// Requests with one wrong field in a valid body. Content that only clients interpret is not here.
const requests = {
  login: () => ["POST", v3`login`, { type: "m.login.password", identifier: identifier(), password: "password" }],
  register: () => ["POST", v3`register`, { username: `u${randomUUID().slice(0, 8)}`, password: "passphrase" }],
  refresh: () => ["POST", v3`refresh`, { refresh_token: "x" }],
  changePassword: () => ["POST", v3`account/password`, { new_password: "another password" }],
  deactivateAccount: () => ["POST", v3`account/deactivate`, {}],
  updateDevice: () => ["PUT", v3`devices/${alice.deviceId}`, { display_name: "x" }],
  deleteDevice: () => ["DELETE", v3`devices/NONE`, {}],
  deleteDevices: () => ["POST", v3`delete_devices`, { devices: ["NONE"] }],
  defineFilter: () => ["POST", v3`user/${alice.id}/filter`, {}],
  createRoom: () => ["POST", v3`createRoom`, {}],
  joinRoom: () => ["POST", v3`join/${roomId}`, {}],
  joinRoomById: () => ["POST", v3`rooms/${roomId}/join`, {}],
  inviteUser: () => ["POST", v3`rooms/${roomId}/invite`, { user_id: bob.id }],
  leaveRoom: () => ["POST", v3`rooms/${roomId}/leave`, {}],
  kick: () => ["POST", v3`rooms/${roomId}/kick`, { user_id: bob.id }],
  ban: () => ["POST", v3`rooms/${roomId}/ban`, { user_id: bob.id }],
  unban: () => ["POST", v3`rooms/${roomId}/unban`, { user_id: bob.id }],
  redactEvent: () => ["PUT", v3`rooms/${roomId}/redact/${eventId}/${randomUUID()}`, {}],
  setReadMarker: () => ["POST", v3`rooms/${roomId}/read_markers`, { "m.fully_read": eventId }],
  postReceipt: () => ["POST", v3`rooms/${roomId}/receipt/m.read/${eventId}`, {}],
  setTyping: () => ["PUT", v3`rooms/${roomId}/typing/${alice.id}`, { typing: true, timeout: 10 }],
  setRoomAlias: () => ["PUT", v3`directory/room/${`#a${randomUUID()}:hybrid.test`}`, { room_id: roomId }],
  setRoomTag: () => ["PUT", v3`user/${alice.id}/rooms/${roomId}/tags/u.x`, { order: 0.5 }],
  setPushRule: () => ["PUT", v3`pushrules/global/content/x`, { actions: ["notify"], pattern: "x" }],
  setPushRuleEnabled: () => ["PUT", v3`pushrules/global/override/.m.rule.master/enabled`, { enabled: false }],
  setPushRuleActions: () => ["PUT", v3`pushrules/global/override/.m.rule.master/actions`, { actions: [] }],
  uploadKeys: () => ["POST", v3`keys/upload`, {}],
  queryKeys: () => ["POST", v3`keys/query`, { device_keys: {} }],
  claimKeys: () => ["POST", v3`keys/claim`, { one_time_keys: {} }],
  uploadCrossSigningKeys: () => ["POST", v3`keys/device_signing/upload`, {}],
  sendToDevice: () => ["PUT", v3`sendToDevice/org.example.x/${randomUUID()}`, { messages: {} }],
};

// Fields that a server may ignore: those of login types and third-party identifiers that it does not support.
const unspoken = new Set(
  ["login.medium", "login.address", "login.token", "login.user", "setPushRule.conditions", "setPushRule.pattern",
  "deactivateAccount.id_server", "uploadKeys.fallback_keys.*"]);

const samples = { string: 5, integer: "five", number: "five", boolean: "perhaps", array: "list", object: "thing" };

function broken(properties, prefix = []) {
  return Object.entries(properties).flatMap(([name, { types, items, inner }]) => {
    const path = [...prefix, name];
    const wrong = types.length === 1 && samples[types[0]] !== undefined ? [{ path, value: samples[types[0]] }] : [];
    if (types[0] === "array" && items.length === 1 && samples[items[0]] !== undefined) wrong.push(
      { path, value: [samples[items[0]]] });
    return [...wrong, ...broken(inner, path)];
  });
}

function withField(body, [name, ...rest], value) {
  return { ...body, [name]: rest.length === 0 ? value : withField(body[name] ?? {}, rest, value) };
}

test("the fields are those of the specification",
  { skip: present || process.env.CI ? false : `no specification at ${whereItShouldBe}` }, () => {
  assert.ok(present, `no specification at ${whereItShouldBe}`);
});

for (const id of Object.keys(requests)) {
  test(`${id} refuses a wrong type in each of its fields`, async () => {
    if (!present) return;
    const surprises = [];
    for (const { path, value } of broken(requestProperties(id))) {
      if (unspoken.has(`${id}.${path.join(".")}`)) continue;
      const [method, url, body] = requests[id]();
      const response = await raw(server, method, url, { token: alice.token, body: withField(body, path, value) });
      const fine = response.status === 400 && codes.includes(response.body?.errcode)
        && checkError(400, response.body).length === 0;
      if (!fine) surprises.push(
        `${path.join(".")} = ${JSON.stringify(value)}: ${response.status} ${response.text.slice(0, 200)}`);
    }
    assert.equal(surprises.length, 0, `\n${surprises.join("\n")}`);
    await alice.get(v3`account/whoami`);
  });
}
