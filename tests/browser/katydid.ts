/** The fixtures: a fresh controller and target for every test, and a page that must stay silent. */
import { writeFileSync } from "node:fs";
import { test as base, expect, type Page } from "@playwright/test";
import { end, type Server, startKatydid, startTarget, webUser } from "./processes";

/** What the target counted itself. */
export interface Target {
  url: string;
  /** Requests answered so far, whatever their path. */
  count: () => Promise<number>;
}

interface Fixtures {
  target: Target;
  katydid: Server;
  /** The script, in this folder. */
  script: string;
  /** More options of the command line. */
  options: readonly string[];
  /** Who may come in with the password "right", and their roles; everybody, if nobody is named. */
  visitors: Readonly<Record<string, string>>;
  /** Messages of the console that the test expects, by a part of their text. */
  expectedMessages: string[];
}

export const test = base.extend<Fixtures>({
  script: ["locustfile.py", { option: true }],
  options: [[], { option: true }],
  visitors: [{}, { option: true }],
  expectedMessages: [[], { option: true }],

  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the names of the fixtures from here
  target: async ({}, use) => {
    const server = await startTarget();
    await use({ url: server.url, count: () => truth(server.url) });
    await end(server);
  },

  katydid: async ({ target, script, options, visitors }, use, testInfo) => {
    const more = [...options];
    const lines = Object.entries(visitors).map(([name, role]) => webUser(name, role, "right"));
    if (lines.length > 0) {
      const file = testInfo.outputPath("visitors");
      writeFileSync(file, lines.join(""));
      more.push("--web-users", file);
    }
    more.push("--store", testInfo.outputPath("runs.db"));
    const server = await startKatydid(target.url, 0, more, script);
    await use(server);
    await end(server);
  },

  baseURL: async ({ katydid }, use) => use(`${katydid.url}/`),

  page: async ({ page, expectedMessages }, use) => {
    const complaints: string[] = [];
    page.on("console", (message) => {
      const text = message.text();
      const expected = expectedMessages.some((part) => text.includes(part));
      if (["error", "warning"].includes(message.type()) && !expected) complaints.push(text);
    });
    page.on("pageerror", (error) => complaints.push(String(error)));
    page.on("dialog", (dialog) => {
      complaints.push(`dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    page.on("request", (request) => {
      // Masters and proxies of a test are on this machine, too.
      if (!request.url().startsWith("http://127.0.0.1:")) complaints.push(`request to ${request.url()}`);
    });
    await use(page);
    expect(complaints, "errors, warnings, dialogs and foreign requests of the page").toEqual([]);
  },
});

export { expect };

async function truth(url: string): Promise<number> {
  const response = await fetch(`${url}/_truth`);
  const counted = (await response.json()) as { total: number };
  return counted.total;
}

/** Fills the start form and starts. */
export async function start(page: Page, { users = 10, ramp = 10, runTime = "" } = {}): Promise<void> {
  await page.goto("#/new");
  await page.getByLabel("Users", { exact: true }).fill(String(users));
  await page.getByLabel("Ramp").fill(String(ramp));
  await page.getByLabel("Run time").fill(runTime);
  await page.getByRole("button", { name: "Start test" }).click();
  await expect(page).toHaveURL(/#\/run\/overview/);
}

export async function stop(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Stop", exact: true }).click();
  await page.getByRole("button", { name: "Stop now" }).click();
  await expect(state(page)).toHaveText(/Stopped|Finished/, { timeout: 20_000 });
}

export function state(page: Page) {
  return page.getByTestId("state");
}

/** One of the run bar's four figures: users, rps, failures or p95. */
export function figure(page: Page, id: string) {
  return page.locator(`[data-figure=${id}] dd`);
}

/** The text of every cell in a column, top to bottom, without the total. */
export async function column(page: Page, key: string): Promise<string[]> {
  return page.locator(`tbody [data-column=${key}]`).allTextContents();
}

/** A number as the page writes it. */
export function number(text: string): number {
  return Number(text.replace(/[^0-9.]/g, ""));
}
