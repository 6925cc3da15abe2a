// clients.mjs FILE: clients of every kind, in one process that lives through an import. FILE is what `run` says of the
// servers. It writes the registration of a bridge first. Each line of the standard input names a step, and the standard
// output has `done` after it. The last step, `after`, ends with `N passed, N failed` instead.
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { Tally } from './tally.mjs';

// Synapse's responses are not what is tested here.
process.env.MATRIX_SPEC_DIR = '/nonexistent';
const { worldOf } = await import('./clients/world.mjs');
const { People } = await import('./clients/people.mjs');
const { Pushes } = await import('./clients/pushes.mjs');
const { Bots } = await import('./clients/bots.mjs');
const { Bridges } = await import('./clients/bridges.mjs');
const { Pages } = await import('./clients/pages.mjs');
const { Neighbours } = await import('./clients/neighbours.mjs');

const world = worldOf(JSON.parse(readFileSync(process.argv[2], 'utf8')));
const kinds = [People, Pushes, Bots, Bridges, Pages, Neighbours].map((kind) => new kind(world));
const patience = 300_000;
const write = (line) => process.stdout.write(`${line}\n`);
const tally = new Tally(write);
let code = 1;

/** Waits for a step; one that never ends stops all. */
const ends = (step, name) => Promise.race([step, new Promise((_, fail) =>
    setTimeout(() => fail(new Error(`${name} does not end`)), patience).unref())]);

// The SDKs retry what failed, and some do not wait for it.
process.on('unhandledRejection', (problem) => process.stderr.write(`unhandled: ${problem?.stack ?? problem}\n`));
try {
    write('done');
    for await (const step of createInterface({ input: process.stdin })) {
        for (const kind of kinds) {
            const start = Date.now();
            await ends(kind[step](tally.holds.bind(tally)), `${step} ${kind.constructor.name}`);
            process.stderr.write(`${step} ${kind.constructor.name}: ${Date.now() - start} ms\n`);
        }

        if (step === 'after') break;
        write('done');
    }

    code = tally.ends();
} catch (problem) {
    write(`stopped: ${problem.stack}`);
}

for (const kind of kinds) await Promise.resolve(kind.stops()).catch(() => undefined);
// The crypto of matrix-js-sdk has timers of its own.
process.exit(code);
