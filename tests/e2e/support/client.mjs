// Requests to the server. Each response is validated against its schema.
import assert from "node:assert/strict";
import { createHmac, randomUUID } from "node:crypto";
import { Agent, request } from "node:http";
import { isDeepStrictEqual } from "node:util";
import { checkEventsOf } from "./events.mjs";
import { answered } from "./findings.mjs";
import * as spec from "./spec.mjs";

const agent = new Agent({ keepAlive: true, maxSockets: 64 });

/**
 * Sends one request and checks nothing. The path is sent as given; a body may be a string or bytes. What an operation
 * of the specification answered is recorded.
 */
export async function raw(server, method, path, options = {}) {
  const response = await send(server, method, path, options);
  if (spec.present) answered(spec.operationFor(method, path, options.body), path, response);
  return response;
}

function send(server, method, path, { token, body, headers = {} }) {
  const payload = body === undefined || typeof body === "string" || Buffer.isBuffer(body) ? body : JSON.stringify(body);
  return new Promise((done, failed) => {
    const asked = request(
      {
        host: "127.0.0.1",
        port: server.port,
        method,
        path,
        agent,
        headers: {
          ...(token ? { authorization: `Bearer ${token}` } : {}),
          ...(payload === undefined ? {}
            : { "content-type": "application/json", "content-length": Buffer.byteLength(payload) }),
          ...headers,
        },
      },
      (response) => {
        const parts = [];
        response.on("data", (part) => parts.push(part)).on("error", failed).on("end", () => {
          const text = Buffer.concat(parts).toString("utf8");
          let parsed;
          try {
            parsed = JSON.parse(text);
          } catch {
            parsed = undefined;
          }
          done({ status: response.statusCode, headers: new Headers(flat(response.headers)), text, body: parsed });
        });
      },
    );
    // A server may answer before it has read a body that is too large, and close the connection while we write.
    asked.on("socket", (socket) => {
      if (socket.listenerCount("error", ignore) === 0) socket.on("error", ignore);
    });
    asked.on("error", failed).end(payload);
  });
}

const ignore = () => {};
const flat = (headers) => Object.entries(headers).flatMap(([name, value]) => [value].flat().map((v) => [name, v]));

/** Sends one request of the specification; a response that does not match its schema fails the test. */
export async function call(server, method, path, options = {}) {
  const response = await raw(server, method, path, options);
  if (!spec.present) return response;
  const operation = spec.operationFor(method, path, options.body);
  assert.ok(operation, `${method} ${path} is not in the specification`);
  const found = spec.checkResponse(operation, response.status, response.headers, response.body);
  if (response.status === 200) found.push(...checkEventsOf(operation.id, path, response.body));
  assert.deepEqual(found, [], `${method} ${path} answered ${response.status} ${response.text.slice(0, 2000)}`);
  return response;
}

const encode = encodeURIComponent;

/** Fills a path as a template literal: v3`rooms/${roomId}/send/${type}/${txnId}`. */
const template = (base) => (parts, ...values) => base + String.raw({ raw: parts.map(String) }, ...values.map(encode));
export const v3 = template("/_matrix/client/v3/");
export const v1 = template("/_matrix/client/v1/");

/** A user with an access token. Its methods return the body of a 200 and fail on anything else. */
export class User {
  constructor(server, { user_id: id, access_token: token, device_id: deviceId }) {
    Object.assign(this, { server, id, token, deviceId });
  }

  /** Creates a user by shared-secret registration, with the password `password`. */
  static async register(
    server, name = `user-${randomUUID().slice(0, 8)}`, { admin = false, password = "password" } = {}) {
    const { nonce } = (await raw(server, "GET", "/_synapse/admin/v1/register")).body;
    const mac = createHmac("sha1", server.secret)
      .update([nonce, name, password, admin ? "admin" : "notadmin"].join("\0")).digest("hex");
    const made = await raw(
      server, "POST", "/_synapse/admin/v1/register", { body: { nonce, username: name, password, admin, mac } });
    assert.equal(made.status, 200, made.text);
    return new User(server, made.body);
  }

