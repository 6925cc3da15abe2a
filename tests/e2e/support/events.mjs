// Finds the events in a response, and validates each against the schema of its type.
import { checkEvent, checkLooseEvent } from "./spec.mjs";

const roomOf = (path) => decodeURIComponent(path.match(/\/rooms\/([^/?]+)/)?.[1] ?? "!none:none");

const everyEvent = (events, roomId, where) => (events ?? []).flatMap((e, i) => checkEvent(e, roomId, `${where}[${i}]`));
const everyLoose = (events, where) => (events ?? []).flatMap((e, i) => checkLooseEvent(e, `${where}[${i}]`));

function ofSync(body) {
  const found = everyLoose(body.account_data?.events, "account_data");
  for (const [roomId, room] of [...Object.entries(body.rooms?.join ?? {}),
    ...Object.entries(body.rooms?.leave ?? {})]) {
    found.push(
      ...everyEvent(room.timeline?.events, roomId, `${roomId} timeline`),
      ...everyEvent(room.state?.events, roomId, `${roomId} state`),
      ...everyEvent(room.state_after?.events, roomId, `${roomId} state_after`),
      ...everyLoose(room.ephemeral?.events, `${roomId} ephemeral`),
      ...everyLoose(room.account_data?.events, `${roomId} account_data`),
    );
  }
  for (const [roomId, room] of Object.entries(body.rooms?.invite ?? {})) {
    const events = room.invite_state?.events ?? [];
    if (!events.some((e) => e.type === "m.room.create")) found.push(`${roomId} invite_state has no m.room.create`);
  }
  return found;
}

const readers = {
  sync: ofSync,
  getRoomEvents: (body, roomId) =>
    [...everyEvent(body.chunk, roomId, "chunk"), ...everyEvent(body.state, roomId, "state")],
  getEventContext: (body, roomId) => [
    ...everyEvent(body.event ? [body.event] : [], roomId, "event"),
    ...everyEvent(body.events_before, roomId, "events_before"),
    ...everyEvent(body.events_after, roomId, "events_after"),
    ...everyEvent(body.state, roomId, "state"),
  ],
  getOneRoomEvent: (body, roomId) => everyEvent([body], roomId, "event"),
  getRoomState: (body, roomId) => everyEvent(body, roomId, "state"),
  getMembersByRoom: (body, roomId) => everyEvent(body.chunk, roomId, "chunk"),
  getRelatingEvents: (body, roomId) => everyEvent(body.chunk, roomId, "chunk"),
  getRelatingEventsWithRelType: (body, roomId) => everyEvent(body.chunk, roomId, "chunk"),
  getRelatingEventsWithRelTypeAndEventType: (body, roomId) => everyEvent(body.chunk, roomId, "chunk"),
  getThreadRoots: (body, roomId) => everyEvent(body.chunk, roomId, "chunk"),
};

/** The errors of a response's events. */
export function checkEventsOf(operationId, path, body) {
  return readers[operationId]?.(body, roomOf(path)) ?? [];
}
