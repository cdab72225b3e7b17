import AxeBuilder from "@axe-core/playwright";
import type { Page } from "@playwright/test";
import { column, expect, start, state, test } from "./katydid";

interface Run {
  id: string;
  state: string;
}

/** A run of some seconds, and its id once it is kept. */
async function keep(page: Page, url: string, runTime = "6s"): Promise<string> {
  const before = (await kept(url)).map(({ id }) => id);
  await start(page, { users: 6, ramp: 6, runTime });
  await expect(state(page)).toHaveText("Finished", { timeout: 30_000 });
  let found: Run | undefined;
  await expect
    .poll(async () => {
      found = (await kept(url)).find(({ id }) => !before.includes(id));
      return found?.state;
    })
    .toBe("finished");
  const id = found?.id ?? "";
  // Its last second is written a little later.
  const requests = async (path: string) => (await json(url, path)).total[1];
  const live = await requests("snapshot");
  await expect.poll(() => requests(`runs/${id}/snapshot`)).toBe(live);
  return id;
}

async function kept(url: string): Promise<Run[]> {
  return (await (await fetch(`${url}/api/v1/runs`)).json()).runs;
}

async function json(url: string, path: string) {
  const response = await fetch(`${url}/api/v1/${path}`);
  expect(response.status, path).toBe(200);
  return response.json();
}

const KEYS = ["name", "requests", "failures", "ratio", "p50", "p95", "p99", "min", "max", "size"];

async function table(page: Page): Promise<Record<string, string[]>> {
  await expect(page.locator("tfoot [data-column=requests]")).not.toHaveText("0");
  const columns = await Promise.all(
    KEYS.map(async (key) => [
      key,
      [...(await column(page, key)), ...(await page.locator(`tfoot [data-column=${key}]`).allTextContents())],
    ]),
  );
  return Object.fromEntries(columns);
}

const tiles = (page: Page) => page.locator("[data-kpi] p:nth-child(2)").allTextContents();

test("41 a kept run's pages have the numbers it had live", async ({ page, katydid }) => {
  // Fourteen pages are looked through.
  test.slow();
  const id = await keep(page, katydid.url);
  await expect(page.locator("[data-kpi=rps]")).toContainText("run");
  const live = await tiles(page);
  const summaries = async () =>
    Promise.all(
      // Percentiles of a second that is live may lie a bin's width above its slowest request.
      [/^Throughput and users/].map((name) => page.getByRole("img", { name }).getAttribute("aria-label")),
    );
  const charts = await summaries();
  const order = "?sort=name.asc";
  await page.goto(`#/run/endpoints${order}`);
  const rows = await table(page);
  await page.goto("#/run/errors");
  await expect(page.locator("tbody [data-column=count]")).toHaveCount(1);
  const errors = [await column(page, "count"), await column(page, "error")];
  expect(errors[0]).toHaveLength(1);

  await page.goto(`#/run/${id}/overview`);
  const banner = page.getByRole("region", { name: "Kept run" });
  await expect(banner).toContainText(id);
  await expect(banner).toContainText("locustfile.py");
  await expect(banner).toContainText("finished");
  expect(await tiles(page)).toEqual(live);
  expect(await summaries()).toEqual(charts);
  // Nothing here changes the run, and the run bar shows no numbers that could be taken for its.
  await expect(page.getByRole("button", { name: /Stop|Change load|Add$/ })).toHaveCount(0);
  await expect(page.getByTestId("figures")).toHaveCount(0);
  await page.goto(`#/run/${id}/endpoints${order}`);
  expect(await table(page)).toEqual(rows);
  await page.goto(`#/run/${id}/errors`);
  await expect(page.locator("tbody [data-column=count]")).toHaveCount(1);
  expect([await column(page, "count"), await column(page, "error")]).toEqual(errors);
  await page.getByRole("link", { name: "All runs" }).click();
  await expect(page.getByRole("heading", { name: "Runs" })).toBeVisible();
  await agrees(katydid.url, id);
  // 48
  for (const each of ["overview", "endpoints?endpoint=0", "errors", "load", "workers", "logs", "export"]) {
    await page.goto(`#/run/${id}/${each}`);
    await expect(banner).toBeVisible();
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      const { violations } = await new AxeBuilder({ page }).analyze();
      expect(violations, each).toEqual([]);
    }
  }
});

