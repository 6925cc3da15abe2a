// Events as the room versions define them, written from the specification's pages and nothing else: canonical JSON,
// redaction, hashes, ids, signatures, the selection of auth events.
import { createHash, createPublicKey, generateKeyPairSync, sign, verify } from "node:crypto";

export const versions = Array.from({ length: 12 }, (_, i) => String(i + 1));

const encoder = new TextEncoder();
const byBytes = (a, b) => Buffer.compare(encoder.encode(a), encoder.encode(b));

/** Canonical JSON: keys in the order of their code points, no space, integers only. */
export function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (typeof value === "number") {
    if (!Number.isSafeInteger(value)) throw new Error(`${value} is not an integer of canonical JSON`);
    return String(value);
  }
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const keys = Object.keys(value).filter((key) => value[key] !== undefined).sort(byBytes);
  return `{${keys.map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`).join(",")}}`;
}

/** A copy without some keys. */
export function without(object, ...keys) {
  return Object.fromEntries(Object.entries(object).filter(([key]) => !keys.includes(key)));
}

const only = (object, keys) =>
  Object.fromEntries(keys.filter((key) => object?.[key] !== undefined).map((key) => [key, object[key]]));

const base64 = (bytes) => Buffer.from(bytes).toString("base64").replaceAll("=", "");
const sha256 = (json) => createHash("sha256").update(canonical(json)).digest();

const kept = ["event_id", "type", "room_id", "sender", "state_key", "content", "hashes", "signatures", "depth",
  "prev_events", "auth_events", "origin_server_ts"];
const keptBefore11 = [...kept, "prev_state", "origin", "membership"];
const levels = ["ban", "events", "events_default", "kick", "redact", "state_default", "users", "users_default"];

function keptContent(version, type, content) {
  switch (type) {
    case "m.room.member": {
      const left = only(content, version >= 9 ? ["membership", "join_authorised_via_users_server"] : ["membership"]);
      const signed = content.third_party_invite?.signed;
      return version >= 11 && signed !== undefined ? { ...left, third_party_invite: { signed } } : left;
    }
    case "m.room.create": return version >= 11 ? content : only(content, ["creator"]);
    case "m.room.join_rules": return only(content, version >= 8 ? ["join_rule", "allow"] : ["join_rule"]);
    case "m.room.power_levels": return only(content, version >= 11 ? [...levels, "invite"] : levels);
    case "m.room.history_visibility": return only(content, ["history_visibility"]);
    case "m.room.aliases": return version < 6 ? only(content, ["aliases"]) : {};
    case "m.room.redaction": return version >= 11 ? only(content, ["redacts"]) : {};
    default: return {};
  }
}

/** The redaction algorithm of a version. */
export function redacted(version, event) {
  const left = only(event, Number(version) >= 11 ? kept : keptBefore11);
  return { ...left, content: keptContent(Number(version), event.type, event.content) };
}

/** The hash over the whole event. */
export const contentHash = (event) => base64(sha256(without(event, "unsigned", "signatures", "hashes")));

/** The event's id: a field in versions 1 and 2, the reference hash after them. */
export function idOf(version, event) {
  if (Number(version) <= 2) return event.event_id;
  const hash = base64(sha256(without(redacted(version, event), "signatures", "unsigned")));
  return `$${version === "3" ? hash : hash.replaceAll("+", "-").replaceAll("/", "_")}`;
}

/** How events name others: with their reference hashes in versions 1 and 2. */
export function reference(version, event) {
  const id = idOf(version, event);
  if (Number(version) > 2) return id;
  return [id, { sha256: base64(sha256(without(redacted(version, event), "signatures", "unsigned"))) }];
}

/** The ids in `auth_events` or `prev_events`. */
export const namedIn = (version, references) => references.map((each) => (Number(version) <= 2 ? each[0] : each));

/** A server's signing key. */
export class SigningKey {
  constructor() {
    const pair = generateKeyPairSync("ed25519");
    this.id = "ed25519:1";
    this.secret = pair.privateKey;
    this.public = base64(Buffer.from(pair.publicKey.export({ format: "jwk" }).x, "base64url"));
  }

  /** Adds a signature over the object without `signatures` and `unsigned`. */
  signed(server, json) {
    const signature = base64(sign(null, Buffer.from(canonical(without(json, "signatures", "unsigned"))), this.secret));
    const signatures = { ...json.signatures, [server]: { ...json.signatures?.[server], [this.id]: signature } };
    return { ...json, signatures };
  }

  /** Hashes and signs an event. */
  signedEvent(server, version, event) {
    const hashed = { ...event, hashes: { sha256: contentHash(event) } };
    return { ...hashed, signatures: this.signed(server, redacted(version, hashed)).signatures };
  }
}

/** Whether a server signed an object with one of these keys ({ id: public key }). */
export function isSigned(server, keys, json) {
  const bytes = Buffer.from(canonical(without(json, "signatures", "unsigned")));
  return Object.entries(json.signatures?.[server] ?? {}).some(([id, signature]) => {
    if (!keys[id]) return false;
    const x = Buffer.from(keys[id], "base64").toString("base64url");
    const key = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" });
    return verify(null, bytes, key, Buffer.from(signature, "base64"));
  });
}

/** A key of a state map. */
export const slot = (type, stateKey) => `${type}\n${stateKey}`;

/** The auth events that a new event must name, chosen from the state before it: { slot: event }. */
export function authEvents(version, event, state) {
  if (event.type === "m.room.create") return [];
  const slots = [slot("m.room.power_levels", ""), slot("m.room.member", event.sender)];
  if (Number(version) < 12) slots.push(slot("m.room.create", ""));
  if (event.type === "m.room.member") {
    const { membership, third_party_invite: invite, join_authorised_via_users_server: authorising } = event.content;
    slots.push(slot("m.room.member", event.state_key));
    if (["join", "invite", "knock"].includes(membership)) slots.push(slot("m.room.join_rules", ""));
    if (membership === "invite" && invite) slots.push(slot("m.room.third_party_invite", invite.signed.token));
    if (membership === "join" && authorising && Number(version) >= 8) slots.push(slot("m.room.member", authorising));
  }
  return [...new Set(slots)].map((each) => state.get(each)).filter((each) => each !== undefined);
}
