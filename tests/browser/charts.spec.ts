import type { Page } from "@playwright/test";
import { column, expect, number, start, state, stop, test } from "./katydid";

/** What the page is told when it asks. */
async function told(page: Page, path: string) {
  const answer = await page.request.get(new URL(`api/v1/${path}`, page.url()).href);
  return answer.json();
}

/** The sum of numbers. */
function sum(values: number[]): number {
  return values.reduce((all, each) => all + each, 0);
}

test("8 the preview of the plan follows what is typed", async ({ page }) => {
  await page.goto("#/new");
  await page.getByLabel("Users", { exact: true }).fill("120");
  await page.getByLabel("Ramp").fill("4");
  await page.getByLabel("Run time").fill("5m");
  await expect(page.getByText("Reaches 120 users after 30s; ends at 5m.")).toBeVisible();
  await page.getByLabel("Run time").fill("10s");
  await expect(page.getByText(/Reaches only 40 users of 120/)).toBeVisible();
});

test("17, 36, 37 percentiles, heat map, histogram and seconds count the same requests", async ({
  page,
  target,
}) => {
  await start(page, { users: 10, ramp: 10 });
  await expect(state(page)).toHaveText("Running");
  await expect.poll(() => target.count(), { timeout: 20_000 }).toBeGreaterThan(200);
  await stop(page);
  const count = await target.count();
  const all = await told(page, "endpoints/-1");
  const snapshot = await told(page, "snapshot");

  type Row = number[];
  expect(all.requests).toBe(count);
  expect(sum(all.histogram.map(([, ok = 0, failed = 0]: Row) => ok + failed))).toBe(count);
  // The last second counts once it is over.
  const heated = async () => {
    const heat = await told(page, "heat?since=0");
    return sum(heat.columns.flatMap(([, cells]: [number, Row[]]) => cells.map(([, n = 0]) => n)));
  };
  await expect.poll(heated).toBe(count);
  const charted = async () => {
    const { points } = await told(page, "snapshot");
    return sum(points.map(([, ok = 0, failed = 0]: Row) => ok + failed));
  };
  await expect.poll(charted).toBe(count);

  const within = (part: number) => all.percentiles.find(([each = 0]: Row) => each >= part - 1e-9)?.[1];
  const p50 = snapshot.total[5];
  expect(Math.abs(within(0.5) - p50) / p50).toBeLessThan(0.02);
  const places = all.percentiles.map(([, ms]: Row) => ms);
  expect(places).toEqual(places.toSorted((a: number, b: number) => a - b));

  await expect(page.getByRole("img", { name: /Response time heat map of/ })).toBeVisible();
  await expect(page.getByRole("img", { name: /Percentiles of response times: 50 % within/ })).toBeVisible();
  await expect(page.getByRole("img", { name: /Response time histogram: most often/ })).toBeVisible();
});

test("50 a chart can be read by keyboard and as a table", async ({ page }) => {
  await start(page, { users: 2, ramp: 2, runTime: "4s" });
  await expect(state(page)).toHaveText("Finished", { timeout: 20_000 });
  const chart = page.getByRole("img", { name: /Response time percentiles from/ });
  await chart.focus();
  await page.keyboard.press("Home");
  await page.keyboard.press("ArrowRight");
  await expect(page.getByRole("status")).toHaveText(/^0:01: p50/);
  const said = (await page.getByRole("status").innerText()).replace(/ ms/g, "");
  await page.getByRole("button", { name: "As table" }).nth(1).click();
  const row = page
    .getByRole("region", { name: "Response time percentiles, table" })
    .locator("tbody tr")
    .nth(-2);
  const [time, p50, p90, p95, p99] = await row.locator("th, td").allTextContents();
  expect(said).toBe(`${time}: p50 ${p50}, p90 ${p90}, p95 ${p95}, p99 ${p99}`);
});

test("the charts of an endpoint follow it, and brackets lead to the next one", async ({ page }) => {
  await start(page, { users: 4, ramp: 4 });
  await page.goto("#/run/endpoints?endpoint=1");
  const dialog = page.getByRole("dialog");
  for (const title of ["Throughput", "Responses by status", "Time by phase, mean", "Data transfer"]) {
    await expect(dialog.getByRole("img", { name: new RegExp(`^${title} from`) })).toBeVisible();
  }
  const heading = dialog.getByRole("heading", { level: 2 }).first();
  const first = await heading.innerText();
  await page.keyboard.press("]");
  await expect(heading).not.toHaveText(first);
  await page.keyboard.press("[");
  await expect(heading).toHaveText(first);
});

test("15 rows keep their order while the pointer is over them", async ({ page }) => {
  await start(page, { users: 10, ramp: 10 });
  await page.goto("#/run/endpoints?sort=rps.desc");
  await expect.poll(async () => (await column(page, "name")).length).toBeGreaterThanOrEqual(5);
  await page.locator("tbody tr").nth(2).hover();
  const before = await column(page, "name");
  await expect(page.getByText("Order held while you point at a row")).toBeVisible({ timeout: 15_000 });
  expect(await column(page, "name")).toEqual(before);
});

test("40 nobody asks for logs where none are shown", async ({ page }) => {
  const asked: string[] = [];
  page.on("request", (request) => request.url().includes("/logs") && asked.push(request.url()));
  await start(page, { users: 1, ramp: 1 });
  await page.goto("#/run/endpoints");
  await expect.poll(async () => (await column(page, "requests")).map(number).length).toBeGreaterThan(0);
  expect(asked).toEqual([]);
  await page.goto("#/run/logs");
  await expect.poll(() => asked.length).toBeGreaterThan(0);
});

test("44, 45 the report opens from a file, with scripts and the network off", async ({
  page,
  browser,
}, testInfo) => {
  await start(page, { users: 4, ramp: 4 });
  await expect.poll(async () => (await told(page, "snapshot")).points.length).toBeGreaterThan(2);
  await stop(page);
  const total: number = (await told(page, "snapshot")).total[1];
  await page.goto("#/run/export");
  const downloading = page.waitForEvent("download");
  await page.getByRole("link", { name: "Download Report", exact: true }).click();
  const path = testInfo.outputPath("report.html");
  await (await downloading).saveAs(path);
  const offline = await browser.newContext({ javaScriptEnabled: false, offline: true });
  const report = await offline.newPage();
  const asked: string[] = [];
  report.on("request", (request) => asked.push(request.url()));
  await report.goto(`file://${path}`);
  await expect(report.locator("body")).toContainText(total.toLocaleString("en-US"));
  await expect(report.locator("svg").first()).toBeVisible();
  expect(asked).toEqual([`file://${path}`]);
  await offline.close();
});

test("every file of the export page is there", async ({ page }) => {
  await start(page, { users: 1, ramp: 1 });
  await expect(state(page)).toHaveText("Running");
  await page.goto("#/run/export");
  for (const link of await page.getByRole("link", { name: /^Download/ }).all()) {
    const address = new URL((await link.getAttribute("href")) ?? "", page.url()).href;
    const answer = await page.request.get(address);
    expect(answer.status(), address).toBe(200);
    expect((await answer.body()).length, address).toBeGreaterThan(10);
  }
});
