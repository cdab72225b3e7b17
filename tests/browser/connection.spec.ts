import { createServer } from "node:net";
import { expect, figure, state, test } from "./katydid";
import { end, startMaster, startWorker } from "./processes";
import { startProxy } from "./proxy";

const BROKEN = [
  "ERR_CONNECTION_REFUSED",
  "ERR_CONNECTION_RESET",
  "ERR_EMPTY_RESPONSE",
  "ERR_INCOMPLETE_CHUNKED_ENCODING",
  "ERR_SOCKET_NOT_CONNECTED",
];

/** A port that was free a moment ago. */
function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, "127.0.0.1", () => {
      const address = probe.address();
      const port = typeof address === "object" && address !== null ? address.port : 0;
      probe.close(() => resolve(port));
    });
  });
}

test("7 without workers the form says so, and goes on when one joins", async ({
  page,
  target,
  expectedMessages,
}) => {
  expectedMessages.push(...BROKEN);
  const port = await freePort();
  const master = await startMaster(target.url, 0, port);
  await page.goto(`${master.url}/#/new`);
  await expect(page.getByText("No worker is connected")).toBeVisible();
  await expect(page.getByRole("button", { name: "Start test" })).toHaveAttribute("aria-disabled", "true");
  const worker = startWorker(port);
  await expect(page.getByText("1 worker is ready")).toBeVisible({ timeout: 20_000 });
  await expect(page.getByRole("button", { name: "Start test" })).toHaveAttribute("aria-disabled", "false");
  worker.kill("SIGKILL");
  await end(master);
});

test("26 a killed worker is told on the page, and its users go to the other", async ({
  page,
  target,
  expectedMessages,
}) => {
  expectedMessages.push(...BROKEN);
  const port = await freePort();
  const master = await startMaster(target.url, 0, port);
  const workers = [startWorker(port), startWorker(port)];
  await page.goto(`${master.url}/#/new`);
  await expect(page.getByText("2 workers are ready")).toBeVisible({ timeout: 20_000 });
  await page.getByLabel("Users", { exact: true }).fill("4");
  await page.getByLabel("Ramp").fill("4");
  await page.getByRole("button", { name: "Start test" }).click();
  await expect(state(page)).toHaveText("Running", { timeout: 20_000 });
  workers[0]?.kill("SIGKILL");
  const events = page.getByRole("region", { name: "Events" });
  await expect(events).toContainText(/not heard of|connection/i, { timeout: 20_000 });
  await expect(figure(page, "users")).toHaveText("4/4", { timeout: 20_000 });
  await page.goto(`${master.url}/#/run/load`);
  await expect(page.getByRole("region", { name: "Lost load" })).toBeVisible({ timeout: 20_000 });
  workers[1]?.kill("SIGKILL");
  await end(master);
});

test("28 a stream that was cut is taken up again without a gap or a second twice", async ({
  page,
  katydid,
  expectedMessages,
}) => {
  expectedMessages.push(...BROKEN);
  const proxy = await startProxy(katydid.url);
  await page.goto(`${proxy.url}/#/new`);
  await page.getByLabel("Users", { exact: true }).fill("2");
  await page.getByLabel("Ramp").fill("2");
  await page.getByRole("button", { name: "Start test" }).click();
  await expect(state(page)).toHaveText("Running");
  proxy.cut(true);
  await expect(page.getByRole("alert")).toContainText("Lost contact", { timeout: 15_000 });
  proxy.cut(false);
  await expect(page.getByText(/Reconnected after/).first()).toBeVisible({ timeout: 15_000 });
  await expect(page.getByRole("alert")).toHaveCount(0);
  await page.getByRole("button", { name: "As table" }).first().click();
  const rows = page.getByRole("region", { name: "Throughput and users, table" }).locator("tbody th");
  const seconds = (await rows.allTextContents()).map((text) => {
    const [minutes = 0, rest = 0] = text.split(":").map(Number);
    return minutes * 60 + rest;
  });
  const expected = Array.from({ length: seconds.length }, (_, index) => (seconds[0] ?? 0) - index);
  expect(seconds).toEqual(expected);
  await proxy.close();
});

test("29 where something on the way holds the stream back, the page asks instead", async ({
  page,
  katydid,
  expectedMessages,
}) => {
  expectedMessages.push(...BROKEN);
  const proxy = await startProxy(katydid.url, { buffering: true });
  await page.goto(`${proxy.url}/#/new`);
  await page.getByRole("button", { name: "Start test" }).click();
  await expect(state(page)).toHaveText("Running", { timeout: 20_000 });
  const clock = page.getByText(/^00:00:1[0-9]/);
  await expect(clock).toBeVisible({ timeout: 20_000 });
  await expect(page.getByText(/^live/)).toBeVisible();
  await proxy.close();
});

test("30 six tabs are live with one stream, and calls still come through", async ({
  page,
  context,
  katydid,
  expectedMessages,
}) => {
  expectedMessages.push(...BROKEN);
  const proxy = await startProxy(katydid.url);
  await page.goto(`${proxy.url}/#/new`);
  await page.getByRole("button", { name: "Start test" }).click();
  await expect(state(page)).toHaveText("Running");
  const tabs = [page];
  for (let count = 1; count < 7; count += 1) {
    const tab = await context.newPage();
    await tab.goto(`${proxy.url}/#/run/overview`);
    tabs.push(tab);
  }
  for (const tab of tabs) await expect(figure(tab, "users")).toHaveText("1/1");
  expect(proxy.streams()).toBe(1);
  await tabs[6]?.keyboard.press("s");
  await tabs[6]?.keyboard.press("Enter");
  for (const tab of tabs) await expect(state(tab)).toHaveText("Stopped");
  await proxy.close();
});
