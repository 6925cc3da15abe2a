// What several checks do.
import { eventually, same } from './client.mjs';

/** How long a server may take without any progress, in milliseconds. */
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

/** Waits until these are all messages that a user can walk back to, for as long as they become more. */
export async function walksBackTo(user, room, expected) {
  const wanted = [...expected].sort();
  let [most, until] = [-1, 0];
  for (;;) {
    const found = (await user.walk(room)).sort();
    if (found.length > most) [most, until] = [found.length, Date.now() + patience];
    if (JSON.stringify(found) === JSON.stringify(wanted) || Date.now() > until) {
      same(found, wanted, `messages of ${user.label}`);
      return;
    }

    // A walk is work for the server, too.
    await new Promise((resolve) => setTimeout(resolve, 2_000));
  }
}
