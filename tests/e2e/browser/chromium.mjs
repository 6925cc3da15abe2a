// A page in Chromium that reaches this machine only.
import assert from "node:assert/strict";
import { existsSync, mkdirSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { chromium } from "playwright-core";

const executable = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(existsSync);

const sizes = { phone: { width: 360, height: 740 }, desktop: { width: 1100, height: 750 } };

/** Starts a browser without a past; `profile` is the folder of its data. */
export async function browse(profile) {
  if (!executable) throw new Error("Chromium is missing: apt-get install chromium");
  const browser = await chromium.launchPersistentContext(profile, {
    executablePath: executable, headless: true, viewport: { width: 1100, height: 750 }, locale: "en-GB",
    args: [
      "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
      "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
    ],
  });
  const outside = [];
  await browser.route((url) => !["127.0.0.1", "localhost"].includes(url.hostname), (route) => {
    outside.push(route.request().url());
    return route.abort();
  });
  return { browser, page: browser.pages()[0] ?? (await browser.newPage()), outside };
}

/** Keeps a picture of the page if E2E_SCREENSHOTS names a folder. */
export async function picture(page, name) {
  const folder = process.env.E2E_SCREENSHOTS;
  if (!folder) return;
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`) });
}

/** The errors of a page from now on, but for responses with the statuses of a refusal. */
export function complaintsOf(page) {
  const complaints = [];
  page.on("pageerror", (error) => complaints.push(`${error}`));
  page.on("console", (message) => {
    if (message.type() === "error" && !/status of 40[0134]/.test(message.text())) complaints.push(message.text());
  });
  return complaints;
}

/** A picture of the page in each width and colour scheme; nothing is wider than the window. */
export async function pictures(page, name) {
  for (const [form, size] of Object.entries(sizes)) {
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize(size);
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${name} at ${form}`);
      await picture(page, `${name}-${form}-${colorScheme}`);
    }
  }
}

/** An application to which a sign-in leads: its address, and what ends it. */
export async function application() {
  const server = createServer((_, response) => response.end("signed in")).listen(0, "127.0.0.1");
  await new Promise((done) => server.once("listening", done));
  return { url: `http://127.0.0.1:${server.address().port}/callback`, close: () => server.close() };
}
