// Rooms of one version that two servers share.
import { eventually, holds, same } from '../client.mjs';
import { chat, sameState, serverOf } from '../shared.mjs';

export const checks = {
  async 'join by id, chat, same state'({ version, here, there }) {
    const room = await here.main.create({ room_version: version, preset: 'public_chat', name: 'By id' });
    await there.main.join(room, [serverOf(here.main.id)]);
    await sameState(room, here.main, there.main);
    await chat(room, here.main, there.main);
    await sameState(room, here.main, there.main);
  },

  async 'join by alias'({ version, here, there, run }) {
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
