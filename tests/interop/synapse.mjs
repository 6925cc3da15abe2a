// Our server and Synapse, and a third server of ours where one is needed: rooms of every version, made by either side,
// through outages, and what is checked once.
import { User } from './client.mjs';
import { OurServer, Synapse } from './servers.mjs';
import { checks as rooms } from './checks/rooms.mjs';
import { checks as joins } from './checks/joins.mjs';
import { checks as history } from './checks/history.mjs';
import { checks as once } from './checks/once.mjs';
import { outages } from './checks/outages.mjs';

const all = ['1', '2', '3', '4', '5', '6', '7', '8', '9', '10', '11', '12'];
const versions = process.argv.length > 2 ? process.argv.slice(2) : all;
const run = Date.now().toString(36);
const only = process.env.ONLY;

const { WORK: work, LAB: lab, LAB_TOOLS: tools, OUR_SERVER: server } = process.env;
const port = Number(process.env.OUR_PORT);
const federation = Number(process.env.OUR_FEDERATION_PORT);
const common = { work, lab, server };
const our = new OurServer('ours', { ...common, port, federation });
const third = new OurServer('third', { ...common, port: port + 1, federation: federation + 1 });
const synapse = new Synapse(
  tools, work, process.env.SYNAPSE_NAME, Number(process.env.SYNAPSE_PORT), Number(process.env.SYNAPSE_FEDERATION_PORT));

// The SDK that some checks load takes the console over.
const say = (line) => process.stdout.write(`${line}\n`);

let passed = 0;
const failures = [];

/** Runs a check, and counts it. Returns whether it held. */
async function attempt(title, check) {
  try {
    await check();
    passed += 1;
    return true;
  } catch (failure) {
    failures.push(`${title}: ${String(failure.stack ?? failure).slice(0, 700)}`);
    return false;
  }
}

const isWanted = (name) => !only || only.split('|').some((text) => name.includes(text));
const users = async (of, ...names) =>
  Object.fromEntries(await Promise.all(Object.entries({ main: names[0], other: names[1] }).map(
    async ([role, name]) => [role, await User.register(of.url, of.label, `${name}${run}`)])));

try {
  await Promise.all([our.start(), third.start(), synapse.start()]);
  const ours = await users(our, 'alice', 'anna');
  const theirs = await users(synapse, 'bob', 'ben');
  const outsiders = await users(third, 'carol', 'cara');
  const sides = versions.flatMap((version) =>
    [[ours, theirs], [theirs, ours]].map(([here, there]) => {
      const title = `version ${version.padStart(2)}, made by ${here.main.label.padEnd(7)}`;
      return { version, here, there, outsiders, run, title };
    }));

  for (const side of sides) {
    const failed = [];
    for (const [name, check] of Object.entries({ ...rooms, ...joins, ...history })) {
      if (!isWanted(name) || Number(side.version) < (check.since ?? 1)) continue;
      if (!(await attempt(`${side.title}: ${name}`, () => check(side)))) failed.push(name);
    }

    say(`${side.title}: ${failed.length === 0 ? 'ok' : `FAILED: ${failed.join('; ')}`}`);
  }

  // A server that is back gets everything at once, in the rooms of a few versions at a time.
  for (let first = 0; first < sides.length; first += 8) {
    await outages({ sides: sides.slice(first, first + 8), our, synapse, attempt, isWanted, say });
  }

  for (const [name, check] of Object.entries(once)) {
    if (!isWanted(name)) continue;
    const held = await attempt(name, () => check({ our, third, synapse, ours, theirs, outsiders, run }));
    say(`once: ${name}: ${held ? 'ok' : 'FAILED'}`);
  }
} catch (failure) {
  failures.push(`the conversation ended: ${failure.stack}`);
} finally {
  await Promise.all([our.stop(), third.stop()]);
}

for (const failure of failures) say(failure);
say(`${passed} passed, ${failures.length} failed`);
process.exit(failures.length === 0 ? 0 : 1);
