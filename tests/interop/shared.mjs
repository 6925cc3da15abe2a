// What several checks do.
import { eventually, same } from './client.mjs';

/** How long a server may take for hundreds of events of a room, in milliseconds. */
export const patience = 120_000;

export const serverOf = (id) => id.slice(id.indexOf(':') + 1);

/** Both sides have the same state. */
export async function sameState(room, here, there) {
  await eventually(async () => same(await here.state(room), await there.state(room), 'state'));
}

/** Twenty messages each way, all of them on both sides. */
export async function chat(room, here, there) {
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
