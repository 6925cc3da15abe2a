// Keys for end-to-end encryption as plain requests: upload, query, claim, signatures, changed device lists.
import assert from "node:assert/strict";
import { createPrivateKey, createPublicKey, generateKeyPairSync, sign } from "node:crypto";
import { after, before, test } from "node:test";
import { User, refusedWith, v3, withPassword } from "../support/client.mjs";
import { Server } from "../support/server.mjs";

let server;
before(async () => (server = await Server.start()));
after(() => server?.dispose());

const unpadded = (bytes) => Buffer.from(bytes).toString("base64").replace(/=+$/, "");
const canonical = (value) => Array.isArray(value) ? `[${value.map(canonical)}]`
  : value !== null && typeof value === "object"
    ? `{${Object.keys(value).sort().map((k) => `${JSON.stringify(k)}:${canonical(value[k])}`)}}`
    : JSON.stringify(value);

/** An Ed25519 key pair: its public half as Matrix writes it, and a function that signs an object. */
function key() {
  const { privateKey } = generateKeyPairSync("ed25519");
  const jwk = createPublicKey(createPrivateKey(privateKey.export({ type: "pkcs8", format: "pem" })))
    .export({ format: "jwk" });
  return {
    name: unpadded(Buffer.from(jwk.x, "base64url")),
    signature: ({ signatures, unsigned, ...rest }) => unpadded(sign(null, Buffer.from(canonical(rest)), privateKey)),
  };
}

function signed(object, userId, keyId, by) {
  return { ...object,
    signatures: { ...object.signatures, [userId]: { ...object.signatures?.[userId], [keyId]: by.signature(object) } } };
}

function deviceKeys(user, identity) {
  const keys = {
    user_id: user.id,
    device_id: user.deviceId,
    algorithms: ["m.olm.v1.curve25519-aes-sha2", "m.megolm.v1.aes-sha2"],
    keys: { [`curve25519:${user.deviceId}`]: key().name, [`ed25519:${user.deviceId}`]: identity.name },
  };
  return signed(keys, user.id, `ed25519:${user.deviceId}`, identity);
}

const oneTime = (user, identity, more = {}) =>
  signed({ key: key().name, ...more }, user.id, `ed25519:${user.deviceId}`, identity);

async function withDeviceKeys() {
  const user = await User.register(server);
  const identity = key();
  await user.post(v3`keys/upload`, { device_keys: deviceKeys(user, identity) });
  return { user, identity };
}

test("uploaded device keys are returned by a query", async () => {
  const { user } = await withDeviceKeys();
  const bob = await User.register(server);
  await user.put(v3`devices/${user.deviceId}`, { display_name: "Desk" });
  const found = await bob.post(v3`keys/query`, { device_keys: { [user.id]: [] } });
  const keys = found.device_keys[user.id][user.deviceId];
  assert.equal(keys.device_id, user.deviceId);
  assert.ok(keys.signatures[user.id]);
  const none = await bob.post(v3`keys/query`, { device_keys: { [user.id]: ["OTHER"] } });
  assert.deepEqual(none.device_keys[user.id] ?? {}, {});
  const other = { ...deviceKeys(user, key()), device_id: "OTHER" };
  const wrong = await user.call("POST", v3`keys/upload`, { device_keys: other });
  assert.equal(wrong.status, 400, "keys of another device");
  assert.equal(
    (await bob.call("POST", v3`keys/upload`, { device_keys: deviceKeys(user, key()) })).status, 400,
    "keys of another user");
});

test("each one-time key is claimed once; then the fallback key is returned, again and again", async () => {
  const { user, identity } = await withDeviceKeys();
  const bob = await User.register(server);
  const uploaded = await user.post(v3`keys/upload`, {
    one_time_keys: { "signed_curve25519:A": oneTime(user, identity), "signed_curve25519:B": oneTime(user, identity) },
    fallback_keys: { "signed_curve25519:F": oneTime(user, identity, { fallback: true }) },
  });
  assert.equal(uploaded.one_time_key_counts.signed_curve25519, 2);
  assert.equal((await user.sync()).device_one_time_keys_count.signed_curve25519, 2);
  assert.deepEqual((await user.sync()).device_unused_fallback_key_types, ["signed_curve25519"]);
  const claim = async () =>
    Object.keys(
    (await bob.post(v3`keys/claim`, { one_time_keys: { [user.id]: { [user.deviceId]: "signed_curve25519" } } }))
    .one_time_keys[user.id][user.deviceId])[0];
  assert.deepEqual(new Set([await claim(), await claim()]), new Set(["signed_curve25519:A", "signed_curve25519:B"]));
  assert.equal(await claim(), "signed_curve25519:F");
  assert.equal(await claim(), "signed_curve25519:F");
  assert.deepEqual((await user.sync()).device_unused_fallback_key_types, []);
  assert.equal((await user.sync()).device_one_time_keys_count.signed_curve25519 ?? 0, 0);
  const nobody = await bob.post(
    v3`keys/claim`, { one_time_keys: { "@nobody:hybrid.test": { X: "signed_curve25519" } } });
  assert.deepEqual(nobody.one_time_keys["@nobody:hybrid.test"] ?? {}, {});
});

test("concurrent claims get different keys", async () => {
  const { user, identity } = await withDeviceKeys();
  const keys = Object.fromEntries(
    Array.from({ length: 20 }, (_, i) => [`signed_curve25519:K${i}`, oneTime(user, identity)]));
  await user.post(v3`keys/upload`, { one_time_keys: keys });
  const bob = await User.register(server);
  const claims = await Promise.all(Array.from({ length: 20 }, () =>
    bob.post(v3`keys/claim`, { one_time_keys: { [user.id]: { [user.deviceId]: "signed_curve25519" } } })));
  const given = claims.map((c) => Object.keys(c.one_time_keys[user.id][user.deviceId])[0]);
  assert.equal(new Set(given).size, 20);
});

