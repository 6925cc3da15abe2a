// What users had with an older version of the server is there after an upgrade: rooms of several versions, sessions,
// sync tokens, transaction ids, keys, messages to devices. A user of another server joins the rooms.
import { spawn } from 'node:child_process';
import { mkdirSync, openSync } from 'node:fs';
import { eventually, holds, same, User } from '../interop/client.mjs';

const versions = ['1', '6', '11', '12'];
const messages = 30;
const port = 18195;
const url = `http://127.0.0.1:${port}`;
const otherPort = 18196;
const name = '127.0.0.1:18197';
const otherName = '127.0.0.1:18198';
const { WORK: work, POSTGRES: postgres } = process.env;
const [older, newer] = process.argv.slice(2);

async function start(server, label, { database, settings = {}, at = port, called = name }) {
  mkdirSync(`${work}/${label}`, { recursive: true });
  const log = openSync(`${work}/${label}.log`, 'a');
  const child = spawn('dotnet', [server], {
    env: {
      ...process.env,
      MATRIX_SERVER_NAME: called,
      MATRIX_DATA_DIR: `${work}/${label}`,
      MATRIX_LISTENERS__CLIENT: `127.0.0.1:${at}`,
      MATRIX_REGISTRATION__ENABLED: 'true',
      MATRIX_RATE_LIMITS__ENABLED: 'false',
      ...(database ? { MATRIX_DATABASE__URL: database } : {}),
      ...settings,
    },
    stdio: ['ignore', log, log],
  });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  for (let attempt = 0; ; attempt += 1) {
    if ((await fetch(`http://127.0.0.1:${at}/_matrix/client/versions`).catch(() => undefined))?.ok) break;
    if (child.exitCode !== null || attempt === 300) throw new Error(`${server} does not serve: ${work}/${label}.log`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }

  return async () => {
    child.kill('SIGTERM');
    await ended;
  };
}

/** The settings of a server that other servers reach at its name. */
const federation = (called) => ({
  MATRIX_LISTENERS__FEDERATION: called,
  MATRIX_TLS__CERTIFICATE: `${work}/tls.crt`,
  MATRIX_TLS__KEY: `${work}/tls.key`,
  MATRIX_FEDERATION__CUSTOM_CA: `${work}/tls.crt`,
  MATRIX_FEDERATION__ALLOW_NETWORKS: '127.0.0.0/8',
});

const sync = (user, since) =>
  user.request('GET', `v3/sync?timeout=0${since ? `&since=${encodeURIComponent(since)}` : ''}`);

async function timeline(user, room) {
  const ids = [];
  let from = '';
  do {
    const page = await user.request('GET', user.room(room, `messages?dir=b&limit=7${from}`));
    ids.push(...page.chunk.map((event) => event.event_id));
    from = page.end ? `&from=${encodeURIComponent(page.end)}` : undefined;
  } while (from !== undefined);
  return ids;
}

/** Uses the older server, and returns what must be there later. */
async function live(alice, bob) {
  const rooms = [];
  for (const version of versions) {
    const room = await alice.create({ room_version: version, preset: 'public_chat', name: `version ${version}` });
    await bob.join(room);
    const said = [];
    for (let n = 0; n < messages; n += 1) said.push(await (n % 3 ? alice : bob).say(room, `message ${n}`));
    await alice.redact(room, said[3]);
    await alice.set(room, 'm.room.topic', { topic: `topic ${version}` });
    await alice.request('PUT', alice.room(room, 'send/m.reaction/r1'), {
      'm.relates_to': { rel_type: 'm.annotation', event_id: said[5], key: 'yes' },
    });
    rooms.push({ version, room, redacted: said[3], reacted: said[5], unread: said.at(-1) });
  }

  const left = await alice.create({ preset: 'public_chat' });
  await bob.join(left);
  await bob.act(left, 'leave');
  await alice.request('PUT', `v3/user/${encodeURIComponent(alice.id)}/account_data/one.test`, { kept: true });
  await alice.request('POST', 'v3/keys/upload', {
    one_time_keys: { 'signed_curve25519:AAAA': { key: 'a2V5', signatures: {} } },
  });
  const { device_id: device } = await alice.request('GET', 'v3/account/whoami');
  const { next_batch: since } = await sync(alice);
  await bob.request('PUT', 'v3/sendToDevice/one.test/t1', {
    messages: { [alice.id]: { [device]: { mark: 'kept' } } },
  });
  for (const each of rooms) {
    each.transaction = `last-${each.version}`;
    each.sent = await transact(bob, each);
    each.timeline = await timeline(alice, each.room);
    each.state = await alice.state(each.room);
  }

  return { rooms, left, since };
}

async function transact(user, { room, transaction }) {
  const path = user.room(room, `send/m.room.message/${transaction}`);
  return (await user.request('PUT', path, { body: 'last', msgtype: 'm.text' })).event_id;
}

/** What must hold with the newer server, by name. */
const checks = {
  'sessions and passwords': async ({ alice, bob }) => {
    for (const user of [alice, bob]) {
      same((await user.request('GET', 'v3/account/whoami')).user_id, user.id, 'whoami');
      const again = new User(url, user.label);
      const login = await again.request('POST', 'v3/login', {
        type: 'm.login.password', identifier: { type: 'm.id.user', user: user.id }, password: `${user.label}-password`,
      });
      same(login.user_id, user.id, 'log-in');
    }
  },
  'an old sync token continues': async ({ alice, before }) => {
    const news = await sync(alice, before.since);
    for (const { room, sent, version } of before.rooms) {
      const ids = news.rooms.join[room].timeline.events.map((event) => event.event_id);
      same(ids, [sent], `new events of version ${version}`);
    }

    same(news.to_device.events.map((event) => event.content.mark), ['kept'], 'messages to devices');
    const later = await sync(alice, news.next_batch);
    same(Object.keys(later.rooms?.join ?? {}), [], 'nothing is new twice');
  },
  'transaction ids are remembered': async ({ bob, before }) => {
    for (const each of before.rooms) same(await transact(bob, each), each.sent, `version ${each.version}`);
  },
  'pages and state are the same': async ({ alice, before }) => {
    for (const each of before.rooms) {
      same(await timeline(alice, each.room), each.timeline, `timeline of version ${each.version}`);
      same(await alice.state(each.room), each.state, `state of version ${each.version}`);
    }
  },
  'redactions, reactions and unread counts': async ({ alice, before }) => {
    for (const { room, redacted, reacted, version } of before.rooms) {
      const event = await alice.request('GET', alice.room(room, `event/${encodeURIComponent(redacted)}`));
      same(event.content, {}, `redacted in version ${version}`);
      holds(event.unsigned.redacted_because, `redacted_because in version ${version}`);
      const related = await alice.request(
        'GET', `v1/rooms/${encodeURIComponent(room)}/relations/${encodeURIComponent(reacted)}`);
      same(related.chunk.length, 1, `reactions in version ${version}`);
    }

    const { rooms } = await sync(alice);
    for (const { room, version } of before.rooms) {
      const count = rooms.join[room].unread_notifications.notification_count;
      holds(count > 0, `version ${version} has ${count} unread messages`);
    }
  },
  'account data and keys': async ({ alice, bob }) => {
    same(
      await alice.request('GET', `v3/user/${encodeURIComponent(alice.id)}/account_data/one.test`),
      { kept: true }, 'account data');
    const { device_id: device } = await alice.request('GET', 'v3/account/whoami');
    const claimed = await bob.request('POST', 'v3/keys/claim', {
      one_time_keys: { [alice.id]: { [device]: 'signed_curve25519' } },
    });
    same(Object.keys(claimed.one_time_keys[alice.id][device]), ['signed_curve25519:AAAA'], 'claimed key');
  },
  'rooms go on': async ({ alice, bob, before }) => {
    const { next_batch: since } = await sync(bob);
    const said = [];
    for (const { room, version } of before.rooms) {
      said.push(await alice.say(room, `after in ${version}`));
      await alice.set(room, 'm.room.name', { name: 'after' });
      await bob.act(room, 'leave');
      await bob.join(room);
    }

    const { rooms } = await sync(bob, since);
    for (const [index, { room, version }] of before.rooms.entries()) {
      const ids = rooms.join[room].timeline.events.map((event) => event.event_id);
      holds(ids.includes(said[index]), `${said[index]} came in version ${version}`);
    }

    await bob.join(before.left);
    await alice.say(before.left, 'again');
    const created = await alice.create({});
    await alice.say(created, 'a room of the newer server');
  },
  'a user of another server joins, reads all and writes': async ({ alice, carol, before }) => {
    for (const { room, version, timeline: ids } of before.rooms) {
      await carol.join(room, [name]);
      const [to, from] = [await alice.say(room, 'from here'), await carol.say(room, 'from there')];
      await eventually(async () => holds((await timeline(alice, room)).includes(from), `${from} in ${version}`));
      await eventually(async () => holds((await timeline(carol, room)).includes(to), `${to} in ${version}`));
      const seen = new Set(await timeline(carol, room));
      same(ids.filter((id) => !seen.has(id)), [], `the other server's history of version ${version}`);
      same(await carol.state(room), await alice.state(room), `state of version ${version}`);
    }
  },
};

let [passed, failed] = [0, 0];
for (const [label, database] of [['sqlite', undefined], ['postgresql', postgres]]) {
  let stop = await start(older, label, { database });
  const alice = await User.register(url, 'alice', 'alice');
  const bob = await User.register(url, 'bob', 'bob');
  const before = await live(alice, bob);
  await stop();
  stop = await start(newer, label, { database, settings: federation(name) });
  const stopOther = await start(newer, `other-${label}`, {
    settings: federation(otherName), at: otherPort, called: otherName,
  });
  const carol = await User.register(`http://127.0.0.1:${otherPort}`, 'carol', 'carol');
  for (const [title, check] of Object.entries(checks)) {
    try {
      await check({ alice, bob, carol, before });
      passed += 1;
      console.log(`ok     ${label}: ${title}`);
    } catch (failure) {
      failed += 1;
      console.log(`FAILED ${label}: ${title}: ${failure.message}`);
    }
  }

  await stopOther();
  await stop();
}

console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed ? 1 : 0;
