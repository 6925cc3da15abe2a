// What the operations that are not in the specification yet answer to requests that they must refuse: a table of them,
// with a valid body and the types of its fields, as every-operation and wrong-types have it of the specification's.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, test } from "node:test";
import { User, raw, v3 } from "../support/client.mjs";
import { World } from "../support/requests.mjs";
import { Server } from "../support/server.mjs";
import { checkError } from "../support/spec.mjs";

const unstable = "/_matrix/client/unstable/";
const encode = encodeURIComponent;
let server, world, mallory;
before(async () => {
  server = await Server.start();
  world = await World.create(server);
  mallory = await User.register(server);
});
after(() => server?.dispose());

const types = { string: 5, number: "five", boolean: "perhaps", array: "list", object: "thing" };
const slidingFields = {
  conn_id: "string", lists: "object", "lists.all": "object", "lists.all.timeline_limit": "number",
  "lists.all.filters": "object", "lists.all.filters.is_dm": "boolean", "lists.all.filters.room_types": "array",
  room_subscriptions: "object", extensions: "object",
  "extensions.e2ee": "object", "extensions.e2ee.enabled": "boolean", "extensions.to_device.limit": "number",
  "extensions.typing.rooms": "array", "extensions.receipts.lists": "array",
};
const dehydrated = `${unstable}org.matrix.msc3814.v1/dehydrated_device`;
const delayed = `${unstable}org.matrix.msc4140/delayed_events`;

/**
 * The operations: how they are called, what their paths and queries take, a valid body, and the types of its fields.
 * `open` ones need no token; `texts` are members of a query; `absent` is the status where there is nothing yet.
 */
const table = [
  { name: "sliding sync", method: "POST", path: `${unstable}org.matrix.simplified_msc3575/sync`,
    body: () => ({ lists: { all: { ranges: [[0, 1]], timeline_limit: 1, required_state: [], filters: {} } },
      extensions: { e2ee: { enabled: true }, to_device: {}, typing: {}, receipts: {} } }),
    fields: { ...slidingFields, "lists.all.ranges": "array", "lists.all.required_state": "array" },
    texts: ["pos", "timeout", "set_presence"] },
  { name: "sliding sync (v4)", method: "POST", path: "/_matrix/client/v4/sync",
    body: () => ({ lists: { all: { range: [0, 1], timeline_limit: 1, required_state: {}, filters: {} } },
      extensions: { e2ee: { enabled: true }, to_device: {}, typing: {}, receipts: {} } }),
    fields: { ...slidingFields, "lists.all.range": "array", "lists.all.required_state": "object", pos: "string",
      timeout: "number", set_presence: "string" } },
  { name: "delayed events", method: "GET", path: delayed },
  { name: "a delayed event", method: "POST", path: `${delayed}/{delayId}`, open: true,
    body: () => ({ action: "restart" }), fields: { action: "string" } },
  ...["restart", "send", "cancel"].map((action) => ({ name: `${action} a delayed event`, method: "POST",
    path: `${delayed}/{delayId}/${action}`, open: true, body: () => ({}) })),
  { name: "delay a message", method: "PUT", path: v3`rooms/` + "{roomId}/send/m.room.message/{txnId}",
    query: "org.matrix.msc4140.delay=60000", body: () => ({ msgtype: "m.text", body: "later" }),
    texts: ["org.matrix.msc4140.delay"], others: ["PUT"] },
  { name: "delay state", method: "PUT", path: v3`rooms/` + "{roomId}/state/org.example.state/{stateKey}",
    query: "org.matrix.msc4140.delay=60000", body: () => ({ a: 1 }), texts: ["org.matrix.msc4140.delay"],
    others: ["GET", "PUT"] },
  { name: "a dehydrated device", method: "GET", path: dehydrated, others: ["GET", "PUT", "DELETE"] },
  { name: "delete a dehydrated device", method: "DELETE", path: dehydrated, others: ["GET", "PUT", "DELETE"] },
  { name: "set a dehydrated device", method: "PUT", path: dehydrated, others: ["GET", "PUT", "DELETE"],
    body: () => ({ device_id: "DEHYDRATED", initial_device_display_name: "Dehydrated",
      device_data: { algorithm: "m.dehydration.v1.olm", account: "a" },
      device_keys: { user_id: world.alice.id, device_id: "DEHYDRATED", algorithms: [], signatures: {},
        keys: { "curve25519:DEHYDRATED": "a", "ed25519:DEHYDRATED": "a" } },
      one_time_keys: {}, fallback_keys: {} }),
    fields: { device_id: "string", initial_device_display_name: "string", device_data: "object",
      device_keys: "object", "device_keys.user_id": "string", one_time_keys: "object", fallback_keys: "object" } },
  { name: "a dehydrated device's messages", method: "GET", path: `${dehydrated}/{deviceId}/events`,
    texts: ["from", "limit"], others: ["GET", "POST"], absent: 403 },
  { name: "a dehydrated device's messages by POST", method: "POST", path: `${dehydrated}/{deviceId}/events`,
    body: () => ({}), fields: { next_batch: "string" }, others: ["GET", "POST"], absent: 403 },
  { name: "delete account data", method: "DELETE",
    path: `${unstable}org.matrix.msc3391/user/{userId}/account_data/{type}`, ofUser: true },
  { name: "delete account data of a room", method: "DELETE",
    path: `${unstable}org.matrix.msc3391/user/{userId}/rooms/{roomId}/account_data/{type}`, ofUser: true },
  { name: "transports of calls", method: "GET", path: `${unstable}org.matrix.msc4143/rtc/transports` },
  { name: "mutual rooms", method: "GET", path: `${unstable}uk.half-shot.msc2666/user/mutual_rooms`,
    query: () => `user_id=${encode(world.bob.id)}`, texts: ["user_id", "batch_token"] },
  ...["summary/{roomIdOrAlias}", "rooms/{roomIdOrAlias}/summary"].map((path) => ({ name: path, method: "GET",
    path: `${unstable}im.nheko.summary/${path}`, open: true, texts: ["via", "server_name"] })),
];

