// ask.mjs BASE SUMMARY CAME OUT [SYNAPSE]: the same questions for either server, by the users of CAME, with tokens of
// the moment when Synapse stopped and of earlier ones. First they all come back. SYNAPSE is the file of the answers of
// Synapse, whose tokens of pages are asked again; without it, this is Synapse.
import { readFileSync, writeFileSync } from 'node:fs';

const [base, file, cameFile, out, before] = process.argv.slice(2);
const summary = JSON.parse(readFileSync(file, 'utf8'));
const came = JSON.parse(readFileSync(cameFile, 'utf8'));
const earlier = before && JSON.parse(readFileSync(before, 'utf8'));
const id = encodeURIComponent;

async function get(path, token, method = 'GET') {
    const response = await fetch(`${base}/_matrix/client/${path}`, {
        method, headers: { authorization: `Bearer ${token}` },
    });
    const text = await response.text();
    return { status: response.status, bytes: text.length, body: text ? JSON.parse(text) : {} };
}

/** Changes of device lists that came after each moment. */
const DEVICES_SINCE = { minute: 2, day: 10, '60 days': 20 };

/** Synapse's token of a moment: the parts that the generator spread over time. No message to a device was delivered. */
function tokenOf(now, name, moment) {
    const parts = now.slice(1).split('_');
    parts[0] = String(moment.events);
    parts[3] = String(moment.receipts);
    parts[4] = String(moment.account_data);
    parts[6] = '0';
    parts[7] = String(summary.devices - DEVICES_SINCE[name]);
    return `s${parts.join('_')}`;
}

/** Defaults of the servers differ: questions that are compared say what they want. */
const ten = id(JSON.stringify({ presence: { types: [] }, room: { timeline: { limit: 10 } } }));
const threaded = id(JSON.stringify({
    presence: { types: [] }, room: { timeline: { limit: 10, unread_thread_notifications: true } } }));

const answers = {};
const users = summary.users.filter((user) => user.id in came);
const moments = ['now', ...Object.keys(summary.moments)];
const tokens = Object.fromEntries(users.map((user) => [user.id, Object.fromEntries(moments.map((name) => [name,
    name === 'now' ? came[user.id] : tokenOf(came[user.id], name, summary.moments[name])]))]));

// The first sync after the switch, as clients ask for it: they are online again.
for (const name of moments) {
    for (const user of users) {
        (answers[user.id] ??= {})[`sync by default ${name}`] =
            await get(`v3/sync?timeout=0&since=${id(tokens[user.id][name])}`, user.token);
    }
}
/** The users who shared a room with the reader at a token, by Synapse. */
async function together(user, since, rooms) {
    const found = new Set();
    for (const room of rooms) {
        const path = `v3/rooms/${id(room)}/members?membership=join&at=${id(since)}`;
        const { status, body } = await get(path, user.token);
        const members = status === 200 ? body.chunk.map((event) => event.state_key) : [];
        if (members.includes(user.id)) members.forEach((member) => found.add(member));
    }
    return [...found];
}

for (const user of users) {
    const mine = answers[user.id];
    const ask = async (name, path) => { mine[name] = await get(path, user.token); return mine[name].body; };
    const first = await ask('sync initial', `v3/sync?timeout=0&filter=${ten}`);
    for (const [name, since] of Object.entries(tokens[user.id])) {
        await ask(`sync ${name}`, `v3/sync?timeout=0&since=${id(since)}&filter=${ten}`);
        await ask(`sync full state ${name}`, `v3/sync?timeout=0&full_state=true&since=${id(since)}&filter=${ten}`);
        const keys = await ask(
            `keys changes ${name}`, `v3/keys/changes?from=${id(since)}&to=${id(tokens[user.id].now)}`);
        if (!earlier && keys.left?.length) {
            const { join = {}, leave = {} } = { ...first.rooms, leave: mine[`sync ${name}`].body.rooms?.leave };
            (mine.together ??= {})[name] = await together(user, since, Object.keys({ ...join, ...leave }));
        }
    }
    await ask('sync by default', 'v3/sync?timeout=0');
    await ask('sync threads', `v3/sync?timeout=0&filter=${threaded}`);
    await ask('sync lazy', `v3/sync?timeout=0&filter=${id(JSON.stringify({
        presence: { types: [] }, room: { state: { lazy_load_members: true }, timeline: { limit: 5 } } }))}`);
    await ask('notifications', 'v3/notifications?limit=100');
    await ask('push rules', 'v3/pushrules/');
    await ask('account data', `v3/user/${id(user.id)}/account_data/m.direct`);
    await ask('profile', `v3/profile/${id(user.id)}`);
    await ask('devices', 'v3/devices');
    await ask('joined rooms', 'v3/joined_rooms');
    const rooms = (earlier ? earlier[user.id].rooms : Object.keys(first.rooms?.join ?? {}).slice(0, 6));
    mine.rooms = rooms;
    for (const room of rooms) {
        const at = `rooms/${id(room)}`;
        const pages = earlier ? earlier[user.id].pages[room] : first.rooms.join[room].timeline.prev_batch;
        (mine.pages ??= {})[room] = pages;
        await ask(`${room} members`, `v3/${at}/members`);
        await ask(`${room} state`, `v3/${at}/state`);
        await ask(`${room} page`, `v3/${at}/messages?dir=b&limit=30`);
        const page = await ask(`${room} page of a token`, `v3/${at}/messages?dir=b&limit=30&from=${id(pages)}`);
        const next = earlier ? earlier[user.id].next[room] : page.end;
        (mine.next ??= {})[room] = next;
        if (next) {
            await ask(`${room} next page`, `v3/${at}/messages?dir=b&limit=30&from=${id(next)}`);
            await ask(`${room} page forwards`, `v3/${at}/messages?dir=f&limit=30&from=${id(next)}`);
        }
        await ask(`${room} page of day`, `v3/${at}/messages?dir=b&limit=30&from=${id(tokens[user.id].day)}`);
        await ask(`${room} page of 60 days`, `v3/${at}/messages?dir=b&limit=30&from=${id(tokens[user.id]['60 days'])}`);
        await ask(`${room} members of 60 days`, `v3/${at}/members?at=${id(tokens[user.id]['60 days'])}`);
        const chosen = earlier ? earlier[user.id].chosen[room]
            : (page.chunk ?? []).filter((_, place) => place % 10 === 0).map((event) => event.event_id);
        (mine.chosen ??= {})[room] = chosen;
        for (const event of chosen) await ask(`${room} context ${event}`, `v3/${at}/context/${id(event)}?limit=6`);
        for (const event of chosen) await ask(`${room} event ${event}`, `v3/${at}/event/${id(event)}`);
        const threads = await ask(`${room} threads`, `v1/${at}/threads?limit=5`);
        const roots = earlier ? earlier[user.id].roots[room]
            : (threads.chunk ?? []).map((event) => event.event_id);
        (mine.roots ??= {})[room] = roots;
        for (const root of roots) {
            await ask(`${room} relations ${root}`, `v1/${at}/relations/${id(root)}?limit=20`);
            await ask(`${room} thread ${root}`, `v1/${at}/relations/${id(root)}/m.thread?limit=20`);
        }
    }
}
writeFileSync(out, JSON.stringify(answers));
console.log(`${users.length} users, ${Object.values(answers).reduce((sum, each) =>
    sum + Object.values(each).filter((answer) => answer?.status).length, 0)} answers`);
