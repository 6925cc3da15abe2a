// What both sides do while the other one is down. Several rooms share the outages: first Synapse is down, then ours.
import { eventually, holds, same } from '../client.mjs';
import { patience, sameState, serverOf, walksBackTo } from '../shared.mjs';

const gaps = (process.env.GAPS ?? '30,600').split(',').map(Number);

/** A gap of a number of messages, in both directions. */
const gap = (size) => ({
  name: `gap of ${size} both ways`,
  async before({ version, here, there }) {
    const room = await here.main.create({ room_version: version, preset: 'public_chat' });
    await there.main.join(room, [serverOf(here.main.id)]);
    await sameState(room, here.main, there.main);
    return { room, said: [] };
  },
  async alone(side, user, { room, said }) {
    for (let n = 1; n <= size; n += 1) {
      said.push(`${user.main.label} ${n}`);
      await user.main.say(room, `${user.main.label} ${n}`);
    }
  },
  async after({ here, there }, { room, said }) {
    said.push('end');
    await here.main.say(room, 'end');
    for (const user of [here.main, there.main]) await walksBackTo(user, room, said);
  },
});

/** A room with two users of each side, of whom the first two have all power. */
async function roomOfFour({ version, here, there }, between = async () => {}) {
  const room = await here.main.create({ room_version: version, preset: 'public_chat' });
  const via = [serverOf(here.main.id)];
  await there.main.join(room, via);
  await there.other.join(room, via);
  await here.other.join(room);
  const levels = await here.main.get(room, 'm.room.power_levels');
  levels.users = { ...levels.users, [there.main.id]: 100 };
  await here.main.set(room, 'm.room.power_levels', levels);
  await sameState(room, here.main, there.main);
  await between(room);
  return { room, levels: {} };
}

async function changeAll({ here, there }, user, { room, levels: set }) {
  const others = user === here ? there : here;
  await user.main.set(room, 'm.room.topic', { topic: `by ${user.main.label}` });
  const levels = await user.main.get(room, 'm.room.power_levels');
  const events = { ...levels.events, [user.main.label]: 7 };
  set[user.main.id] = await user.main.set(room, 'm.room.power_levels', { ...levels, events });
  await user.main.act(room, 'ban', others.other.id);
}

/** A message makes each side look for what it lacks. */
async function meet({ here, there }, room) {
  await here.main.say(room, 'here again');
  await there.main.say(room, 'there again');
}

async function bothBansHold({ here, there }, room) {
  const banned = [here.other, there.other].map(async (user) =>
    (await here.main.get(room, 'm.room.member', user.id)).membership);
  same(await Promise.all(banned), ['ban', 'ban'], 'both bans hold');
}

const changes = {
  name: 'topic, power levels and a ban on both sides',
  before: (side) => roomOfFour(side, async (room) => {
    // From here on the join of each is in the auth chains of both branches.
    await side.there.main.set(room, 'm.room.name', { name: 'Kitchen' });
    await sameState(room, side.here.main, side.there.main);
  }),
  alone: changeAll,
  async after(side, { room }) {
    const { here, there } = side;
    await meet(side, room);
    await eventually(async () => same(await here.main.state(room), await there.main.state(room), 'state'), patience);
    await bothBansHold(side, room);
  },
};

// The join of the user with new power is in the state of both branches, but in the auth chains of their own branch
// only. So it is in the auth difference, and sorted before their power levels, by the power that it had: none (room
// versions, "Auth chain", "Auth difference"). Synapse counts the events of a state among its auth chains, and sorts the
// two power levels events by time. The result is the same in version 1, and where the creator's power is infinite.
const firstActs = {
  name: 'the same by a user with new power',
  before: (side) => roomOfFour(side),
  alone: changeAll,
  async after(side, { room, levels }) {
    const { here, there } = side;
    await meet(side, room);
    const inState = (event) => `m.room.power_levels  ${event}`;
    const sorted = (state, event) =>
      [...state.filter((line) => !line.startsWith('m.room.power_levels ')), inState(event)].sort();
    const isApart = here.main.label === 'synapse' && Number(side.version) > 1 && Number(side.version) < 12;
    await eventually(async () => {
      const [ofHere, ofThere] = await Promise.all([here, there].map((users) => users.main.state(room)));
      if (!isApart) return same(ofHere, ofThere, 'state');
      same(ofThere, sorted(ofThere, levels[there.main.id]), 'our state by the definition');
      if (!ofHere.includes(inState(levels[there.main.id]))) {
        same(ofHere, sorted(ofThere, levels[here.main.id]), 'the state of Synapse but for its power levels');
      }
    }, patience);
    await bothBansHold(side, room);
    // The next power levels end the difference.
    const last = await here.main.get(room, 'm.room.power_levels');
    await here.main.set(room, 'm.room.power_levels', { ...last, events: { ...last.events, healed: 7 } });
    await eventually(async () => same(await here.main.state(room), await there.main.state(room), 'state'), patience);
  },
};

const redaction = {
  name: 'a redaction that arrives before its target',
  async before({ version, here, there }) {
    const room = await here.main.create({ room_version: version, preset: 'public_chat' });
    await there.main.join(room, [serverOf(here.main.id)]);
    await sameState(room, here.main, there.main);
    return { room };
  },
  async alone(side, user, { room }) {
    // The newest event of a room is the first one that is sent after an outage.
    const wrong = await user.main.say(room, `a mistake of ${user.main.label}`);
    await user.main.redact(room, wrong);
  },
  async after({ here, there }, { room }) {
    for (const user of [here.main, there.main]) {
      await eventually(async () => {
        const bodies = await user.walk(room);
        same(bodies, ['', ''], `messages of ${user.label}`);
      }, patience);
    }
  },
};

export async function outages({ sides, our, synapse, attempt, isWanted, say }) {
  const kinds = [...gaps.map(gap), changes, firstActs, redaction].filter((kind) => isWanted(kind.name));
  if (kinds.length === 0) return;
  const all = sides.flatMap((side) => kinds.map((kind) => ({ side, kind, title: `${side.title}: ${kind.name}` })));
  for (const each of all) {
    each.holds = await attempt(each.title, async () => (each.state = await each.kind.before(each.side)));
  }

  const usersOf = (side, server) => [side.here, side.there].find((users) => serverOf(users.main.id) === server.name);
  for (const [down, up] of [[synapse, our], [our, synapse]]) {
    await down.stop();
    if (down === our) await synapse.start();
    for (const { side, kind, state, holds: held } of all) {
      if (held) await kind.alone(side, usersOf(side, up), state);
    }
  }

  await our.start();
  for (const { side, kind, title, state, holds: held } of all) {
    if (!held) continue;
    const isWell = await attempt(title, () => kind.after(side, state));
    say(`${title}: ${isWell ? 'ok' : 'FAILED'}`);
  }
}
