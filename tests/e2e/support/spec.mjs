// Reads the specification's data: the operation of a request, and the schema of its response.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import Ajv2020 from "ajv/dist/2020.js";
import { parse } from "yaml";

const repository = resolve(fileURLToPath(import.meta.url), "../../../..");
const folder = resolve(repository, process.env.MATRIX_SPEC_DIR ?? "../shared/spec");

/** Whether the specification's data is on this machine. Without it nothing is checked, and a test reports that. */
export const present = existsSync(join(folder, "data/api/client-server/sync.yaml"));
export const whereItShouldBe = folder;

const root = "spec:/";
const uriOf = (file) => root + relative(join(folder, "data"), file).split("/").map(encodeURIComponent).join("/");

const formats = {
  "mx-user-id": /^@[^:]*:.+$/,
  "mx-event-id": /^\$.+$/,
  "mx-room-id": /^!.+$/,
  "mx-room-alias": /^#[^:]*:.+$/,
  "mx-server-name": /^[A-Za-z0-9.:[\]-]+$/,
  "mx-mxc-uri": /^mxc:\/\/[^/]+\/[^/]+$/,
  "mx-unpadded-base64": /^[A-Za-z0-9+/]*$/,
  "mx-urlsafe-unpadded-base64": /^[A-Za-z0-9_-]*$/,
  uri: /^[A-Za-z][A-Za-z0-9+.-]*:/,
  email: /^[^@]+@[^@]+$/,
};

const ajv = new Ajv2020({ strict: false, validateSchema: false, allErrors: true, logger: false });
for (const [name, pattern] of Object.entries(formats)) ajv.addFormat(name, pattern);
ajv.addFormat("int64", { type: "number", validate: Number.isSafeInteger });
ajv.addFormat("float", { type: "number", validate: Number.isFinite });

const documents = new Map();
/** The operations of each API whose requests tests record. */
const apis = { "client-server": [], "server-server": [], "application-service": [], "push-gateway": [] };
const operations = apis["client-server"];
const eventTypes = new Map();

function yamlFiles(under) {
  return readdirSync(under, { withFileTypes: true }).flatMap((entry) => {
    const path = join(under, entry.name);
    return entry.isDirectory() ? yamlFiles(path) : entry.name.endsWith(".yaml") ? [path] : [];
  });
}

function load() {
  for (const file of [...yamlFiles(join(folder, "data/api")), ...yamlFiles(join(folder, "data/event-schemas")),
    ...yamlFiles(join(folder, "data/schemas"))]) {
    const document = parse(readFileSync(file, "utf8"), { logLevel: "silent" });
    if (document === null || typeof document !== "object") continue;
    // "The content, or the whole event": a whole event is an object too, so it matches both alternatives.
    if (file.endsWith("client-server/rooms.yaml")) relaxOneOf(document);
    allowNullWhereClientsWantIt(file, document);
    documents.set(uriOf(file), document);
    ajv.addSchema(document, uriOf(file), false, false);
  }
  for (const [uri, document] of documents) {
    const api = uri.slice(root.length).match(/^api\/([^/]+)\/[^/]+$/)?.[1];
    if (api in apis && document.paths) readOperations(api, uri, document);
    const name = uri.match(/event-schemas\/schema\/([^/]+)\.yaml$/);
    if (name) eventTypes.set(decodeURIComponent(name[1]), uri);
  }
  // "/rooms/{roomId}/state" is tried before "/rooms/{roomId}/{anything}".
  for (const some of Object.values(apis)) some.sort((a, b) => b.literals - a.literals);
}

/** Members that are null although the schema does not allow null: docs/decisions/0023. */
function allowNullWhereClientsWantIt(file, document) {
  const allow = (properties, names) =>
    names.forEach((name) => (properties[name].type = [properties[name].type, "null"]));
  if (file.endsWith("client-server/definitions/client_device.yaml")) {
    allow(document.properties, ["display_name", "last_seen_ip", "last_seen_ts"]);
  }
  if (file.endsWith("client-server/rooms.yaml")) {
    const ok = document.paths["/rooms/{roomId}/joined_members"].get.responses["200"];
    const answer = ok.content["application/json"].schema;
    allow(answer.properties.joined.patternProperties["^@"].properties, ["display_name", "avatar_url"]);
  }
}

