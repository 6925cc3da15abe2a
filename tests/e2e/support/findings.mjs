// What the suites saw of each operation: the facts that docs/conformance.md is made of.
import { appendFileSync } from "node:fs";
import { basename, join } from "node:path";
import { checkResponse } from "./spec.mjs";

const facts = new Set();
// Tests that try each operation, as opposed to those that use it.
const isTable = ["every-operation", "listed-errors", "wrong-types"]
  .includes(basename(process.argv[1] ?? "").replace(".test.mjs", ""));

process.on("exit", () => {
  const folder = process.env.CONFORMANCE_FACTS;
  if (folder && facts.size > 0) appendFileSync(join(folder, "e2e"), [...facts, ""].join("\n"));
});

/** Whether the server has no such operation. */
export const isUnrecognised = (response) =>
  [404, 405].includes(response.status) && response.body?.errcode === "M_UNRECOGNIZED";

/** Records the status that an operation answered, if the response is as its schema says. */
export function answered(operation, path, response) {
  if (operation === undefined || path.includes("/r0/")) return;
  if (!isUnrecognised(response)) facts.add(`known ${operation.id}`);
  if (checkResponse(operation, response.status, response.headers, response.body).length > 0) return;
  facts.add(`status ${operation.id} ${response.status}`);
  if (response.status < 400 && !isTable) facts.add(`reached ${operation.id}`);
}

/** Records what a test saw of an endpoint that the specification's data does not have. */
export const endpoint = (name, fact) => facts.add(`endpoint ${name} ${fact}`);

/** Records that an operation was tried without a token, and with an unknown one, and answered as specified. */
export const authenticated = (operation) => facts.add(`authenticated ${operation.id}`);

/** Records a request of a test to our server's API for other servers: tests in C# write the same lines. */
export const received = (method, target, status) =>
  facts.add(`received ${method} ${target.split("?")[0]} ${status}`);

/** Records the requests of our server that a stub answers, and returns the stub. */
export const recordingSent = (stub) => stub.on("request", ({ method, url }, response) =>
  response.on("finish", () => facts.add(`sent ${method} ${url.split("?")[0]} ${response.statusCode}`)));