test("the same key may be uploaded again, but a key id never means two keys", async () => {
  const { user, identity } = await withDeviceKeys();
  const one = { "signed_curve25519:A": oneTime(user, identity) };
  await user.post(v3`keys/upload`, { one_time_keys: one });
  await user.post(v3`keys/upload`, { one_time_keys: one });
  const other = await user.call(
    "POST", v3`keys/upload`, { one_time_keys: { "signed_curve25519:A": oneTime(user, identity) } });
  assert.equal(other.status, 400, other.text);
});

async function crossSigned() {
  const made = await withDeviceKeys();
  const { user } = made;
  const [master, self, others] = [key(), key(), key()];
  const crossKey = (usage, by) => ({ user_id: user.id, usage: [usage], keys: { [`ed25519:${by.name}`]: by.name } });
  const body = {
    master_key: crossKey("master", master),
    self_signing_key: signed(crossKey("self_signing", self), user.id, `ed25519:${master.name}`, master),
    user_signing_key: signed(crossKey("user_signing", others), user.id, `ed25519:${master.name}`, master),
  };
  return { ...made, master, self, others, body, crossKey };
}

test("cross-signing keys are uploaded, seen by the right users, and replaced only with authentication", async () => {
  const { user, body, crossKey, master, self } = await crossSigned();
  const bob = await User.register(server);
  const first = await user.call("POST", v3`keys/device_signing/upload`, body);
  const done = first.status === 401 ? await withPassword(user, "POST", v3`keys/device_signing/upload`, body) : first;
  assert.equal(done.status, 200, done.text);
  await user.post(v3`keys/device_signing/upload`, body);
  const query = { device_keys: { [user.id]: [] } };
  const own = await user.post(v3`keys/query`, query);
  assert.ok(own.master_keys[user.id] && own.self_signing_keys[user.id] && own.user_signing_keys[user.id]);
  const seen = await bob.post(v3`keys/query`, query);
  assert.ok(seen.master_keys[user.id] && seen.self_signing_keys[user.id]);
  assert.equal(seen.user_signing_keys?.[user.id], undefined, "the user-signing key is its owner's");

  const stranger = key();
  const replaced = await user.call(
    "POST", v3`keys/device_signing/upload`, { master_key: crossKey("master", stranger) });
  assert.equal(replaced.status, 401, "other keys ask for the password");
  const unsigned = { self_signing_key: signed(
    crossKey("self_signing", key()), user.id, `ed25519:${master.name}`, self) };
  const refused = await withPassword(user, "POST", v3`keys/device_signing/upload`, unsigned)
    .catch((problem) => problem);
  if (!(refused instanceof Error)) refusedWith(refused, 400, "M_INVALID_SIGNATURE");
});

test("signatures by the right keys are stored, others are returned as failures", async () => {
  const { user, identity, body, self } = await crossSigned();
  const first = await user.call("POST", v3`keys/device_signing/upload`, body);
  if (first.status === 401) await withPassword(user, "POST", v3`keys/device_signing/upload`, body);
  const device = deviceKeys(user, identity);
  await user.post(v3`keys/upload`, { device_keys: device });
  const bySelf = signed({ ...device, signatures: {} }, user.id, `ed25519:${self.name}`, self);
  const kept = await user.post(v3`keys/signatures/upload`, { [user.id]: { [user.deviceId]: bySelf } });
  assert.deepEqual(kept.failures ?? {}, {});
  const found = (await user.post(
    v3`keys/query`, { device_keys: { [user.id]: [] } })).device_keys[user.id][user.deviceId];
  assert.ok(found.signatures[user.id][`ed25519:${self.name}`]);
  assert.ok(found.signatures[user.id][`ed25519:${user.deviceId}`], "the device's own signature stays");
  const forged = { ...bySelf, signatures: { [user.id]: { [`ed25519:${self.name}`]: unpadded(Buffer.alloc(64)) } } };
  const failed = await user.post(v3`keys/signatures/upload`, { [user.id]: { [user.deviceId]: forged } });
  assert.ok(failed.failures[user.id][user.deviceId].errcode);
});

test("users who share a room get changed device lists, in sync and between two tokens", async () => {
  const { user } = await withDeviceKeys();
  const bob = await User.register(server);
  const stranger = await User.register(server);
  const roomId = await bob.createsRoom({ preset: "public_chat" });
  const before = (await bob.sync()).next_batch;
  const far = (await stranger.sync()).next_batch;
  await user.joins(roomId);
  const joined = await bob.sync({ since: before });
  assert.ok(joined.device_lists.changed.includes(user.id), "someone new to watch");
  await user.post(v3`keys/upload`, { device_keys: deviceKeys(user, key()) });
  const changed = await bob.sync({ since: joined.next_batch });
  assert.deepEqual(changed.device_lists.changed, [user.id]);
  assert.deepEqual((await stranger.sync({ since: far })).device_lists?.changed ?? [], []);
  await user.post(v3`rooms/${roomId}/leave`);
  const left = await bob.sync({ since: changed.next_batch });
  assert.deepEqual(left.device_lists.left, [user.id]);
  const span = await bob.get(
    `${v3`keys/changes`}?from=${encodeURIComponent(joined.next_batch)}&to=${encodeURIComponent(left.next_batch)}`);
  assert.deepEqual([span.changed, span.left], [[], [user.id]]);
  await bob.refused(400, ["M_INVALID_PARAM", "M_MISSING_PARAM"], "GET", v3`keys/changes`);
});