  /** The same user on another device. */
  async again(device = {}) {
    const body = { type: "m.login.password", identifier: { type: "m.id.user", user: this.id }, password: "password",
      ...device };
    return new User(this.server, (await call(this.server, "POST", v3`login`, { body })).body);
  }

  call(method, path, body) {
    return call(this.server, method, path, { token: this.token, body });
  }

  async ok(method, path, body) {
    const response = await this.call(method, path, body);
    assert.equal(response.status, 200, `${method} ${path}: ${response.text}`);
    return response.body;
  }

  /** Expects the request to be refused with this status and this code, or one of these codes. */
  async refused(status, errcode, method, path, body) {
    const response = await this.call(method, path, body);
    refusedWith(response, status, errcode, `${method} ${path} ${JSON.stringify(body)?.slice(0, 300)}`);
    return response.body;
  }

  get(path) {
    return this.ok("GET", path);
  }

  put(path, body = {}) {
    return this.ok("PUT", path, body);
  }

  post(path, body = {}) {
    return this.ok("POST", path, body);
  }

  delete(path, body) {
    return this.ok("DELETE", path, body);
  }

  async createsRoom(body = { preset: "private_chat" }) {
    return (await this.post(v3`createRoom`, body)).room_id;
  }

  async joins(roomId) {
    return (await this.post(v3`join/${roomId}`)).room_id;
  }

  invites(user, roomId) {
    return this.post(v3`rooms/${roomId}/invite`, { user_id: user.id });
  }

  async sends(roomId, body = "hello", { type = "m.room.message", txnId = randomUUID() } = {}) {
    const content = typeof body === "string" ? { msgtype: "m.text", body } : body;
    return (await this.put(v3`rooms/${roomId}/send/${type}/${txnId}`, content)).event_id;
  }

  async sets(roomId, type, stateKey, content) {
    return (await this.put(v3`rooms/${roomId}/state/${type}/${stateKey}`, content)).event_id;
  }

  state(roomId, type, stateKey = "") {
    return this.get(v3`rooms/${roomId}/state/${type}/${stateKey}`);
  }

  sync(parameters = {}) {
    const query = Object.entries(parameters).filter(([, v]) => v !== undefined)
      .map(([name, value]) => `${name}=${encode(typeof value === "object" ? JSON.stringify(value) : value)}`);
    return this.get(`/_matrix/client/v3/sync${query.length ? "?" : ""}${query.join("&")}`);
  }

  /** Syncs from a token until a condition holds, with long-polls as a client; returns that response. */
  async syncUntil(since, holds, parameters = {}) {
    const until = Date.now() + 30_000;
    for (let from = since; Date.now() < until;) {
      const response = await this.sync({ ...parameters, since: from, timeout: 2000 });
      if (holds(response)) return response;
      from = response.next_batch;
    }
    assert.fail(`${this.id} waited 30 seconds for ${holds}`);
  }

  async messages(roomId, query = "dir=b&limit=50") {
    return await this.get(`${v3`rooms/${roomId}/messages`}?${query}`);
  }
}

/** Expects a refusal with this status and one of these codes. */
export function refusedWith(response, status, errcode, what = "") {
  const told = `${what}: ${response.status} ${response.text}`;
  assert.equal(response.status, status, told);
  assert.ok([errcode].flat().includes(response.body?.errcode), `${told}, expected ${errcode}`);
}

/** User-interactive authentication by password: the first response is 401 with a session, the second the result. */
export async function withPassword(user, method, path, body = {}, password = "password") {
  const first = await user.call(method, path, body);
  assert.equal(first.status, 401, first.text);
  assert.ok(first.body.flows.some((f) => isDeepStrictEqual(f.stages, ["m.login.password"])), first.text);
  const auth = { type: "m.login.password", session: first.body.session,
    identifier: { type: "m.id.user", user: user.id }, password };
  return await user.call(method, path, { ...body, auth });
}

/** The events of one joined room's timeline in a sync response. */
export const timeline = (response, roomId) => response.rooms?.join?.[roomId]?.timeline?.events ?? [];

/** The state of one joined room in a sync response. */
export const stateOf = (response, roomId) => response.rooms?.join?.[roomId]?.state?.events ?? [];
