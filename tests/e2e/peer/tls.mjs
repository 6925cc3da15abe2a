// Certificates for one run, made by the openssl command.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export class Authority {
  constructor() {
    this.folder = mkdtempSync(join(tmpdir(), "matrix-e2e-ca-"));
    this.file = join(this.folder, "ca.pem");
    this.#openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
      "-subj", "/CN=Tests", "-keyout", "ca.key", "-out", "ca.pem");
  }

  /** The authority's certificate. */
  get certificate() {
    return readFileSync(this.file);
  }

  /** The files of a certificate for an IP address and of its key. */
  issue(name, address) {
    const file = (ending) => join(this.folder, `${name}.${ending}`);
    writeFileSync(file("ext"), `subjectAltName=IP:${address}\nextendedKeyUsage=serverAuth\n`);
    this.#openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", `/CN=${name}`,
      "-keyout", file("key"), "-out", file("csr"));
    this.#openssl("x509", "-req", "-in", file("csr"), "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
      "-days", "2", "-extfile", file("ext"), "-out", file("pem"));
    return { certificate: file("pem"), key: file("key") };
  }

  dispose() {
    rmSync(this.folder, { recursive: true, force: true });
  }

  #openssl(...parameters) {
    execFileSync("openssl", parameters, { cwd: this.folder, stdio: "pipe" });
  }
}
