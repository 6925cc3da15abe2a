// What both sides do while the other one is down. All rooms share the outages: first Synapse is down, then ours.
import { eventually, holds, same } from '../client.mjs';
import { sameState, serverOf } from '../shared.mjs';

const patience = 120_000;
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
    const expected = [...said].sort();
    for (const user of [here.main, there.main]) {
      await eventually(async () => same((await user.walk(room)).sort(), expected, user.label), patience);
    }
  },
});

const changes = {
  name: 'topic, power levels and a ban on both sides',
  async before({ version, here, there }) {
    const room = await here.main.create({ room_version: version, preset: 'public_chat' });
    const via = [serverOf(here.main.id)];
    await there.main.join(room, via);
    await there.other.join(room, via);
    await here.other.join(room);
    const levels = await here.main.get(room, 'm.room.power_levels');
    levels.users = { ...levels.users, [there.main.id]: 100 };
    await here.main.set(room, 'm.room.power_levels', levels);
    await sameState(room, here.main, there.main);
    return { room };
  },
  async alone({ here, there }, user, { room }) {
    const others = user === here ? there : here;
    await user.main.set(room, 'm.room.topic', { topic: `by ${user.main.label}` });
    const levels = await user.main.get(room, 'm.room.power_levels');
    await user.main.set(room, 'm.room.power_levels', { ...levels, events: { ...levels.events, [user.main.label]: 7 } });
    await user.main.act(room, 'ban', others.other.id);
  },
  async after({ here, there }, { room }) {
    // A message makes each side look for what it lacks.
    await here.main.say(room, 'here again');
    await there.main.say(room, 'there again');
    await eventually(async () => same(await here.main.state(room), await there.main.state(room), 'state'), patience);
    const banned = [here.other, there.other].map(async (user) =>
      (await here.main.get(room, 'm.room.member', user.id)).membership);
    same(await Promise.all(banned), ['ban', 'ban'], 'both bans hold');
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
  const kinds = [...gaps.map(gap), changes, redaction].filter((kind) => isWanted(kind.name));
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
