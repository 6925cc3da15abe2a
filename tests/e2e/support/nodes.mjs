// Several nodes of one server, and HAProxy, which gives each request to the next of them.
import { execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "./ports.mjs";

export class Nodes {
  /** Makes the certificates of `count` nodes; `folder` is the server's. */
  static async make(folder, count) {
    const nodes = new Nodes();
    nodes.folder = folder;
    nodes.all = [];
    for (let i = 0; i < count; i++) {
      const [client, calls, requests, federation] =
        [await freePort(), await freePort(), await freePort(), await freePort()];
      // The first one has the folders that a server by itself has.
      const data = join(folder, i === 0 ? "data" : `data-${i}`);
      nodes.all.push({ name: `node${i}`, data, client, calls, requests, federation });
    }
    nodes.#certify();
    nodes.#shareKey();
    mkdirSync(join(folder, "media"));
    return nodes;
  }

  /** The settings of a node, beside those of the server. */
  settingsOf({ name, data, client, calls, requests, federation }, server) {
    return {
      MATRIX_DATA_DIR: data,
      MATRIX_MEDIA__FOLDER: join(this.folder, "media"),
      MATRIX_LISTENERS__CLIENT: `127.0.0.1:${client}`,
      ...(server.MATRIX_LISTENERS__FEDERATION ? { MATRIX_LISTENERS__FEDERATION: `127.0.0.1:${federation}` } : {}),
      MATRIX_CLUSTER__NODE: name,
      MATRIX_CLUSTER__LISTEN: `127.0.0.1:${calls}`,
      MATRIX_CLUSTER__REQUESTS: `127.0.0.1:${requests}`,
      MATRIX_CLUSTER__CERTIFICATE: this.#file(`${name}.pem`),
      MATRIX_CLUSTER__KEY: this.#file(`${name}.key`),
      MATRIX_CLUSTER__AUTHORITY: this.#file("nodes.pem"),
    };
  }

  /** Starts the balancer: clients at a port, and other servers at an address. */
  balance(port, federation) {
    const configuration = join(this.folder, "haproxy.cfg");
    const servers = (of) => this.all.map((node) => `    server ${node.name} 127.0.0.1:${node[of]} `
      + `check port ${node.client} inter 300ms fall 2 rise 1`).join("\n");
    writeFileSync(configuration, `
defaults
    mode http
    option http-server-close
    option redispatch 1
    retries 3
    retry-on conn-failure
    timeout connect 3s
    timeout client 2m
    timeout server 2m
    timeout check 2s
frontend clients
    # Tests send paths that no client sends, and the answer should be the server's.
    option accept-invalid-http-request
    bind 127.0.0.1:${port}
    default_backend nodes
backend nodes
    balance roundrobin
    option httpchk GET /health/ready
${servers("client")}
${federation ? `
frontend servers
    mode tcp
    bind ${federation}
    default_backend federation
backend federation
    mode tcp
    balance roundrobin
    option httpchk GET /health/ready
${servers("federation")}
` : ""}`);
    this.balancer = spawn("haproxy", ["-db", "-q", "-f", configuration], { stdio: ["ignore", "inherit", "inherit"] });
  }

  dispose() {
    this.balancer?.kill("SIGKILL");
  }

  #file(name) {
    return join(this.folder, name);
  }

  /** Gives all the key with which the server signs: a node does not start without. */
  #shareKey() {
    const seed = randomBytes(32).toString("base64").replace(/=+$/, "");
    for (const { data } of this.all) {
      mkdirSync(data, { recursive: true });
      writeFileSync(join(data, "signing.key"), `ed25519 e2e ${seed}\n`, { mode: 0o600 });
    }
  }

  #certify() {
    const openssl = (...parameters) => execFileSync("openssl", parameters, { cwd: this.folder, stdio: "pipe" });
    const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    openssl("req", "-x509", ...key, "-days", "2", "-subj", "/CN=Matrix nodes",
      "-addext", "keyUsage=critical,keyCertSign", "-keyout", "nodes.key", "-out", "nodes.pem");
    for (const { name } of this.all) {
      writeFileSync(this.#file(`${name}.ext`), `subjectAltName=DNS:${name}\nextendedKeyUsage=serverAuth,clientAuth\n`);
      openssl("req", ...key, "-subj", `/CN=${name}`, "-keyout", `${name}.key`, "-out", `${name}.csr`);
      openssl("x509", "-req", "-in", `${name}.csr`, "-CA", "nodes.pem", "-CAkey", "nodes.key", "-CAcreateserial",
        "-days", "2", "-extfile", `${name}.ext`, "-out", `${name}.pem`);
    }
  }
}
