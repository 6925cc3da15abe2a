// The content repository as plain requests: uploads, URIs that get their content later, downloads.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { User, call, raw, refusedWith, v1 } from "../support/client.mjs";
import { png } from "../support/png.mjs";
import { Server } from "../support/server.mjs";

let server, alice;
before(async () => {
  server = await Server.start({ MATRIX_FEDERATION__ALLOW_NETWORKS: "127.0.0.0/8" });
  alice = await User.register(server, "alice");
});
after(() => server?.dispose());

const upload = (user, body, type = "image/png", name = "a b.png") => call(
  server, "POST", `/_matrix/media/v3/upload?filename=${encodeURIComponent(name)}`,
  { token: user.token, body, headers: { "content-type": type } });
const partsOf = (uri) => /^mxc:\/\/([^/]+)\/([A-Za-z0-9_-]+)$/.exec(uri).slice(1);
const download = (user, [origin, id], more = "", headers = {}) => call(
  server, "GET", v1`media/download/${origin}/${id}` + more, { token: user.token, headers });

test("an upload is downloaded by another user, with its type and name", async () => {
  const bob = await User.register(server);
  const uploaded = await upload(alice, "a picture");
  assert.equal(uploaded.status, 200, uploaded.text);
  const uri = partsOf(uploaded.body.content_uri);

  const got = await download(bob, uri);
  assert.equal(got.text, "a picture");
  assert.equal(got.headers.get("content-type"), "image/png");
  assert.match(got.headers.get("content-disposition"), /^inline; filename="a b.png"/);
  assert.equal(got.headers.get("cross-origin-resource-policy"), "cross-origin");
  assert.match(got.headers.get("content-security-policy"), /^sandbox;/);
  assert.equal(got.headers.get("access-control-allow-origin"), "*");

  const named = await download(bob, uri, "/other.txt");
  assert.match(named.headers.get("content-disposition"), /filename="?other\.txt/);
  const part = await raw(server, "GET", v1`media/download/${uri[0]}/${uri[1]}`,
    { token: bob.token, headers: { range: "bytes=2-4" } });
  assert.deepEqual([part.status, part.text, part.headers.get("content-range")], [206, "pic", "bytes 2-4/9"]);
});

test("a large upload comes back byte for byte", async () => {
  const content = randomBytes(8 * 1024 * 1024).toString("base64");
  const uri = partsOf((await upload(alice, content, "text/plain")).body.content_uri);
  assert.ok((await download(alice, uri)).text === content);
});

test("a URI is created, waited for, and filled once", async () => {
  const created = await alice.post("/_matrix/media/v1/create");
  assert.ok(created.unused_expires_at > Date.now());
  const uri = partsOf(created.content_uri);
  refusedWith(await download(alice, uri, "?timeout_ms=0"), 504, "M_NOT_YET_UPLOADED", "before");
  const waiting = download(alice, uri);
  const fill = (user) => call(server, "PUT", `/_matrix/media/v3/upload/${uri[0]}/${uri[1]}`,
    { token: user.token, body: "later", headers: { "content-type": "text/plain" } });
  refusedWith(await fill(await User.register(server)), 403, "M_FORBIDDEN", "another user");
  assert.equal((await fill(alice)).status, 200);
  assert.equal((await waiting).text, "later");
  refusedWith(await fill(alice), 409, "M_CANNOT_OVERWRITE_MEDIA", "again");
});

test("clients are told the limit, and an upload beyond it is refused", async () => {
  const limit = (await alice.get(v1`media/config`))["m.upload.size"];
  assert.equal((await alice.get("/_matrix/media/v3/config"))["m.upload.size"], limit);
  const response = await raw(server, "POST", "/_matrix/media/v3/upload",
    { token: alice.token, body: "x", headers: { "content-length": limit + 1, connection: "close" } });
  refusedWith(response, 413, "M_TOO_LARGE", "too large");
});

test("media is served to users only", async () => {
  const uri = partsOf((await upload(alice, "x")).body.content_uri);
  for (const path of [v1`media/download/${uri[0]}/${uri[1]}`, v1`media/config`]) {
    refusedWith(await raw(server, "GET", path), 401, "M_MISSING_TOKEN", path);
    refusedWith(await raw(server, "GET", path, { token: "nobody's" }), 401, "M_UNKNOWN_TOKEN", path);
  }
  for (const version of ["v3", "v1", "r0"]) {
    const path = `/_matrix/media/${version}/download/${uri[0]}/${uri[1]}`;
    refusedWith(await raw(server, "GET", path), 404, "M_NOT_FOUND", path);
  }
  refusedWith(await raw(server, "GET", v1`media/download/${uri[0]}/${"../../etc/passwd"}`, { token: alice.token }),
    404, "M_NOT_FOUND", "a path");
  refusedWith(await raw(server, "GET", v1`media/download/${"a b"}/x`, { token: alice.token }),
    400, "M_INVALID_PARAM", "a server name");
});

test("a page is previewed with its image", async () => {
  const image = Buffer.from(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==", "base64");
  const pages = createServer((request, response) => {
    if (request.url === "/image") return response.setHeader("content-type", "image/png").end(image);
    return response.setHeader("content-type", "text/html").end(
      "<meta property=og:title content=A&amp;B><meta property=og:image content=/image>");
  });
  await new Promise((done) => pages.listen(0, "127.0.0.1", done));
  try {
    const query = `?url=${encodeURIComponent(`http://127.0.0.1:${pages.address().port}/page`)}`;
    const preview = await alice.get(v1`media/preview_url` + query);
    assert.deepEqual([preview["og:title"], preview["og:image:type"], preview["matrix:image:size"]],
      ["A&B", "image/png", image.length]);
    assert.equal((await download(alice, partsOf(preview["og:image"]))).status, 200);
    assert.deepEqual(await alice.get("/_matrix/media/v3/preview_url" + query), preview);
    refusedWith(await raw(server, "GET", v1`media/preview_url` + "?url=x", { token: alice.token }),
      400, "M_INVALID_PARAM", "no address");
  } finally {
    pages.close();
  }
});

const thumbnail = (user, [origin, id], more) => call(
  server, "GET", `${v1`media/thumbnail/${origin}/${id}`}?${more}`, { token: user.token });

test("a picture has thumbnails, and what is none or is too large has not", async () => {
  const uri = partsOf((await upload(alice, png(640, 480))).body.content_uri);
  const got = await thumbnail(alice, uri, "width=320&height=240&method=scale");
  assert.equal(got.status, 200, got.text);
  assert.match(got.headers.get("content-type"), /^image\//);
  refusedWith(await thumbnail(alice, uri, "width=0&height=240"), 400, ["M_INVALID_PARAM", "M_UNKNOWN"]);
  refusedWith(await thumbnail(alice, uri, "width=10&height=10&method=stretch"), 400, ["M_INVALID_PARAM", "M_UNKNOWN"]);
  const huge = partsOf((await upload(alice, png(40_000, 40_000, 1))).body.content_uri);
  refusedWith(await thumbnail(alice, huge, "width=320&height=240"), 413, "M_TOO_LARGE");
  const later = partsOf((await alice.post("/_matrix/media/v1/create")).content_uri);
  refusedWith(await thumbnail(alice, later, "width=32&height=32&timeout_ms=0"), 504, "M_NOT_YET_UPLOADED");
  const named = `${v1`media/download/${later[0]}/${later[1]}/${"a.txt"}`}?timeout_ms=0`;
  refusedWith(await call(server, "GET", named, { token: alice.token }), 504, "M_NOT_YET_UPLOADED");
});

test("a PUT that is too large is refused", async () => {
  const limit = (await alice.get(v1`media/config`))["m.upload.size"];
  const later = partsOf((await alice.post("/_matrix/media/v1/create")).content_uri);
  const response = await raw(server, "PUT", `/_matrix/media/v3/upload/${later[0]}/${later[1]}`,
    { token: alice.token, body: "x", headers: { "content-length": limit + 1, connection: "close" } });
  refusedWith(response, 413, "M_TOO_LARGE");
});

test("a server may go on serving media without a token, on the deprecated paths", async () => {
  const open = await Server.start({ MATRIX_FEDERATION__ALLOW_NETWORKS: "127.0.0.0/8",
    MATRIX_MEDIA__UNAUTHENTICATED_UNTIL: "2100-01-01T00:00:00Z" });
  try {
    const bob = await User.register(open);
    const made = await call(open, "POST", "/_matrix/media/v3/upload",
      { token: bob.token, body: png(64, 64), headers: { "content-type": "image/png" } });
    const [origin, id] = partsOf(made.body.content_uri);
    const path = (kind, name = "", of = [origin, id]) => `/_matrix/media/v3/${kind}/${of.join("/")}${name}`;
    const get = (where) => call(open, "GET", where);
    assert.equal((await get(path("download"))).status, 200);
    assert.equal((await get(path("download", "/a.png"))).status, 200);
    assert.equal((await get(`${path("thumbnail")}?width=32&height=32`)).status, 200);
    refusedWith(await get(`${path("thumbnail")}?width=0&height=32`), 400, ["M_INVALID_PARAM", "M_UNKNOWN"]);

    const huge = await call(open, "POST", "/_matrix/media/v3/upload",
      { token: bob.token, body: png(40_000, 40_000, 1), headers: { "content-type": "image/png" } });
    refusedWith(await get(`${path("thumbnail", "", partsOf(huge.body.content_uri))}?width=32&height=32`), 413,
      "M_TOO_LARGE");

    const later = partsOf((await bob.post("/_matrix/media/v1/create")).content_uri);
    const dead = ["127.0.0.1:1", "none"];
    for (const [of, status, code] of [[later, 504, "M_NOT_YET_UPLOADED"], [dead, 502, "M_UNKNOWN"]]) {
      refusedWith(await get(`${path("download", "", of)}?timeout_ms=0`), status, code);
      refusedWith(await get(`${path("download", "/a.png", of)}?timeout_ms=0`), status, code);
      refusedWith(await get(`${path("thumbnail", "", of)}?width=32&height=32&timeout_ms=0`), status, code);
    }
  } finally {
    await open.dispose();
  }
});
