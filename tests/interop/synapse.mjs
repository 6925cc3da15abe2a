// Rooms that this server and Synapse share: every version, made by either side.
import { User, eventually, holds, same } from './client.mjs';

const all = ['1', '2', '3', '4', '5', '6', '7', '8', '9', '10', '11', '12'];
const versions = process.argv.length > 2 ? process.argv.slice(2) : all;
const run = Date.now().toString(36);
const serverOf = (id) => id.slice(id.indexOf(':') + 1);

const ours = {
  main: await User.register(process.env.OURS, 'ours', `alice${run}`),
  other: await User.register(process.env.OURS, 'ours', `anna${run}`),
};
const theirs = {
  main: await User.register(process.env.SYNAPSE, 'synapse', `bob${run}`),
  other: await User.register(process.env.SYNAPSE, 'synapse', `ben${run}`),
};

/** Both sides have the same state. */
async function sameState(room, here, there) {
  await eventually(async () => same(await here.state(room), await there.state(room), 'state'));
}

/** Twenty messages each way, all of them on both sides. */
async function chat(room, here, there) {
  const said = [];
  for (let n = 1; n <= 20; n += 1) {
    for (const user of [here, there]) {
      said.push(`${user.label} ${n}`);
      await user.say(room, `${user.label} ${n}`);
    }
  }

  said.sort();
  for (const user of [here, there]) {
    await eventually(async () => same((await user.bodies(room)).sort(), said, `messages of ${user.label}`));
  }
}

const checks = {
  async 'join by id, chat, same state'({ version, here, there }) {
    const room = await here.main.create({ room_version: version, preset: 'public_chat', name: 'By id' });
    await there.main.join(room, [serverOf(here.main.id)]);
    await sameState(room, here.main, there.main);
    await chat(room, here.main, there.main);
    await sameState(room, here.main, there.main);
  },

  async 'join by alias'({ version, here, there }) {
    const local = `a${run}v${version}${here.main.label}`;
    const room = await here.main.create({ room_version: version, preset: 'public_chat', room_alias_name: local });
    same(await there.main.join(`#${local}:${serverOf(here.main.id)}`), room, 'room');
    await sameState(room, here.main, there.main);
  },

  async 'a second user of the other side, kick, ban, unban'({ version, here, there }) {
    const room = await here.main.create({ room_version: version, preset: 'public_chat' });
    const via = [serverOf(here.main.id)];
    await there.main.join(room, via);
    await there.other.join(room, via);
    await sameState(room, here.main, there.main);
    await here.main.act(room, 'kick', there.other.id);
    await eventually(async () => holds((await there.other.rooms()).join?.[room] === undefined, 'still in the room'));
    await here.main.act(room, 'ban', there.other.id);
    await sameState(room, here.main, there.main);
    let refused = false;
    await there.other.join(room, via).catch(() => (refused = true));
    holds(refused, 'a banned user joined');
    await here.main.act(room, 'unban', there.other.id);
    await sameState(room, here.main, there.main);
    await eventually(async () => there.other.join(room, via));
    await sameState(room, here.main, there.main);
  },

  async 'topic and power levels of the other side'({ version, here, there }) {
    const room = await here.main.create({ room_version: version, preset: 'public_chat' });
    await there.main.join(room, [serverOf(here.main.id)]);
    const levels = await here.main.get(room, 'm.room.power_levels');
    levels.users = { ...levels.users, [there.main.id]: 50 };
    await here.main.set(room, 'm.room.power_levels', levels);
    await eventually(() => there.main.set(room, 'm.room.topic', { topic: 'from there' }));
    await eventually(async () => same((await here.main.get(room, 'm.room.topic')).topic, 'from there', 'topic'));
    await sameState(room, here.main, there.main);
  },

  async 'redactions both ways'({ version, here, there }) {
    const room = await here.main.create({ room_version: version, preset: 'public_chat' });
    await there.main.join(room, [serverOf(here.main.id)]);
    const mine = await here.main.say(room, 'mine');
    const yours = await there.main.say(room, 'yours');
    await eventually(async () => same((await there.main.bodies(room)).sort(), ['mine', 'yours'], 'messages'));
    await eventually(async () => same((await here.main.bodies(room)).sort(), ['mine', 'yours'], 'messages'));
    await here.main.redact(room, mine);
    await there.main.redact(room, yours);
    for (const user of [here.main, there.main]) {
      await eventually(async () => same(await user.bodies(room), ['', ''], `redactions of ${user.label}`));
    }
  },

  async 'leave and come back'({ version, here, there }) {
    const room = await here.main.create({ room_version: version, preset: 'public_chat' });
    const via = [serverOf(here.main.id)];
    await there.main.join(room, via);
    await there.main.act(room, 'leave');
    await eventually(async () => {
      const members = await here.main.request('GET', here.main.room(room, 'joined_members'));
      same(Object.keys(members.joined), [here.main.id], 'members');
    });
    await here.main.say(room, 'while away');
    await there.main.join(room, via);
    await sameState(room, here.main, there.main);
    await chat(room, here.main, there.main).catch((failure) => {
      // The message from before is one more on the side that stayed.
      if (!String(failure).includes('while away')) throw failure;
    });
  },

  async 'invite, reject, rescind'({ version, here, there }) {
    const room = await here.main.create({ room_version: version, preset: 'private_chat', name: 'Invited' });
    const invited = (user) => eventually(async () => holds((await user.rooms()).invite?.[room], 'no invite'));
    const uninvited = (user, after) =>
      eventually(async () => holds(!(await user.rooms()).invite?.[room], `still invited after ${after}`));
    await here.main.act(room, 'invite', there.main.id);
    await invited(there.main);
    await there.main.join(room);
    await sameState(room, here.main, there.main);
    await here.main.act(room, 'invite', there.other.id);
    await invited(there.other);
    await there.other.act(room, 'leave');
    await uninvited(there.other, 'rejecting');
    await sameState(room, here.main, there.main);
    await here.main.act(room, 'invite', there.other.id);
    await invited(there.other);
    await here.main.act(room, 'kick', there.other.id);
    await uninvited(there.other, 'the kick');
    await sameState(room, here.main, there.main);
  },
};

let passed = 0;
const failures = [];
const only = process.env.ONLY;
for (const version of versions) {
  for (const [here, there] of [[ours, theirs], [theirs, ours]]) {
    const results = [];
    for (const [name, check] of Object.entries(checks)) {
      if (only && !name.includes(only)) continue;
      try {
        await check({ version, here, there });
        passed += 1;
      } catch (failure) {
        results.push(name);
        failures.push(`version ${version}, made by ${here.main.label}: ${name}: ${failure.message.slice(0, 600)}`);
      }
    }

    const verdict = results.length === 0 ? 'ok' : `FAILED: ${results.join('; ')}`;
    console.log(`version ${version.padStart(2)}, made by ${here.main.label.padEnd(7)}: ${verdict}`);
  }
}

for (const failure of failures) console.log(failure);
console.log(`${passed} passed, ${failures.length} failed`);
process.exit(failures.length === 0 ? 0 : 1);
