// A page in Chromium that reaches this machine only.
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "playwright-core";

const executable = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(existsSync);

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
