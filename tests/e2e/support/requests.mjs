// A request of each operation, as a client would make it: for the tests that try every operation.
import { randomBytes, randomUUID } from "node:crypto";
import { User, raw } from "./client.mjs";
import { parametersOf, readsJson } from "./spec.mjs";

/** Users, a room and things in it, whose ids stand in the requests. */
export class World {
  static async create(server) {
    const world = new World();
    world.server = server;
    [world.alice, world.bob] = [await User.register(server), await User.register(server)];
    world.admin = await User.register(server, undefined, { admin: true });
    world.roomId = await world.alice.createsRoom({ preset: "public_chat" });
    world.eventId = await world.alice.sends(world.roomId);
    const { filter_id: filterId } = await world.alice.post(
      `/_matrix/client/v3/user/${encodeURIComponent(world.alice.id)}/filter`, {});
    const { version } = await world.alice.post("/_matrix/client/v3/room_keys/version",
      { algorithm: "m.megolm_backup.v1.curve25519-aes-sha2", auth_data: { public_key: key(), signatures: {} } });
    const uploaded = await raw(server, "POST", "/_matrix/media/v3/upload",
      { token: world.alice.token, body: "text", headers: { "content-type": "text/plain" } });
    Object.assign(world, { filterId, version, mediaId: uploaded.body.content_uri.split("/").at(-1) });
    return world;
  }

  /** The user who calls an operation, by its id: some are for administrators. */
  callerOf(id) {
    return /^[gs]etAdmin/.test(id) ? this.admin : this.alice;
  }

  /** The value of a parameter in a path. */
  inPath(name) {
    return {
      userId: this.alice.id, roomId: this.roomId, eventId: this.eventId, roomIdOrAlias: this.roomId,
      roomAlias: `#a${randomUUID()}:${this.server.name}`, deviceId: this.alice.deviceId, filterId: this.filterId,
      version: this.version, type: "org.example.data", keyName: "displayname", kind: "override",
      ruleId: "org.example.rule", receiptType: "m.read", txnId: randomUUID(), eventType: "org.example.event",
      stateKey: "key", relType: "m.thread", tag: "u.x", protocol: "none", networkId: "none", appserviceId: "none",
      serverName: this.server.name, mediaId: this.mediaId, fileName: "a.txt", sessionId: "session", idpId: "none",
    }[name] ?? "none";
  }

  /** The value of a required parameter of a query. */
  inQuery(name) {
    return {
      url: "http://127.0.0.1:1/", width: 32, height: 32, version: this.version, from: "0", to: "0", dir: "f", ts: 0,
      user_id: this.bob.id, username: `u${randomUUID().slice(0, 8)}`, token: "none", alias: this.inPath("roomAlias"),
      userid: this.bob.id, room_id: this.roomId, redirectUrl: "https://client.example/",
    }[name] ?? "none";
  }
}

const key = () => randomBytes(32).toString("base64").replace(/=+$/, "");
const session = () => ({ first_message_index: 0, forwarded_count: 0, is_verified: false, session_data: {} });
const byMail = { client_secret: "secret", email: "a@example.org", send_attempt: 1 };
const byPhone = { client_secret: "secret", country: "GB", phone_number: "07700900001", send_attempt: 1 };
const byIdentityServer = { id_server: "id.example.org", id_access_token: "none", sid: "1", client_secret: "secret" };