const parameters = ({ path }) => [...path.matchAll(/\{(\w+)\}/g)].map((found) => found[1]);
const filled = (operation, given = {}) => operation.path.replace(/\{(\w+)\}/g, (_, name) =>
  given[name] ?? encode({ delayId: "none", deviceId: "none" }[name] ?? world.inPath(name)));
const queryOf = ({ query }) => (typeof query === "function" ? query() : query);

function send(operation, { given, body = operation.body?.(), query = queryOf(operation), token } = {}) {
  const path = filled(operation, given);
  return raw(server, operation.method, query ? `${path}?${query}` : path, { token, body });
}

function refused(response, statuses, codes, what) {
  const told = `${what}: ${response.status} ${response.text.slice(0, 300)}`;
  assert.ok(statuses.includes(response.status), `${told}, expected ${statuses}`);
  if (codes) assert.ok(codes.includes(response.body?.errcode), `${told}, expected ${codes}`);
  assert.deepEqual(checkError(response.status, response.body), [], told);
}

/** Anything but an error of the server, and an error in the standard form. */
function handled(response, what) {
  const told = `${what}: ${response.status} ${response.text.slice(0, 300)}`;
  assert.ok(response.status < 500, told);
  if (response.status >= 400) assert.deepEqual(checkError(response.status, response.body), [], told);
}

function withField(body, [name, ...rest], value) {
  return { ...body, [name]: rest.length === 0 ? value : withField(body?.[name] ?? {}, rest, value) };
}

const strange = ['"\\u0000"', '"\\ud800"', '"\\udc00\\ud800"', '"\u{10ffff}"', JSON.stringify("x".repeat(70_000))];

