// A room as the peer knows it: the events, and the state after each.
import assert from "node:assert/strict";
import {
  authEvents, canonical, contentHash, idOf, isSigned, namedIn, redacted, reference, slot, without,
} from "./pdu.mjs";

const formats = {
  old: ["auth_events", "content", "depth", "event_id", "hashes", "origin_server_ts", "prev_events", "room_id", "sender",
    "signatures", "type"],
};
formats.hashed = formats.old.filter((key) => key !== "event_id");

export class Room {
  constructor(peer, roomId, version) {
    Object.assign(this, { peer, roomId, version });
    this.events = new Map();
    this.after = new Map();
    this.ends = new Set();
    this.checked = 0;
    this.problems = [];
  }

  /** Takes an event whose state before is known, without a check. */
  add(event, before) {
    const id = idOf(this.version, event);
    const after = event.state_key === undefined ? before
      : new Map(before).set(slot(event.type, event.state_key), event);
    this.events.set(id, event);
    this.after.set(id, after);
    for (const previous of namedIn(this.version, event.prev_events)) this.ends.delete(previous);
    this.ends.add(id);
    return id;
  }

  /** The state before an event; undefined if one of its previous events is not known. */
  stateBefore(event) {
    const states = namedIn(this.version, event.prev_events).map((id) => this.after.get(id));
    if (states.length === 0) return new Map();
    if (states.includes(undefined)) return undefined;
    const [first, ...others] = states;
    for (const other of others) {
      // The peer resolves no states: it forks a room with messages only.
      assert.deepEqual(new Set(other.values()), new Set(first.values()), "the previous events have different states");
    }
    return first;
  }

  /** Checks an event of another server, and takes it. */
  receive(event, server, keys) {
    const before = this.stateBefore(event);
    if (before === undefined) return undefined;
    this.check(event, server, keys, before);
    return this.add(event, before);
  }

  /** What an engineer would check by hand: the form, the hash, the signature, the chosen auth events, the depth. */
  check(event, server, keys, before) {
    const id = idOf(this.version, event);
    const expect = (holds, what) => {
      if (!holds) this.problems.push(`version ${this.version}: ${what}: ${JSON.stringify(event)}`);
    };
    const isCreateOf12 = Number(this.version) >= 12 && event.type === "m.room.create";
    const form = (Number(this.version) <= 2 ? formats.old : formats.hashed)
      .filter((key) => !(isCreateOf12 && key === "room_id"));
    for (const key of form) expect(event[key] !== undefined, `${key} is missing`);
    if (Number(this.version) > 2) expect(event.event_id === undefined, "event_id is there");
    expect(isCreateOf12 ? event.room_id === undefined : event.room_id === this.roomId, "another room's id");
    // An event that was redacted before it was sent comes without what the redaction removes.
    const isRedacted = canonical(without(event, "unsigned")) === canonical(redacted(this.version, event));
    expect(isRedacted || event.hashes.sha256 === contentHash(event), "the content hash does not hold");
    expect(isSigned(server, keys, redacted(this.version, event)), "the signature does not hold");

    const chosen = authEvents(this.version, event, before).map((each) => idOf(this.version, each)).sort();
    const named = namedIn(this.version, event.auth_events).sort();
    expect(JSON.stringify(named) === JSON.stringify(chosen), `other auth events than ${chosen}`);
    if (Number(this.version) <= 2) {
      for (const each of [...event.auth_events, ...event.prev_events]) {
        const hash = reference(this.version, this.events.get(each[0]))[1].sha256;
        expect(each[1].sha256 === hash, `the reference hash of ${each[0]} does not hold`);
      }
    }
    const depths = namedIn(this.version, event.prev_events).map((previous) => this.events.get(previous).depth);
    expect(event.depth === Math.max(0, ...depths) + 1, "the depth is not one more than that of the previous events");
    this.checked++;
    return id;
  }

  /** The ids of an event's whole auth chain. */
  authChain(ids) {
    const chain = new Set();
    const open = [...ids];
    while (open.length > 0) {
      const event = this.events.get(open.pop());
      for (const id of namedIn(this.version, event?.auth_events ?? [])) {
        if (!chain.has(id)) {
          chain.add(id);
          open.push(id);
        }
      }
    }
    return chain;
  }

  /** The ids of a room's state before an event, sorted. */
  stateIdsBefore(event) {
    return [...this.stateBefore(event).values()].map((each) => idOf(this.version, each)).sort();
  }

  /** An event without hash and signature, after all ends of the room or after some events. */
  template(sender, type, content, { stateKey, previous = [...this.ends], extra = {} } = {}) {
    const parents = previous.map((id) => this.events.get(id));
    const before = previous.length > 0 ? this.after.get(previous[0]) : new Map();
    const event = {
      type, sender, content, ...extra,
      ...(stateKey === undefined ? {} : { state_key: stateKey }),
      ...(Number(this.version) >= 12 && type === "m.room.create" ? {} : { room_id: this.roomId }),
      depth: Math.max(0, ...parents.map((parent) => parent.depth)) + 1,
      origin_server_ts: Date.now(),
      prev_events: parents.map((parent) => reference(this.version, parent)),
    };
    const auth = authEvents(this.version, event, before).map((each) => reference(this.version, each));
    return { ...event, auth_events: auth };
  }

  /** Makes an event and takes it. */
  make(sender, type, content, options) {
    const template = this.template(sender, type, content, options);
    if (Number(this.version) <= 2) template.event_id = this.peer.newEventId();
    const event = this.peer.key.signedEvent(this.peer.name, this.version, template);
    this.add(event, this.stateBefore(event));
    return event;
  }
}
