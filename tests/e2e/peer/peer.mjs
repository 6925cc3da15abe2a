// A small federation server that shares no code with ours: it joins rooms, takes and sends events, and answers for its
// rooms.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer, request } from "node:https";
import { received, recordingSent } from "../support/findings.mjs";
import { idOf, isSigned, namedIn, SigningKey, without } from "./pdu.mjs";
import { Room } from "./room.mjs";

const federation = "/_matrix/federation";

export class Peer {
  constructor(authority, port) {
    this.name = `127.0.0.1:${port}`;
    this.key = new SigningKey();
    this.authority = authority;
    this.rooms = new Map();
    this.waiting = [];
    this.requests = [];
    this.problems = [];
    this.serverKeys = {};
    this.ids = 0;
    const { certificate, key } = authority.issue("peer", "127.0.0.1");
    this.server = createServer({ cert: readFileSync(certificate), key: readFileSync(key) }, (incoming, response) => {
      this.#serve(incoming).catch((error) => {
        this.problems.push(String(error.stack));
        return [500, { errcode: "M_UNKNOWN", error: String(error) }];
      }).then(([status, json]) => {
        response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(json));
      });
    });
    recordingSent(this.server);
    this.port = port;
  }

  start() {
    return new Promise((done) => this.server.listen(this.port, "127.0.0.1", done));
  }

  dispose() {
    this.server.closeAllConnections();
    return new Promise((done) => this.server.close(done));
  }

  newEventId() {
    return `$${++this.ids}:${this.name}`;
  }

  userId(name) {
    return `@${name}:${this.name}`;
  }

  /** Sends a signed request to our server; fails unless it answers 200. */
  async call(server, method, uri, content) {
    const signed = this.key.signed(this.name, { method, uri, origin: this.name, destination: server, content });
    const signature = signed.signatures[this.name][this.key.id];
    const authorization = `X-Matrix origin="${this.name}",destination="${server}",key="${this.key.id}",`
      + `sig="${signature}"`;
    const response = await this.#request(server, method, uri, content, { authorization });
    assert.equal(response.status, 200, `${method} ${uri}: ${JSON.stringify(response.body)}`);
    return response.body;
  }

  /** Our server's keys, checked. */
  async fetchKeys(server) {
    const { body } = await this.#request(server, "GET", "/_matrix/key/v2/server");
    const keys = Object.fromEntries(Object.entries(body.verify_keys).map(([id, { key }]) => [id, key]));
    assert.ok(isSigned(server, keys, body), "the server's keys are not signed by them");
    this.serverKeys[server] = keys;
  }

  /** Joins a room, and checks the state and auth chain that our server sends. */
  async join(server, roomId, user) {
    const path = `${encodeURIComponent(roomId)}/${encodeURIComponent(user)}`;
    const supported = Array.from({ length: 12 }, (_, i) => `ver=${i + 1}`).join("&");
    const { event, room_version: version } = await this.call(
      server, "GET", `${federation}/v1/make_join/${path}?${supported}`);
    const template = { ...event, origin_server_ts: Date.now() };
    if (Number(version) <= 2) template.event_id = this.newEventId();
    const join = this.key.signedEvent(this.name, version, without(template, "hashes", "signatures", "unsigned"));
    const room = new Room(this, roomId, version);
    const id = encodeURIComponent(idOf(version, join));
    const answer = await this.call(
      server, "PUT", `${federation}/v2/send_join/${encodeURIComponent(roomId)}/${id}`, join);

    // The whole history is fetched, so that the state before each event is known.
    const history = await this.#history(server, roomId, namedIn(version, join.prev_events));
    for (const event of history) assert.ok(room.receive(event, server, this.serverKeys[server]), "history has a gap");
    assert.deepEqual(answer.state.map((each) => idOf(version, each)).sort(), room.stateIdsBefore(join));
    assert.equal(room.receive(join, this.name, { [this.key.id]: this.key.public }), idOf(version, join));
    this.rooms.set(roomId, room);
    await this.#retry();
    return room;
  }

  /** The events up to some, back to the room's creation, oldest first. */
  async #history(server, roomId, latest) {
    const query = latest.map((id) => `v=${encodeURIComponent(id)}`).join("&");
    const { pdus } = await this.call(
      server, "GET", `${federation}/v1/backfill/${encodeURIComponent(roomId)}?limit=100&${query}`);
    return pdus.sort((a, b) => a.depth - b.depth);
  }

  /** Creates a public room with a message, of whose join our server's users may ask. */
  create(version, user) {
    const old = Number(version) < 11;
    const isFirst = Number(version) >= 12;
    const room = new Room(this, isFirst ? undefined : `!${++this.ids}:${this.name}`, version);
    const state = (type, content, stateKey = "") => room.make(user, type, content, { stateKey });
    const create = state("m.room.create", { room_version: version, ...(old ? { creator: user } : {}) });
    if (isFirst) room.roomId = `!${idOf(version, create).slice(1)}`;
    state("m.room.member", { membership: "join" }, user);
    state("m.room.power_levels", { users: isFirst ? {} : { [user]: 100 } });
    state("m.room.join_rules", { join_rule: "public" });
    state("m.room.history_visibility", { history_visibility: "shared" });
    this.rooms.set(room.roomId, room);
    return room;
  }

  /** Sends events in one transaction; fails if our server refuses one. */
  async send(server, ...events) {
    const body = { origin: this.name, origin_server_ts: Date.now(), pdus: events };
    const { pdus } = await this.call(server, "PUT", `${federation}/v1/send/${++this.ids}`, body);
    assert.deepEqual(Object.values(pdus), events.map(() => ({})));
  }

  async #serve(incoming) {
    const parts = [];
    for await (const part of incoming) parts.push(part);
    const text = Buffer.concat(parts).toString("utf8");
    const body = text === "" ? undefined : JSON.parse(text);
    const { pathname: path, searchParams: query } = new URL(incoming.url, "https://peer");
    if (path === "/_matrix/key/v2/server") return [200, this.#keys()];
    const problem = this.#unauthorized(incoming, body);
    if (problem) return [401, { errcode: "M_UNAUTHORIZED", error: problem }];

    const [, , , , operation, ...ids] = path.split("/").map(decodeURIComponent);
    this.requests.push(operation);
    if (operation === "send") return [200, await this.#receive(body)];
    const room = this.rooms.get(ids[0]);
    if (operation === "event") return this.#event(ids[0]);
    if (!room) return [404, { errcode: "M_NOT_FOUND", error: "no such room" }];
    switch (operation) {
      case "get_missing_events":
        return [200, { events: this.#before(room, body.latest_events, body.earliest_events, body.limit) }];
      case "backfill": return [200, this.#pdus(this.#from(room, query.getAll("v"), Number(query.get("limit"))))];
      case "state_ids": return this.#stateIds(room, query.get("event_id"));
      case "state": return this.#state(room, query.get("event_id"));
      case "make_join": return this.#makeJoin(room, ids[1]);
      case "send_join": return this.#sendJoin(room, body);
      default: return [404, { errcode: "M_UNRECOGNIZED", error: operation }];
    }
  }

  #keys() {
    return this.key.signed(this.name, {
      server_name: this.name,
      verify_keys: { [this.key.id]: { key: this.key.public } },
      old_verify_keys: {},
      valid_until_ts: Date.now() + 86_400_000,
    });
  }

  /** What is wrong with a request's signature. */
  #unauthorized(incoming, content) {
    const header = incoming.headers.authorization ?? "";
    const field = (name) => header.match(new RegExp(`[ ,]${name}="?([^",]+)"?`))?.[1];
    const origin = field("origin");
    if (field("destination") !== this.name) return "another destination";
    const json = { method: incoming.method, uri: incoming.url, origin, destination: this.name, content,
      signatures: { [origin]: { [field("key")]: field("sig") } } };
    return isSigned(origin, this.serverKeys[origin] ?? {}, json) ? undefined : `not signed by ${origin}`;
  }

  async #receive({ origin, pdus = [] }) {
    const answer = {};
    for (const pdu of pdus) {
      const room = this.rooms.get(pdu.room_id);
      if (!room) continue;
      answer[idOf(room.version, pdu)] = {};
      this.waiting.push([room, pdu, origin]);
    }
    await this.#retry();
    return { pdus: answer };
  }

  /** Takes waiting events whose previous ones are there. */
  async #retry() {
    for (let taken = true; taken;) {
      taken = false;
      for (const [room, pdu, origin] of this.waiting.splice(0)) {
        const known = room.after.has(idOf(room.version, pdu));
        if (known || room.receive(pdu, origin, this.serverKeys[origin])) taken = true;
        else this.waiting.push([room, pdu, origin]);
      }
    }
  }

  #pdus(pdus) {
    return { origin: this.name, origin_server_ts: Date.now(), pdus };
  }

  #event(id) {
    const found = [...this.rooms.values()].map((room) => room.events.get(id)).find((event) => event);
    return found ? [200, this.#pdus([found])] : [404, { errcode: "M_NOT_FOUND", error: "no such event" }];
  }

  /** Events from some on, these first, the newest first, without some and what is before these. */
  #from(room, ids, limit, end = []) {
    const found = [];
    const seen = new Set(end);
    for (let level = ids; level.length > 0 && found.length < limit;) {
      const next = [];
      for (const id of level) {
        const event = room.events.get(id);
        if (!event || seen.has(id) || !room.after.has(id)) continue;
        seen.add(id);
        found.push(event);
        next.push(...namedIn(room.version, event.prev_events));
      }
      level = next;
    }
    return found.slice(0, limit);
  }

  #before(room, latest, earliest, limit) {
    const previous = latest.flatMap((id) => namedIn(room.version, room.events.get(id)?.prev_events ?? []));
    return this.#from(room, previous, limit, earliest).reverse();
  }

  #parts(room, id) {
    const before = room.stateBefore(room.events.get(id));
    const state = [...before.values()];
    const chain = room.authChain(state.map((event) => idOf(room.version, event)));
    return { state, chain: [...chain].map((each) => room.events.get(each)) };
  }

  #stateIds(room, id) {
    const { state, chain } = this.#parts(room, id);
    const ids = (events) => events.map((event) => idOf(room.version, event));
    return [200, { pdu_ids: ids(state), auth_chain_ids: ids(chain) }];
  }

  #state(room, id) {
    const { state, chain } = this.#parts(room, id);
    return [200, { pdus: state, auth_chain: chain }];
  }

  #makeJoin(room, user) {
    const join = room.template(user, "m.room.member", { membership: "join" }, { stateKey: user });
    return [200, { room_version: room.version, event: join }];
  }

  #sendJoin(room, join) {
    const origin = join.sender.slice(join.sender.indexOf(":") + 1);
    const before = room.stateBefore(join);
    const id = room.receive(join, origin, this.serverKeys[origin]);
    assert.ok(id, "the join is after events that nobody knows");
    const state = [...before.values()];
    const chain = room.authChain([id, ...state.map((event) => idOf(room.version, event))]);
    const authChain = [...chain].map((each) => room.events.get(each));
    return [200, { origin: this.name, event: join, state, auth_chain: authChain }];
  }

  #request(server, method, path, content, headers = {}) {
    const [host, port] = server.split(":");
    const payload = content === undefined ? undefined : JSON.stringify(content);
    return new Promise((done, failed) => {
      const asked = request({
        host, port, method, path, ca: this.authority.certificate,
        headers: { ...headers, ...(payload === undefined ? {} : { "content-type": "application/json" }) },
      }, (response) => {
        const parts = [];
        response.on("data", (part) => parts.push(part)).on("error", failed).on("end", () => {
          received(method, path, response.statusCode);
          done({ status: response.statusCode, body: JSON.parse(Buffer.concat(parts).toString("utf8")) });
        });
      });
      asked.on("error", failed).end(payload);
    });
  }
}
