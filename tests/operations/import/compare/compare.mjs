// compare.mjs SYNAPSE OURS [-v]: compares answers by meaning. Differences that are right have a reason, and are counted
// by it; the others are printed, and fail. The first sync after a switch is at most twice Synapse's.
import { readFileSync } from 'node:fs';

const [theirFile, ourFile, verbose] = process.argv.slice(2);
const theirs = JSON.parse(readFileSync(theirFile, 'utf8'));
const ours = JSON.parse(readFileSync(ourFile, 'utf8'));
const reasons = new Map();
const faults = new Map();
let compared = 0;

const isObject = (value) => value && typeof value === 'object' && !Array.isArray(value);
const canonical = (value) => JSON.stringify(value, (_, inner) => isObject(inner)
    ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1))) : inner);
const equal = (a, b) => canonical(a) === canonical(b);
const note = (map, kind, where, detail) => map.set(kind, [...(map.get(kind) ?? []), { where, detail }]);
const right = (reason, where, detail) => note(reasons, reason, where, detail);
const fault = (kind, where, detail) => note(faults, kind, where, detail);

/** Copies of keys of `unsigned` at the top of an event, as the API of 2014 had them; `age` differs with the time. */
const COPIES = ['age', 'user_id', 'redacted_because', 'prev_content', 'replaces_state'];

/** What of an event clients look at, events inside of it too. */
function meaning(value) {
    if (Array.isArray(value)) return value.map(meaning);
    if (!value || typeof value !== 'object') return value;
    const event = 'event_id' in value && 'content' in value;
    return Object.fromEntries(Object.entries(value)
        .filter(([key]) => !(event ? COPIES.includes(key) : key === 'age'))
        .map(([key, inner]) => [key, key === 'content' ? inner : meaning(inner)]));
}

function events(kind, where, left = [], rightSide = []) {
    const key = (list) => list.map((event) => event.event_id);
    if (!equal(key(left), key(rightSide))) {
        fault(`${kind}: other events`, where, [key(left), key(rightSide)]);
        return;
    }
    left.forEach((event, at) => same(kind, where, event, rightSide[at]));
}

function same(kind, where, left, other) {
    const [a, b] = [meaning(left), meaning(other)];
    for (const name of new Set([...Object.keys(a), ...Object.keys(b)])) {
        if (name === 'unsigned' || equal(a[name], b[name])) continue;
        fault(`${kind}: ${name} of an event`, where, [a[name], b[name]]);
    }
    unsignedOf(kind, where, a.unsigned, b.unsigned);
}

function unsignedOf(kind, where, left = {}, other = {}) {
    const [a, b] = [{ unsigned: meaning(left) }, { unsigned: meaning(other) }];
    for (const name of new Set([...Object.keys(a.unsigned ?? {}), ...Object.keys(b.unsigned ?? {})])) {
        if (equal(a.unsigned?.[name], b.unsigned?.[name])) continue;
        unsigned(kind, where, name, a.unsigned?.[name], b.unsigned?.[name]);
    }
}

const withoutIds = (value) => JSON.parse(JSON.stringify(value ?? null, (key, inner) =>
    (key === 'transaction_id' || key === 'prev_sender' ? undefined : inner)));

function unsigned(kind, where, name, a, b) {
    if (name === 'redacted_by') return right('the id of a redaction is sent as the specification has it', where);
    if (name === 'prev_sender') return right('prev_sender is of no version of the specification', where);
    if (name === 'prev_content' && kind === 'state' && !b) {
        return right('prev_content is in timelines, not in the state before them', where);
    }
    if (name === 'm.relations' && equal(withoutIds(a), withoutIds(b))) {
        return right('Synapse forgets transaction ids of some events', where);
    }
    if (/ leave$/.test(kind) && !b) return right('what happened after one left is not in events before', where);
    if (name === 'membership' && !a) return right("the reader's membership is on each event", where);
    if (name === 'transaction_id' && !a) return right('Synapse forgets transaction ids of some events', where);
    if (name === 'transaction_id' && !b && Number(a.slice(1).split('.')[0]) < Date.now() - 29 * 86_400_000) {
        return right('transaction ids of events older than 30 days are not carried', where);
    }
    fault(`${kind}: unsigned.${name}`, where, [a, b]);
}

