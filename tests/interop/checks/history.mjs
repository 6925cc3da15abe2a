// Older history: two servers talk at once, which branches the room, and a third walks all of it back.
import { same } from '../client.mjs';
import { serverOf, walksBackTo } from '../shared.mjs';

/** How many messages each side sends: half of the history. */
const each = Number(process.env.HISTORY ?? 1000) / 2;

export const checks = {
  async 'branched history walked back whole'({ version, here, there, outsiders }) {
    const room = await here.main.create({ room_version: version, preset: 'public_chat' });
    await there.main.join(room, [serverOf(here.main.id)]);
    const said = [];
    const talk = async (user) => {
      for (let n = 1; n <= each; n += 1) {
        said.push(`${user.label} ${n}`);
        await user.say(room, `${user.label} ${n}`);
      }
    };
    await Promise.all([talk(here.main), talk(there.main)]);
    for (const user of [here.main, there.main]) await walksBackTo(user, room, said);

    await outsiders.main.join(room, [serverOf(here.main.id)]);
    const walked = await outsiders.main.walk(room);
    same(walked.sort(), said.sort(), 'messages walked back by the third server');
  },
};
