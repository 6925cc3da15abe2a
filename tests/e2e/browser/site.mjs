// Serves the web client Hydrogen from its npm package, as a site of its own on this machine.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const packages = join(here, "../node_modules");
const hydrogen = join(packages, "hydrogen-view-sdk");
const types = {
  html: "text/html", js: "text/javascript", css: "text/css", svg: "image/svg+xml", wasm: "application/wasm",
  woff: "font/woff", woff2: "font/woff2", png: "image/png", json: "application/json",
};

/** The folders of the packages that are served, by their paths. */
const folders = {
  "/assets/": join(hydrogen, "asset-build/assets"),
  "/olm/": join(packages, "@matrix-org/olm"),
  "/sw.js": join(hydrogen, "lib-build"),
};

async function bundle() {
  const { outputFiles } = await build({
    entryPoints: [join(here, "page.mjs")], bundle: true, format: "esm", write: false, logLevel: "error",
    // Olm is loaded by the platform, from /olm/; it has branches for Node.
    external: ["fs", "path", "crypto"],
  });
  return outputFiles[0].contents;
}

const index = (homeserver) => `<!doctype html>
<html>
  <head>
    <meta charset="utf-8">
    <title>Hydrogen</title>
    <link rel="stylesheet" href="/assets/theme-element-light.css">
    <style>html, body { height: 100%; margin: 0 }</style>
  </head>
  <body id="session" class="hydrogen" data-homeserver="${homeserver}">
    <script type="module" src="/page.js"></script>
  </body>
</html>`;

/** Starts the site, whose sign-in page offers this server. Returns its address and how to stop it. */
export async function serve(homeserver) {
  const script = await bundle();
  const site = createServer((request, response) => {
    const { pathname } = new URL(request.url, "http://localhost");
    const answer = (status, type, body) => response.writeHead(status, { "content-type": type }).end(body);
    if (pathname === "/" || pathname === "/index.html") return answer(200, types.html, index(homeserver));
    if (pathname === "/page.js") return answer(200, types.js, script);
    const folder = Object.keys(folders).find((prefix) => pathname.startsWith(prefix));
    const name = pathname.split("/").at(-1);
    try {
      return answer(200, types[name.split(".").at(-1)] ?? "application/octet-stream",
        readFileSync(join(folders[folder], name)));
    } catch {
      return answer(404, "text/plain", "not found");
    }
  });
  await new Promise((listening) => site.listen(0, "127.0.0.1", listening));
  return { url: `http://127.0.0.1:${site.address().port}/`, close: () => (site.closeAllConnections(), site.close()) };
}