for (const operation of table) {
  const { name } = operation;
  const token = () => world.alice.token;

  test(`${name}: who may call it`, async () => {
    const valid = await send(operation, { token: token() });
    handled(valid, "valid");
    assert.notEqual(valid.body?.errcode, "M_UNRECOGNIZED", valid.text);
    assert.ok([200, operation.absent ?? 404].includes(valid.status), valid.text);
    const nobody = await send(operation);
    if (operation.open) handled(nobody, "no token");
    else {
      refused(nobody, [401], ["M_MISSING_TOKEN"], "no token");
      refused(await send(operation, { token: "nobodys" }), [401], ["M_UNKNOWN_TOKEN"], "an unknown token");
    }
    if (operation.ofUser)
      refused(await send(operation, { token: mallory.token }), [403], ["M_FORBIDDEN"], "another user");
  });

  test(`${name}: other methods`, async () => {
    const known = operation.others ?? [operation.method];
    for (const method of ["GET", "POST", "PUT", "DELETE", "PATCH"].filter((each) => !known.includes(each))) {
      const body = method === "GET" ? undefined : {};
      refused(await raw(server, method, filled(operation), { token: token(), body }), [405], ["M_UNRECOGNIZED"],
        method);
    }
  });

  if (parameters(operation).length > 0) test(`${name}: ids of the wrong kind, overlong and unstorable`, async () => {
    for (const parameter of parameters(operation)) {
      for (const value of ["x", "!", "@alice", "#a", "$", "%40alice%3Ahybrid.test", "a".repeat(5000), "%00", "%ff%fe",
        "%F0%9F%92%A5", "..%2F..", "%zz"]) {
        handled(await send(operation, { token: token(), given: { [parameter]: value } }),
          `${parameter} ${value.slice(0, 40)}`);
      }
    }
  });

  if (operation.texts) test(`${name}: wrong, overlong and unstorable values in the query`, async () => {
    for (const text of operation.texts) {
      for (const value of ["", "x", "-1", "1.5", "99999999999999999999", "%00", "%ff", "%zz", "a".repeat(4000)]) {
        const others = (queryOf(operation) ?? "").split("&").filter((each) => each && !each.startsWith(`${text}=`));
        handled(await send(operation, { token: token(), query: [...others, `${text}=${value}`].join("&") }),
          `${text}=${value.slice(0, 40)}`);
      }
    }
  });

  if (operation.body) test(`${name}: a body that is no JSON object`, async () => {
    for (const [body, code] of [["{", "M_NOT_JSON"], ["\u0000", "M_NOT_JSON"],
      [Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), "M_NOT_JSON"], ["[]", "M_BAD_JSON"],
      ["5", "M_BAD_JSON"], ["null", "M_BAD_JSON"]]) {
      refused(await send(operation, { token: token(), body }), [400], [code], body);
    }
  });

  if (operation.fields) test(`${name}: a wrong type in each field`, async () => {
    const surprises = [];
    for (const [path, type] of Object.entries(operation.fields)) {
      const body = withField(operation.body(), path.split("."), types[type]);
      const response = await send(operation, { token: token(), body });
      const isRefused = response.status === 400 && checkError(400, response.body).length === 0;
      if (!isRefused) surprises.push(`${path}: ${response.status} ${response.text.slice(0, 200)}`);
    }
    assert.deepEqual(surprises, []);
  });

  const written = Object.entries(operation.fields ?? {}).filter(([, type]) => type === "string");
  if (written.length > 0) test(`${name}: any text in its fields`, async () => {
    for (const [path] of written) {
      for (const value of strange) {
        const body = JSON.stringify(withField(operation.body(), path.split("."), "MARK")).replace('"MARK"', value);
        handled(await send(operation, { token: token(), body }), `${path} = ${value.slice(0, 20)}`);
      }
    }
  });
}

test("a delayed event of a room that one is not in is refused", async () => {
  const roomId = encode(await world.alice.createsRoom());
  for (const operation of table.filter(({ name }) => name.startsWith("delay ")))
    refused(await send(operation, { token: mallory.token, given: { roomId, txnId: randomUUID() } }), [403],
      ["M_FORBIDDEN"], operation.name);
});

test("nobody else has a user's dehydrated device", async () => {
  const set = table.find(({ name }) => name === "set a dehydrated device");
  const deviceId = "DEHYDRATED";
  const stored = await send(set, { token: world.alice.token });
  assert.equal(stored.status, 200, stored.text);
  for (const operation of table.filter(({ path }) => path.startsWith(dehydrated) && path !== set.path))
    refused(await send(operation, { token: mallory.token, given: { deviceId } }), [403, 404],
      ["M_FORBIDDEN", "M_NOT_FOUND"], operation.name);
  refused(await send(set, { token: mallory.token }), [400], ["M_INVALID_PARAM"], "another user's keys");
});

test("the server goes on", async () => {
  await world.alice.get(v3`account/whoami`);
});