function relaxOneOf(value) {
  if (value === null || typeof value !== "object") return;
  if (Array.isArray(value.oneOf)) {
    value.anyOf = value.oneOf;
    delete value.oneOf;
  }
  Object.values(value).forEach(relaxOneOf);
}

function readOperations(api, uri, document) {
  const base = document.servers?.[0]?.variables?.basePath?.default ?? "";
  for (const [path, methods] of Object.entries(document.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      if (!operation?.operationId) continue;
      const full = base + path.trim();
      const pattern = full.replace(/[.*+?^$()|[\]\\]/g, "\\$&").replace(/\{[^}]+\}/g, "([^/]*)");
      apis[api].push({
        api,
        id: operation.operationId,
        method: method.toUpperCase(),
        template: full,
        pattern: new RegExp(`^${pattern}$`),
        literals: full.split("/").filter((s) => s && !s.startsWith("{")).length,
        operation,
        pointer: `${uri}#/paths/${escape(path)}/${method}`,
        uri,
      });
    }
  }
}

const escape = (key) => encodeURIComponent(key.replaceAll("~", "~0").replaceAll("/", "~1"));

/** Operations that share a path and a method with another, and what tells them apart. */
const apart = {
  inviteBy3PID: (query, body) => typeof body === "object" && body !== null && "medium" in body,
  peekEvents: (query) => /(^|&)room_id=/.test(query),
};

/** The operation of a request. `r0` paths are the same operations as `v3`. */
export function operationFor(method, path, body) {
  const asV3 = path.split("?")[0].replace("/_matrix/client/r0/", "/_matrix/client/v3/")
    // The state key may be left out together with its slash.
    .replace(/(\/rooms\/[^/]+\/state\/[^/]+)$/, "$1/");
  const all = operations.filter((o) => o.method === method && o.pattern.test(asV3));
  const query = path.split("?")[1] ?? "";
  return all.find((o) => apart[o.id]?.(query, body)) ?? all.find((o) => !apart[o.id]);
}

/** The operation of a request between servers, or to an application service or a push gateway. */
export const serversOperationFor = (method, path) => Object.values(apis).filter((some) => some !== operations).flat()
  .find((o) => o.method === method && o.pattern.test(path));

/** All operations of an API, in the order of their modules. */
export const everyOperation = (api = "client-server") =>
  apis[api].toSorted((a, b) => (a.uri + a.id < b.uri + b.id ? -1 : 1));

/** The name of the file that describes an operation, such as `room_send`. */
export const moduleOf = (operation) => operation.uri.match(/([^/]+)\.yaml$/)[1];

/** The statuses that an operation lists. */
export const statusesOf = (operation) => Object.keys(operation.operation.responses).map(Number);

/** The parameters of an operation in one place, such as `path` or `query`, with their references resolved. */
export function parametersOf(operation, place) {
  return (operation.operation.parameters ?? [])
    .map((_, i) => at(`${operation.pointer}/parameters/${i}`).value)
    .filter((parameter) => parameter.in === place);
}

/** Whether an operation reads a body of JSON. */
export const readsJson = (operation) =>
  at(`${operation.pointer}/requestBody/content/application~1json/schema`) !== undefined;

export function operationById(id) {
  const found = operations.find((o) => o.id === id);
  if (!found) throw new Error(`The specification has no operation '${id}'.`);
  return found;
}

/** The schema at a pointer, its own `$ref` followed once. */
function at(pointer) {
  const [uri, fragment] = pointer.split("#");
  let value = documents.get(uri);
  for (const part of (fragment ?? "").split("/").filter(Boolean)) {
    value = value?.[decodeURIComponent(part).replaceAll("~1", "/").replaceAll("~0", "~")];
  }
  if (value?.$ref) return at(follow(value.$ref, uri));
  return value === undefined ? undefined : { value, pointer, uri };
}

function follow(reference, uri) {
  if (reference.startsWith("#")) return uri + reference;
  const [file, fragment] = reference.split("#");
  const parts = uri.slice(root.length).split("/").slice(0, -1);
  for (const step of file.split("/")) {
    if (step === "..") parts.pop();
    else if (step !== ".") parts.push(encodeURIComponent(decodeURIComponent(step)));
  }
  return root + parts.join("/") + (fragment ? `#${fragment}` : "");
}

const validators = new Map();

