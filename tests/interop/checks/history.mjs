// Older history: two servers talk at once, which branches the room, and a third walks all of it back.
import { eventually, same } from '../client.mjs';
import { patience, serverOf } from '../shared.mjs';

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
    said.sort();
    for (const user of [here.main, there.main]) {
      await eventually(async () => same((await user.walk(room)).sort(), said, `messages of ${user.label}`), patience);
    }

    await outsiders.main.join(room, [serverOf(here.main.id)]);
    const walked = await outsiders.main.walk(room);
    same(walked.sort(), said, 'messages walked back by the third server');
  },
};