function set(kind, where, left, other, allowMore) {
    const [a, b] = [new Set(left), new Set(other)];
    const lost = [...a].filter((each) => !b.has(each));
    const more = [...b].filter((each) => !a.has(each));
    if (lost.length) fault(`${kind}: lost`, where, lost.slice(0, 5));
    if (more.length) (allowMore ? right(`${kind}: ${allowMore}`, where, more.slice(0, 5))
        : fault(`${kind}: more`, where, more.slice(0, 5)));
}

const receipts = (room) => (room.ephemeral?.events ?? []).filter((event) => event.type === 'm.receipt')
    .flatMap((event) => Object.entries(event.content).flatMap(([id, kinds]) => Object.entries(kinds)
        .flatMap(([kind, users]) => Object.entries(users)
            .map(([user, data]) => `${id} ${kind} ${user} ${data.thread_id ?? ''} ${data.ts}`))));
const PUSH_RULES = 'm.push_rules';
const data = (list) => (list?.events ?? []).filter((event) => event.type !== PUSH_RULES)
    .map((event) => canonical(event));

function sync(name, where, left, other, mine) {
    for (const kind of ['join', 'invite', 'leave', 'knock']) {
        const [a, b] = [left.rooms?.[kind] ?? {}, other.rooms?.[kind] ?? {}];
        set(`sync: rooms of ${kind}`, where, Object.keys(a), Object.keys(b));
        for (const room of Object.keys(a).filter((each) => b[each])) {
            roomOf(`${where} ${room}`, a[room], b[room], kind === 'leave' ? ' leave' : '');
        }
    }
    if (!name.includes('full state')) {
        set('sync: account data', where, data(left.account_data), data(other.account_data));
    } else right('full_state is about the state of rooms, not account data', where);
    set('sync: messages to devices', where, data(left.to_device), data(other.to_device));
    devices(name, where, left.device_lists ?? {}, other.device_lists ?? {}, mine);
    for (const part of ['device_one_time_keys_count', 'device_unused_fallback_key_types']) {
        if (!equal(left[part], other[part])) fault(`sync: ${part}`, where, [left[part], other[part]]);
    }
}

/** Synapse's /sync names everybody in whose membership something changed; its /keys/changes says who matters. */
function devices(kind, where, left, other, mine) {
    const asked = mine[where.replace(/^\S+ sync (full state )?/, 'keys changes ')]?.body;
    const reader = where.split(' ')[0];
    const changed = (left.changed ?? []).filter((user) => (!asked || asked.changed.includes(user)) && user !== reader);
    if (changed.length < (left.changed ?? []).length) {
        right('members whose name changed, and the reader, are not named', where);
    }
    set(`${kind}: changed device lists`, where, changed, other.changed ?? [],
        'who left and came back, or is named twice');
    const shared = mine.together?.[/(now|minute|day|60 days)$/.exec(where)?.[0]] ?? [];
    const gone = (left.left ?? []).filter((user) => !(other.left ?? []).includes(user) && !shared.includes(user));
    if (gone.length) right('who shared no room with the reader at the token is not named', where, gone);
    set(`${kind}: left device lists`, where, (left.left ?? []).filter((user) => !gone.includes(user)),
        other.left ?? [], 'who left is named');
}