function validator(pointer) {
  let compiled = validators.get(pointer);
  if (!compiled) {
    compiled = ajv.compile({ $ref: pointer });
    validators.set(pointer, compiled);
  }
  return compiled;
}

function problems(pointer, value, what) {
  const validate = validator(pointer);
  if (validate(value)) return [];
  return validate.errors.map((e) => `${what}${e.instancePath}: ${e.message} ${JSON.stringify(e.params)}`);
}

/** The errors of a response against the operation's schema. */
export function checkResponse(operation, status, headers, body) {
  const described = at(`${operation.pointer}/responses/${status}`);
  if (!described) {
    // Any operation may return any standard error, even if it is not listed.
    if (status === 401 && body?.flows) return problems(
      `${root}api/client-server/definitions/auth_response.yaml`, body, `${operation.id} 401 `);
    return status >= 400 ? checkError(status, body) : [`${operation.id} does not answer ${status}`];
  }
  const content = at(`${described.pointer}/content/application~1json/schema`);
  if (!content) return [];
  const type = headers.get("content-type") ?? "";
  if (!type.startsWith("application/json")) return [`Content-Type is '${type}'`];
  const found = problems(content.pointer, body, `${operation.id} ${status} `);
  return status >= 400 && status !== 401 ? [...found, ...checkError(status, body)] : found;
}

/** The standard error response: an object with errcode and, because our server always explains errors, error. */
export function checkError(status, body) {
  const found = problems(`${root}api/client-server/definitions/errors/error.yaml`, body, `error ${status} `);
  if (typeof body?.errcode !== "string" || !/^[A-Z][A-Z0-9_]*$/.test(body.errcode)) found.push(
    `errcode is ${JSON.stringify(body?.errcode)}`);
  if (typeof body?.error !== "string") found.push("error is not a text");
  if (/\bat [A-Za-z_.<>]+\(|Exception|\.cs:line|\.fs:line/.test(JSON.stringify(body ?? ""))) found.push(
    "a stack trace or an exception's name is told to the client");
  return found;
}

/** The errors of an event as clients see it; sync leaves out `roomId`. Redacted content is not checked. */
export function checkEvent(event, roomId, where) {
  const whole = { room_id: roomId, ...event };
  const type = typeof event.type === "string" ? event.type : "";
  const redacted = event.unsigned?.redacted_because !== undefined;
  const isState = event.state_key !== undefined;
  const core = `${root}event-schemas/schema/core-event-schema/${isState ? "state_event" : "room_event"}.yaml`;
  const found = problems(core, whole, `${where} ${type} `);
  if (!redacted) {
    const msgtype = type === "m.room.message" && eventTypes.get(`m.room.message$${event.content?.msgtype}`);
    const schema = msgtype || eventTypes.get(type);
    if (schema && isStateType(schema) === isState) found.push(...problems(schema, whole, `${where} ${type} `));
  }
  return found;
}

function isStateType(uri) {
  return JSON.stringify(documents.get(uri)).includes("core-event-schema/state_event.yaml");
}

/** Ephemeral and account data events: type and content only. */
export function checkLooseEvent(event, where) {
  const schema = eventTypes.get(event.type);
  return schema && !["m.direct"].includes(event.type) ? problems(schema, event, `${where} ${event.type} `) : [];
}

/** The properties of a request body's schema, with references resolved, for tests that break each field. */
export function requestProperties(id) {
  const operation = operationById(id);
  const schema = at(`${operation.pointer}/requestBody/content/application~1json/schema`);
  return schema ? properties(schema) : {};
}

function properties(schema, depth = 0) {
  const found = {};
  const { value, pointer } = schema;
  (value.allOf ?? []).forEach((_, i) => {
    const part = at(`${pointer}${pointer.includes("#") ? "" : "#"}/allOf/${i}`);
    if (part) Object.assign(found, properties(part, depth));
  });
  for (const name of Object.keys(value.properties ?? {})) {
    const property = at(`${pointer}${pointer.includes("#") ? "" : "#"}/properties/${escape(name)}`);
    if (!property) continue;
    found[name] = {
      types: [property.value.type ?? (property.value.properties || property.value.allOf ? "object" : undefined)].flat()
        .filter(Boolean),
      items: [property.value.items?.type].flat().filter(Boolean),
      inner: depth < 3 ? properties(property, depth + 1) : {},
    };
  }
  return found;
}

if (present) load();
