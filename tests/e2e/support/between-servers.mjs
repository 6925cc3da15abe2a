// The part of docs/conformance.md about requests between servers, and to application services and push gateways. Tests
// in C# see most of them: tests/Matrix.TestWorld/SeenRequests.cs writes the same lines as findings.mjs.
import { everyOperation, serversOperationFor, statusesOf } from "./spec.mjs";

/** The first line of this part. */
export const betweenServers = "## Server-Server API: requests of other servers";

const noOtherQuery = "There are no types of queries but those that are operations of their own.";

/** The tables: the side of the operation that this server has, and why it lacks some. */
const sections = [
  {
    title: betweenServers, side: "received", api: "server-server", text: "What this server answered to other servers.",
    lacks: {
      askPolicyServerToSign: "Policy servers answer it, and this server is none.",
      queryInfo: noOtherQuery,
    },
  },
  {
    title: "## Server-Server API: requests to other servers", side: "sent", api: "server-server",
    text: "What other servers answered to this server.",
    lacks: {
      askPolicyServerToSign: "A [known gap](known-gaps.md).",
      exchangeOpenIdToken: "For services that users identify themselves to.",
      getContentThumbnail: "This server downloads whole images, and makes thumbnails itself.",
      onBindThirdPartyIdentifier: "Identity servers send it.",
      perspectivesKeyQuery: "This server asks notaries by `bulkPerspectivesKeyQuery`.",
      queryInfo: noOtherQuery,
    },
  },
  {
    title: "## Application Service API", side: "sent", api: "application-service",
    text: "What application services answered to this server.", lacks: {},
  },
  {
    title: "## Push Gateway API", side: "sent", api: "push-gateway",
    text: "What push gateways answered to this server.", lacks: {},
  },
];

/** Statuses that depend on time: they are not the same in each run. */
const isTimed = (status) => status === 408 || status === 429 || status >= 500;

/** What the columns of this part mean: for the head of the page. */
export const columnsBetweenServers = [
  "Of the APIs of servers, application services and push gateways, for requests to this server and from it:",
  "",
  "- **Success**: a test saw a success.",
  "- **Errors**: a test saw each error status that the specification lists for it. The others are named.",
  "- **Statuses**: all that tests saw, listed or not. Here and in *Errors*, 408, 429 and those from 500 on are left",
  "  out: whether they come depends on time, as in a retry or at a stop.",
];

/** The statuses that tests saw, by side, API and operation. */
function seenBetweenServers(facts) {
  const seen = new Map();
  for (const fact of facts) {
    const [side, method, path, status] = fact.split(" ");
    const operation = side === "received" || side === "sent" ? serversOperationFor(method, path) : undefined;
    if (operation === undefined || isTimed(Number(status))) continue;
    const key = `${side} ${operation.api} ${operation.id}`;
    seen.set(key, (seen.get(key) ?? new Set()).add(Number(status)));
  }
  return seen;
}

function rowOf(operation, statuses) {
  const missing = statusesOf(operation).filter((status) =>
    status >= 400 && !isTimed(status) && !statuses.includes(status));
  const errors = statuses.length === 0 ? "no" : missing.length > 0 ? `no: ${missing.join(", ")}` : "yes";
  const succeeded = statuses.some((status) => status < 400);
  const line = `| ${operation.id} | ${succeeded ? "yes" : "no"} | ${errors} | ${statuses.join(", ")} |`;
  return { id: operation.id, succeeded, line };
}

function renderSection({ title, side, api, text, lacks }, seen) {
  const rows = everyOperation(api).map((operation) =>
    rowOf(operation, [...seen.get(`${side} ${api} ${operation.id}`) ?? []].sort((a, b) => a - b)));
  const others = rows.filter((row) => !row.succeeded);
  const count = `${rows.length - others.length} of ${rows.length} operations succeeded.`;
  const why = others.map(({ id }) => `- ${id}: ${lacks[id] ?? "No test asks for it."}`);
  return ["", title, "", `${text} ${count}`, "",
    "| Operation | Success | Errors | Statuses |", "|---|---|---|---|", ...rows.map((row) => row.line),
    ...(why.length > 0 ? ["", "No success:", "", ...why] : [])];
}

/** The lines of this part. */
export function renderBetweenServers(facts) {
  const seen = seenBetweenServers(facts);
  return sections.flatMap((section) => renderSection(section, seen));
}