function roomOf(where, left, other, place) {
    events(`timeline${place}`, where, left.timeline?.events, other.timeline?.events);
    if (Boolean(left.timeline?.limited) !== Boolean(other.timeline?.limited)) {
        fault('timeline: limited', where, [left.timeline?.limited, other.timeline?.limited]);
    }
    const state = (room) => (room.state?.events ?? room['org.matrix.msc4222.state_after']?.events ?? []);
    // What the timeline sets anew may be in the state before it, or not.
    const key = (event) => `${event.type} ${event.state_key}`;
    const anew = new Set((other.timeline?.events ?? []).filter((event) => 'state_key' in event).map(key));
    const older = (room) => state(room).filter((event) => anew.has(key(event))).map((event) => event.event_id);
    if (!equal(older(left), older(other))) right('state that the timeline sets anew is sent or not', where);
    const lasting = (room) => state(room).filter((event) => !anew.has(key(event))).map((event) => event.event_id);
    if (place && where.includes('full state') && lasting(left).length > lasting(other).length) {
        right('of rooms that were left, full_state sends what changed', where);
    } else set('state', where, lasting(left), lasting(other));
    const byId = new Map(state(other).map((event) => [event.event_id, event]));
    for (const event of state(left)) {
        if (byId.has(event.event_id)) same('state', where, event, byId.get(event.event_id));
    }
    // Synapse leaves out a receipt of a thread if the same user has one without a thread, a private one too, for the
    // same event.
    const here = receipts(other);
    const own = here.filter((each) => each.split(' ')[3] && !receipts(left).includes(each));
    if (own.length) right('receipts of threads are sent beside those without', where);
    set('receipts', where, receipts(left), here.filter((each) => !own.includes(each)));
    if (!where.includes('full state')) {
        set('account data of rooms', where, data(left.account_data), data(other.account_data));
    }
    if (!left.summary?.['m.joined_member_count'] && other.summary) {
        right('the summary is sent without lazy loading too', where);
        delete other.summary;
    }
    if (!equal(left.unread_thread_notifications, other.unread_thread_notifications) && unread(left) === unread(other)) {
        right('Synapse adds what is new in the main timeline to the thread that it read last', where);
        for (const room of [left, other]) { delete room.unread_notifications; delete room.unread_thread_notifications; }
    }
    for (const part of ['unread_notifications', 'unread_thread_notifications', 'summary']) {
        if (!equal(left[part] ?? {}, other[part] ?? {})) fault(`room: ${part}`, where, [left[part], other[part]]);
    }
}

/** A highlight of false is none. */
const actions = (of) => of.actions.filter((action) => action.set_tweak !== 'highlight' || action.value !== false)
    .map(canonical).sort().join();

/** Synapse deletes what was read, and what does not highlight after a day: here they stay. */
function notifications(where, left, other) {
    const line = (each) => `${each.event.event_id} ${each.read} ${actions(each)}`;
    const oldest = Math.min(...other.notifications.map((each) => each.ts));
    set('notifications', where, left.notifications.filter((each) => !other.next_token || each.ts >= oldest).map(line),
        other.notifications.map(line), 'read ones, and those older than a day, stay');
}

/** What is unread in a room and its threads. */
const unread = (room) => [room.unread_notifications, ...Object.values(room.unread_thread_notifications ?? {})]
    .reduce((sum, each) => sum + (each?.notification_count ?? 0), 0);

function plain(kind, where, left, other) {
    if (Array.isArray(left)) {
        set(kind, where, left.map((event) => event.event_id ?? canonical(event)),
            other.map((event) => event.event_id ?? canonical(event)));
        return;
    }
    for (const name of new Set([...Object.keys(left), ...Object.keys(other)])) {
        if (['start', 'end', 'next_batch', 'prev_batch', 'next_token'].includes(name)) {
            if (name === 'end' && (left[name] === undefined) !== (other[name] === undefined)) {
                fault(`${kind}: end`, where, [left[name], other[name]]);
            }
        } else if (['chunk', 'events_before', 'events_after'].includes(name)) {
            if (/members/.test(kind)) {
                set(kind, where, left[name].map((event) => event.event_id), other[name].map((event) => event.event_id));
            } else events(kind, where, left[name], other[name]);
        } else if (name === 'state' && Array.isArray(left[name])) {
            set(`${kind}: state`, where, left[name].map((event) => event.event_id),
                (other[name] ?? []).map((event) => event.event_id));
        } else if (name === 'event' && left[name]?.event_id) same(kind, where, left[name], other[name]);
        else if (name === 'unsigned') unsignedOf(kind, where, left[name], other[name]);
        else if (left.event_id && COPIES.includes(name)) continue;
        else if (!equal(left[name], other[name])) fault(`${kind}: ${name}`, where, [left[name], other[name]]);
    }
}