/** Bodies of operations that need members; the others read an empty object. */
const bodies = {
  setAccountData: () => ({ a: 1 }),
  login: (world) => ({ type: "m.login.password", password: "password",
    identifier: { type: "m.id.user", user: world.alice.id } }),
  register: () => ({ username: `u${randomUUID().slice(0, 8)}`, password: "passphrase" }),
  refresh: () => ({ refresh_token: "none" }),
  changePassword: () => ({ new_password: "another password" }),
  updateDevice: () => ({ display_name: "x" }),
  deleteDevices: () => ({ devices: ["NONE"] }),
  inviteUser: (world) => ({ user_id: world.bob.id }),
  inviteBy3PID: () => ({ id_server: "id.example.org", id_access_token: "none", medium: "email",
    address: "a@example.org" }),
  kick: (world) => ({ user_id: world.bob.id }),
  ban: (world) => ({ user_id: world.bob.id }),
  unban: (world) => ({ user_id: world.bob.id }),
  setReadMarker: (world) => ({ "m.fully_read": world.eventId }),
  setTyping: () => ({ typing: true, timeout: 10 }),
  setRoomAlias: (world) => ({ room_id: world.roomId }),
  setRoomTag: () => ({ order: 0.5 }),
  setRoomVisibilityOnDirectory: () => ({ visibility: "private" }),
  updateAppserviceRoomDirectoryVisibility: () => ({ visibility: "private" }),
  setPushRule: () => ({ actions: ["notify"], conditions: [], pattern: "x" }),
  setPushRuleEnabled: () => ({ enabled: true }),
  setPushRuleActions: () => ({ actions: ["notify"] }),
  queryKeys: () => ({ device_keys: {} }),
  claimKeys: () => ({ one_time_keys: {} }),
  sendToDevice: () => ({ messages: {} }),
  setProfileField: () => ({ displayname: "A" }),
  sendMessage: () => ({ msgtype: "m.text", body: "x" }),
  setRoomStateWithKey: () => ({ a: "b" }),
  postRoomKeysVersion: () => ({ algorithm: "m.megolm_backup.v1.curve25519-aes-sha2",
    auth_data: { public_key: key(), signatures: {} } }),
  putRoomKeysVersion: (world) => ({ algorithm: "m.megolm_backup.v1.curve25519-aes-sha2", version: world.version,
    auth_data: { public_key: key(), signatures: {} } }),
  putRoomKeyBySessionId: session,
  putRoomKeysByRoomId: () => ({ sessions: { session: session() } }),
  putRoomKeys: (world) => ({ rooms: { [world.roomId]: { sessions: { session: session() } } } }),
  search: () => ({ search_categories: { room_events: { search_term: "hello" } } }),
  searchUserDirectory: () => ({ search_term: "a" }),
  upgradeRoom: () => ({ new_version: "11" }),
  setPresence: () => ({ presence: "online", status_msg: "here" }),
  reportEvent: () => ({ reason: "spam" }),
  reportRoom: () => ({ reason: "spam" }),
  reportUser: () => ({ reason: "spam" }),
  postPusher: () => ({ app_display_name: "App", app_id: "org.example.app", device_display_name: "Phone", kind: "http",
    lang: "en", pushkey: "key", data: { url: "https://push.example.org/_matrix/push/v1/notify" } }),
  setAdminSuspendUser: () => ({ suspended: false }),
  setAdminLockUser: () => ({ locked: false }),
  post3PIDs: () => ({ three_pid_creds: byIdentityServer }),
  add3PID: () => ({ client_secret: "secret", sid: "1" }),
  bind3PID: () => byIdentityServer,
  delete3pidFromAccount: () => ({ medium: "email", address: "a@example.org" }),
  unbind3pidFromAccount: () => ({ medium: "email", address: "a@example.org" }),
  requestTokenTo3PIDEmail: () => byMail,
  requestTokenToResetPasswordEmail: () => byMail,
  requestTokenToRegisterEmail: () => byMail,
  requestTokenTo3PIDMSISDN: () => byPhone,
  requestTokenToResetPasswordMSISDN: () => byPhone,
  requestTokenToRegisterMSISDN: () => byPhone,
};

/** Operations that end the session, the account or the membership of their caller. */
export const ending = new Set(["logout", "logout_all", "deactivateAccount", "deleteDevice", "deleteDevices",
  "leaveRoom", "forgetRoom", "upgradeRoom", "changePassword", "kick", "ban"]);

/** A request of an operation: its method, path and body. `given` replaces parameters of the path. */
export function requestOf(operation, world, given = {}) {
  const path = operation.template.replace(/\{([^}]+)\}/g, (_, name) =>
    given[name] ?? encodeURIComponent(world.inPath(name)));
  const query = parametersOf(operation, "query").filter((parameter) => parameter.required)
    .map(({ name }) => `${name}=${encodeURIComponent(world.inQuery(name))}`);
  const body = readsJson(operation) ? (bodies[operation.id]?.(world) ?? {})
    : operation.operation.requestBody ? "bytes" : undefined;
  return { method: operation.method, path: query.length === 0 ? path : `${path}?${query.join("&")}`, body };
}
