// Someone with a standard client: matrix-js-sdk with its Rust crypto, keys held in memory (Node has no IndexedDB).
import assert from "node:assert/strict";
import { once } from "node:events";
import { call, v3 } from "../support/client.mjs";

// The SDK logs a lot to the console.
for (const level of ["trace", "debug", "log", "info", "warn"]) console[level] = () => {};

const sdk = await import("matrix-js-sdk");
const { CryptoEvent, VerifierEvent } = await import("matrix-js-sdk/lib/crypto-api/index.js");
const { SlidingSync } = await import("matrix-js-sdk/lib/sliding-sync.js");
export { SlidingSync, sdk };

const patience = 30_000;

/** Waits until a function returns a value, calling it again at each event of the client. */
export async function until(what, look) {
  for (const start = Date.now(); Date.now() - start < patience; await new Promise((r) => setTimeout(r, 25))) {
    const found = await look();
    if (found) return found;
  }
  assert.fail(`waited ${patience / 1000} s for: ${what}`);
}

export class Person {
  constructor(client, password) {
    Object.assign(this, { client, password, id: client.getUserId(), deviceId: client.getDeviceId() });
  }

  /** Registers through the SDK, as a client's registration page does. */
  static async registers(server, username, options = {}, password = "a long password") {
    const visitor = sdk.createClient({ baseUrl: server.url });
    let session;
    const made = await visitor.registerRequest(
      { username, password, initial_device_display_name: `${username}'s client` }).catch((refusal) => {
      assert.equal(refusal.httpStatus, 401, refusal.message);
      session = refusal.data.session;
      return visitor.registerRequest({ username, password, auth: { type: "m.login.dummy", session } });
    });
    return await Person.starts(server, made, password, options);
  }

  /** The same person on another device. */
  static async logsIn(server, username, options = {}, password = "a long password") {
    const made = await sdk.createClient({ baseUrl: server.url }).loginRequest({
      type: "m.login.password", identifier: { type: "m.id.user", user: username }, password,
    });
    return await Person.starts(server, made, password, options);
  }

  /**
   * Starts a client and waits for its first sync. Without `crypto` it does not encrypt; `syncs` makes a sliding sync
   * of the client; `cryptoCallbacks` are the SDK's.
   */
  static async starts(
    server, { user_id: userId, device_id: deviceId, access_token: accessToken }, password,
    { crypto = true, syncs, cryptoCallbacks } = {}) {
    const client = sdk.createClient(
      { baseUrl: server.url, userId, deviceId, accessToken, timelineSupport: true, cryptoCallbacks });
    if (crypto) await client.initRustCrypto({ useIndexedDB: false });
    const person = new Person(client, password);
    const ready = new Promise((done) => client.on(sdk.ClientEvent.Sync, (state) => state === "PREPARED" && done()));
    await client.startClient({
      lazyLoadMembers: true, threadSupport: true, initialSyncLimit: 20, pollTimeout: 5000, slidingSync: syncs?.(client),
    });
    await ready;
    return person;
  }

  get crypto() {
    return this.client.getCrypto();
  }

  stops() {
    this.client.stopClient();
  }

  /** Creates the master, self-signing and user-signing keys, and signs this device with them. */
  async bootstrapsCrossSigning() {
    await this.crypto.bootstrapCrossSigning({
      authUploadDeviceSigningKeys: (upload) => upload(null).catch((refusal) => upload({
        type: "m.login.password", session: refusal.data.session, identifier: { type: "m.id.user", user: this.id },
          password: this.password,
      })),
    });
    assert.equal(await this.crypto.isCrossSigningReady(), true);
  }

  async createsEncryptedRoom(options = {}) {
    const { room_id: roomId } = await this.client.createRoom({
      preset: "private_chat",
      initial_state: [{ type: "m.room.encryption", state_key: "", content: { algorithm: "m.megolm.v1.aes-sha2" } }],
      ...options,
    });
    return roomId;
  }

  /** The room, once this client knows it with this membership. */
  sees(roomId, membership = "join") {
    return until(`${this.id} sees ${roomId} as ${membership}`, () => {
      const room = this.client.getRoom(roomId);
      return room?.getMyMembership() === membership ? room : undefined;
    });
  }

  async joins(roomId) {
    await this.sees(roomId, "invite").catch(() => undefined);
    await this.client.joinRoom(roomId);
    return await this.sees(roomId);
  }

  /** Waits until this client knows that the other is in the room: from then on it encrypts for them. */
  knowsOf(other, roomId) {
    return until(
      `${this.id} knows that ${other.id} joined`,
      () => this.client.getRoom(roomId)?.getMember(other.id)?.membership === "join");
  }

  async sends(roomId, body) {
    return (await this.client.sendTextMessage(roomId, body)).event_id;
  }

  /** Sends a message that mentions somebody. */
  async mentions(other, roomId, body) {
    const content = { msgtype: "m.text", body, "m.mentions": { user_ids: [other.id] } };
    return (await this.client.sendMessage(roomId, content)).event_id;
  }

  event(roomId, eventId) {
    return this.client.getRoom(roomId)?.findEventById(eventId);
  }

  /** The text of an encrypted message, once it has come and was decrypted. */
  async reads(roomId, eventId) {
    const event = await until(`${this.id} on ${this.deviceId} decrypts ${eventId}`, () => {
      const found = this.event(roomId, eventId);
      return found && !found.isBeingDecrypted() && !found.isDecryptionFailure() && found.getClearContent() ? found
        : undefined;
    });
    assert.equal(event.getWireType(), "m.room.encrypted");
    return event.getContent().body;
  }

  /** Waits for an event of a room that is not encrypted. */
  gets(roomId, eventId) {
    return until(`${this.id} gets ${eventId}`, () => this.event(roomId, eventId));
  }

  /** Verifies another device by emoji: both show the same ones and confirm. */
  async verifies(other, request) {
    const [theirs] = await Promise.all([once(other.client, CryptoEvent.VerificationRequestReceived), request])
      .then(([[r]]) => [r]);
    const mine = await request;
    await theirs.accept();
    await until("the request is accepted", () => mine.phase === 3);
    const verifier = await mine.startVerification("m.sas.v1");
    const confirm = (v) => new Promise((done, failed) => {
      const shows = (sas) => {
        sas.confirm().catch(failed);
        done(sas.sas.emoji.map(([picture]) => picture).join(" "));
      };
      const shown = v.getShowSasCallbacks();
      if (shown) shows(shown);
      else v.once(VerifierEvent.ShowSas, shows);
    });
    const shownHere = confirm(verifier);
    const ended = verifier.verify();
    const otherVerifier = await until("the other side sees the start", () => theirs.verifier);
    const shownThere = confirm(otherVerifier);
    const otherEnded = otherVerifier.verify();
    await Promise.all([ended, otherEnded]);
    assert.equal(await shownHere, await shownThere);
  }
}

/** A state event from the server, not from the client's store. */
export const stateOnServer = async (server, person, roomId, type, key = "") =>
  (await call(server, "GET", v3`rooms/${roomId}/state/${type}/${key}`, { token: person.client.getAccessToken() })).body;