/** Rules about names in texts, which the specification has removed, and one of a client. */
const OLD = ['.im.vector.jitsi', '.m.rule.contains_user_name', '.m.rule.contains_display_name', '.m.rule.roomnotif'];
const eventsIn = (body) => Object.values(body.rooms ?? {}).flatMap((rooms) => Object.values(rooms))
    .reduce((sum, room) => sum + (room.timeline?.events?.length ?? 0) + (room.state?.events?.length ?? 0), 0);
const sizes = {};
for (const [user, mine] of Object.entries(theirs)) {
    for (const [name, left] of Object.entries(mine)) {
        const other = ours[user]?.[name];
        if (typeof left?.status !== 'number') continue;
        compared++;
        const where = `${user} ${name}`;
        const kind = name.replace(/![^ ]+ /, '').replace(/ \$\S+/, '').replace(/ (now|minute|day|60 days)\b/, '');
        if (left.status !== other?.status) {
            fault(`${kind}: status`, where, [left.status, other?.status, other?.body, left.body]);
        } else if (name.startsWith('sync')) {
            // Of questions without a filter only the size is compared: the defaults of the servers differ.
            if (!name.startsWith('sync by default')) sync(kind, where, left.body, other.body, mine);
            const sum = sizes[name] ??= { theirs: 0, ours: 0, theirEvents: 0, ourEvents: 0 };
            sum.theirs += left.bytes; sum.ours += other.bytes;
            sum.theirEvents += eventsIn(left.body); sum.ourEvents += eventsIn(other.body);
            if (other.bytes > 2 * left.bytes + 2000 || eventsIn(other.body) > 2 * eventsIn(left.body)) {
                fault('sync: more than twice', where,
                    [left.bytes, other.bytes, eventsIn(left.body), eventsIn(other.body)]);
            }
        } else if (left.status === 200 && kind === 'push rules') {
            right('rules that are in no specification any more are not there', where);
            const ids = (body) => Object.values(body.global).flat().filter((rule) => !OLD.includes(rule.rule_id))
                .map((rule) => `${rule.rule_id} ${rule.enabled} ${actions(rule)}`);
            set(kind, where, ids(left.body), ids(other.body).filter((rule) => !rule.startsWith('.io.element.msc4306')));
        } else if (left.status === 200 && kind === 'keys changes') devices(kind, where, left.body, other.body, mine);
        else if (left.status === 200 && kind === 'notifications') notifications(where, left.body, other.body);
        else if (left.status === 200 && kind === 'devices') {
            const ids = (body) => body.devices.map((each) => `${each.device_id} ${each.display_name}`);
            set(kind, where, ids(left.body), ids(other.body));
        } else if (left.status === 200 && kind === 'joined rooms') {
            set(kind, where, left.body.joined_rooms, other.body.joined_rooms);
        } else if (left.status === 200) plain(kind, where, left.body, other.body);
    }
}

console.log('| sync | Synapse, bytes | here, bytes | Synapse, events | here, events |');
console.log('| --- | ---: | ---: | ---: | ---: |');
for (const [name, sum] of Object.entries(sizes)) {
    console.log(`| ${name} | ${sum.theirs} | ${sum.ours} | ${sum.theirEvents} | ${sum.ourEvents} |`);
}
for (const [reason, all] of reasons) console.log(`right: ${reason}: ${all.length}, such as ${all[0].where}`);
for (const [kind, all] of faults) {
    console.log(`FAULT ${kind}: ${all.length}`);
    for (const each of all.slice(0, verbose ? 5 : 1)) {
        console.log(`   ${each.where}\n      ${canonical(each.detail).slice(0, verbose ? 2000 : 400)}`);
    }
}
console.log(`${compared} answers compared, ${[...faults.values()].flat().length} faults`);
process.exit(faults.size ? 1 : 0);
