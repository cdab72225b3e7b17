import { column, expect, figure, number, start, stop, test } from "./katydid";

test("10 the rate on screen is the rate the target saw", async ({ page, target }) => {
  await start(page, { users: 10, ramp: 10 });
  const clock = page.getByText(/^00:00:\d\d$/);
  await expect(clock).toHaveText(/^00:00:(0[3-9]|1\d)$/, { timeout: 15_000 });
  const before = { at: Date.now(), count: await target.count() };
  await expect(clock).toHaveText(/^00:00:(1[4-9]|[2-5]\d)$/, { timeout: 30_000 });
  const shown = number(await figure(page, "rps").innerText());
  const seen = ((await target.count()) - before.count) / ((Date.now() - before.at) / 1000);
  expect(Math.abs(shown - seen) / seen).toBeLessThan(0.15);
});

test("11 after the stop the total is the sum of the rows and what the target counted", async ({
  page,
  target,
}) => {
  await start(page, { users: 5, ramp: 5 });
  await page.goto("#/run/endpoints");
  await expect.poll(async () => (await column(page, "requests")).length).toBeGreaterThanOrEqual(5);
  await stop(page);
  const rows = (await column(page, "requests")).map(number);
  const total = number(await page.locator("tfoot [data-column=requests]").innerText());
  expect(rows.reduce((sum, each) => sum + each, 0)).toBe(total);
  expect(total).toBe(await target.count());
});

test("19 a reload in the middle of a run keeps every point of the charts", async ({ page }) => {
  await start(page, { users: 5, ramp: 5 });
  const table = page.getByRole("region", { name: "Throughput and users, table" });
  const open = () => page.getByRole("button", { name: "As table" }).first().click();
  const points = async () => (await table.locator("tbody tr").allInnerTexts()).reverse();
  await open();
  await expect.poll(async () => (await points()).length, { timeout: 20_000 }).toBeGreaterThan(6);
  const before = await points();
  await page.reload();
  await open();
  await expect.poll(async () => (await points()).length).toBeGreaterThanOrEqual(before.length);
  expect((await points()).slice(0, before.length)).toEqual(before);
});
