// The servers of a conversation: they are stopped and started while it goes on.
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, openSync } from 'node:fs';

const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function answers(url, isAlive) {
  for (let attempt = 0; attempt < 300; attempt += 1) {
    const response = await fetch(`${url}/_matrix/client/versions`).catch(() => undefined);
    if (response?.ok) return;
    if (!isAlive()) break;
    await wait(100);
  }

  throw new Error(`${url} does not answer`);
}

/** One of our servers, with a data folder and ports of its own. */
export class OurServer {
  constructor(label, { work, port, federation, lab, server, settings = {} }) {
    this.label = label;
    this.name = `localhost:${federation}`;
    this.url = `http://127.0.0.1:${port}`;
    this.data = `${work}/${label}`;
    this.server = server;
    this.log = `${work}/${label}.log`;
    this.environment = {
      MATRIX_SERVER_NAME: this.name,
      MATRIX_DATA_DIR: this.data,
      MATRIX_LISTENERS__CLIENT: `127.0.0.1:${port}`,
      MATRIX_LISTENERS__FEDERATION: `127.0.0.1:${federation}`,
      MATRIX_TLS__CERTIFICATE: `${work}/tls.crt`,
      MATRIX_TLS__KEY: `${work}/tls.key`,
      MATRIX_FEDERATION__CUSTOM_CA: `${lab}/ca/ca.crt`,
      MATRIX_FEDERATION__ALLOW_NETWORKS: '127.0.0.0/8,::1/128',
      MATRIX_REGISTRATION__ENABLED: 'true',
      MATRIX_RATE_LIMITS__ENABLED: 'false',
      MATRIX_PASSWORDS__MEMORY: '64KiB',
      MATRIX_PASSWORDS__OPERATIONS: '1',
      ...settings,
    };
    mkdirSync(this.data, { recursive: true });
  }

  async start() {
    const log = openSync(this.log, 'a');
    this.process = spawn('dotnet', [this.server], {
      env: { ...process.env, ...this.environment },
      stdio: ['ignore', log, log],
    });
    this.ended = new Promise((resolve) => this.process.once('exit', resolve));
    await answers(this.url, () => this.process.exitCode === null);
  }

  async stop() {
    if (!this.process || this.process.exitCode !== null) return;
    this.process.kill('SIGTERM');
    await this.ended;
  }
}

/** The lab's Synapse. */
export class Synapse {
  constructor(tools, work, name, port, federation) {
    this.label = 'synapse';
    this.name = `localhost:${federation}`;
    this.url = `http://127.0.0.1:${port}`;
    this.tools = tools;
    this.withNotary = `${work}/notary`;
    this.arguments = [name, `${port}`, `${federation}`, 'sqlite'];
    this.down = [`${tools}/synapse-down.sh`, [name]];
  }

  /** Starts it; with a notary, it asks our server for the keys of other servers. */
  async start({ notary } = {}) {
    execFileSync(`${notary ? this.withNotary : this.tools}/synapse-up.sh`, this.arguments, { stdio: 'ignore' });
    await answers(this.url, () => true);
  }

  async stop() {
    execFileSync(...this.down, { stdio: 'ignore' });
  }
}
