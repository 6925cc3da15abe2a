// Rooms that are joined by membership of another room, or by a knock.
import { eventually, holds } from '../client.mjs';
import { sameState, serverOf } from '../shared.mjs';

const since = (version, check) => Object.assign(check, { since: version });

export const checks = {
  'restricted join, vouched by the other': since(8, async ({ version, here, there }) => {
    const via = [serverOf(here.main.id)];
    const space = await here.main.create({
      room_version: version, preset: 'public_chat', creation_content: { type: 'm.space' },
    });
    // Only the creator may invite, so only the creator's server can vouch.
    const room = await here.main.create({
      room_version: version,
      preset: 'private_chat',
      initial_state: [{
        type: 'm.room.join_rules',
        state_key: '',
        content: { join_rule: 'restricted', allow: [{ type: 'm.room_membership', room_id: space, via }] },
      }],
      power_level_content_override: { invite: 50 },
    });
    let refused = false;
    await there.main.join(room, via).catch(() => (refused = true));
    holds(refused, 'joined without being in the space');
    await there.main.join(space, via);
    await eventually(async () => there.main.join(room, via));
    await sameState(room, here.main, there.main);
    await there.other.join(space, via);
    await eventually(async () => there.other.join(room, via));
    await sameState(room, here.main, there.main);
  }),

  'knock, invite, join': since(7, async ({ version, here, there }) => {
    const room = await here.main.create({
      room_version: version,
      preset: 'private_chat',
      name: 'Knock here',
      initial_state: [{ type: 'm.room.join_rules', state_key: '', content: { join_rule: 'knock' } }],
    });
    await there.main.knock(room, [serverOf(here.main.id)]);
    await eventually(async () => holds((await there.main.rooms()).knock?.[room], 'the knock is not in sync'));
    await eventually(async () => {
      const member = await here.main.get(room, 'm.room.member', there.main.id);
      holds(member.membership === 'knock', `membership ${member.membership}`);
    });
    await here.main.act(room, 'invite', there.main.id);
    await eventually(async () => holds((await there.main.rooms()).invite?.[room], 'no invite'));
    await there.main.join(room, [serverOf(here.main.id)]);
    await sameState(room, here.main, there.main);
  }),
};
