// The server that is changed (near), another one (far), and what stands beside them.
import { readFileSync } from 'node:fs';
import { registrationOf } from '../../../e2e/bots/relay.mjs';

/** A server as the helpers of tests/e2e know it. The lab's shared secret is `lab`. */
const serverOf = ({ name, port }) => ({ name, port, url: `http://127.0.0.1:${port}`, secret: 'lab' });

/** What `run` says, with the registration of a bridge, which it also writes for the servers. */
export function worldOf(said) {
    const near = serverOf(said.near);
    const registration = registrationOf(near.name, said.bridgePort);
    registration.outputAsYaml(said.registration);
    return {
        ...said, near, far: serverOf(said.far), registration,
        farLog: () => readFileSync(said.farLog, 'utf8').trimEnd().split('\n'),
    };
}