/** 36, 37: the parts of what a kept run answers add up to its whole. */
async function agrees(url: string, id: string): Promise<void> {
  const [snapshot, heat, all] = await Promise.all([
    json(url, `runs/${id}/snapshot`),
    json(url, `runs/${id}/heat`),
    json(url, `runs/${id}/endpoints/-1`),
  ]);
  const [, requests, failures, , , p50, p95, p99] = snapshot.total;
  const cells = new Map<number, number>(
    heat.columns.map(([t, of]: [number, [number, number][]]) => [t, of.reduce((sum, [, n]) => sum + n, 0)]),
  );
  for (const [t, ok, failed] of snapshot.points) expect(cells.get(t) ?? 0).toBe(ok + failed);
  const sum = (values: number[]) => values.reduce((one, other) => one + other, 0);
  expect(sum([...cells.values()])).toBe(requests);
  expect(sum(all.histogram.map(([, ok, failed]: number[]) => (ok ?? 0) + (failed ?? 0)))).toBe(requests);
  for (const [part, ms] of [
    [0.5, p50],
    [0.95, p95],
    [0.99, p99],
  ]) {
    const found = all.percentiles.find(([each]: number[]) => (each ?? 0) >= part);
    // The spectrum's own parts lie a little beyond these.
    if (found[0] === part) expect(found[1]).toBe(ms);
    else expect(found[1]).toBeGreaterThanOrEqual(ms);
  }
  const course = await json(url, `runs/${id}/errors/course`);
  expect(sum(course.points.flatMap(([, counts]: [number, number[]]) => counts))).toBe(failures);
  const names = snapshot.entries.map(([each]: number[]) => each);
  for (const name of names) {
    const of = await json(url, `runs/${id}/endpoints/${name}`);
    const counted = of.series.points.map(([, ok, failed]: number[]) => (ok ?? 0) + (failed ?? 0));
    expect(sum(counted)).toBe(of.requests);
  }
}

test("18 a kept run is looked at in any stretch", async ({ page, katydid }) => {
  const id = await keep(page, katydid.url, "8s");
  const { points, span } = await json(katydid.url, `runs/${id}/snapshot`);
  await page.goto(`#/run/${id}/overview`);
  const chart = page.getByRole("img", { name: /Throughput and users from/ });
  const box = await chart.boundingBox();
  if (box === null) throw new Error("the chart has no place");
  const y = box.y + box.height / 2;
  await page.mouse.move(box.x + box.width * 0.3, y);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.7, y, { steps: 5 });
  await page.mouse.up();
  const chip = page.getByText(/^Only 0:\d\d to 0:\d\d/);
  await expect(chip).toBeVisible();
  const [, from = 0, to = 0] = (/0:(\d\d) to 0:(\d\d)/.exec(await chip.innerText()) ?? []).map(Number);
  const within = ([t = 0]: number[]) => t >= span[0] + from && t < span[0] + to;
  const counted = points
    .filter(within)
    .reduce((sum: number, [, ok, failed]: number[]) => sum + (ok ?? 0) + (failed ?? 0), 0);
  await expect(page.getByText(`of ${counted.toLocaleString("en-US")} requests`)).toBeVisible();
  await page.goto(`#/run/${id}/endpoints`);
  await expect(page.locator("tfoot [data-column=requests]")).toHaveText(counted.toLocaleString("en-US"));
  await page.locator("tbody a").first().click();
  const requests = page.getByRole("dialog").getByText(/^\d[\d,]* requests?, /);
  const row = page.locator("tbody tr").first().locator("[data-column=requests]");
  await expect(requests).toContainText(`${await row.textContent()} request`);
  await page.getByRole("dialog").getByRole("button", { name: "Close" }).click();
  await page.getByRole("button", { name: /Back to the whole run/ }).click();
  await expect(chip).toHaveCount(0);
});

test.use({ expectedMessages: ["422", "409"] });

test("43 a run goes to a file and comes back with the same numbers; harmed files are refused", async ({
  page,
  katydid,
}, testInfo) => {
  const id = await keep(page, katydid.url, "3s");
  const documents = ["snapshot", "heat", "errors", "errors/course", "endpoints/-1"];
  const all = () => Promise.all(documents.map((each) => json(katydid.url, `runs/${id}/${each}`)));
  const before = await all();
  await page.goto("#/runs");
  await page.getByRole("checkbox").first().check();
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("link", { name: "Export" }).last().click(),
  ]);
  expect(download.suggestedFilename()).toBe(`${id}.run`);
  const file = testInfo.outputPath(`${id}.run`);
  await download.saveAs(file);
  const input = page.locator("input[type=file]");
  await input.setInputFiles(file);
  await expect(
    page.getByRole("region", { name: "Messages" }).getByText(/is kept here already/),
  ).toBeVisible();
  await input.setInputFiles({
    name: "harmed.run",
    mimeType: "application/octet-stream",
    buffer: Buffer.from("SQLite format 3\0 but not really"),
  });
  await expect(
    page
      .getByRole("region", { name: "Messages" })
      .getByText(/harmed.run was not imported: it is no run of Katydid's/),
  ).toBeVisible();
  await page.getByRole("button", { name: "Delete", exact: true }).click();
  await page.getByRole("button", { name: "Delete this run" }).click();
  await expect.poll(async () => (await kept(katydid.url)).length).toBe(0);
  await input.setInputFiles(file);
  await expect(page.getByRole("region", { name: "Messages" }).getByText(`Imported ${id}`)).toBeVisible();
  expect(await all()).toEqual(before);
});
