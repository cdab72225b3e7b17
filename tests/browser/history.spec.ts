import AxeBuilder from "@axe-core/playwright";
import type { Page } from "@playwright/test";
import { expect, start, state, test } from "./katydid";

async function run(page: Page): Promise<void> {
  await start(page, { users: 3, ramp: 3, runTime: "3s" });
  await expect(state(page)).toHaveText("Finished", { timeout: 20_000 });
}

const rows = (page: Page) => page.locator("tbody tr").filter({ has: page.getByRole("checkbox") });

test("41 runs are listed after they ended, kept for good, compared, and deleted after a question", async ({
  page,
  katydid,
}) => {
  await run(page);
  await run(page);
  const kept = async (): Promise<{ id: string; state: string }[]> =>
    (await (await fetch(`${katydid.url}/api/v1/runs`)).json()).runs;
  // They are written once a second.
  await expect.poll(async () => (await kept()).map((each) => each.state)).toEqual(["finished", "finished"]);
  const mine = (await kept()).map(({ id }) => id);
  const [newest = "", older = ""] = mine;
  await page.goto("#/runs");
  await expect(rows(page).first()).toContainText("finished");
  await expect(rows(page).first()).toContainText("this one");
  await expect(rows(page).first()).toContainText("locustfile.py");
  const boxes = rows(page).getByRole("checkbox");
  await boxes.nth(0).check();
  await page.getByRole("button", { name: "Keep for good" }).click();
  await expect(page.getByRole("button", { name: "No longer keep for good" })).toBeVisible();
  await page.getByRole("button", { name: "No longer keep for good" }).click();
  await boxes.nth(1).check();
  await expect(page.getByText("2 runs chosen.")).toBeVisible();
  // One dot of each run in each chart of the trend.
  const trend = page.getByRole("region", { name: "Trend of the chosen runs" });
  await expect(trend.getByRole("link")).toHaveCount(6);
  await page.getByRole("button", { name: "Compare" }).click();
  // 42: a few seconds are too short to tell anything, and that is said.
  await expect(page.getByText("Too short, or with too few requests, to tell.")).toBeVisible();
  await expect(page.getByRole("link", { name: newest })).toBeVisible();
  await expect(page.getByRole("link", { name: older })).toBeVisible();
  for (const name of [/^Response time, p95 from/, /^Requests per second from/, /^Users from/, /^Percentiles/])
    await expect(page.getByRole("img", { name })).toBeVisible();
  await page.getByLabel("Requests of").selectOption("GET add_to_cart");
  await expect(page.getByRole("img", { name: /^Users from/ })).toHaveCount(0);
  await expect(page.getByRole("img", { name: /^Response time, p95 from/ })).toBeVisible();
  await expect(page.getByRole("table", { name: "Differences" }).locator("tbody tr").first()).toContainText(
    "All requests",
  );
  const url = page.url();
  await page.getByRole("button", { name: "Swap" }).click();
  await expect(page).not.toHaveURL(url);
  for (const address of ["#/runs", url]) {
    await page.goto(address);
    await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      const { violations } = await new AxeBuilder({ page }).analyze();
      expect(violations).toEqual([]);
    }
  }
  await page.goto("#/runs");
  await boxes.nth(1).check();
  await page.getByRole("button", { name: "Name, notes, tags" }).click();
  await page.getByLabel("Name", { exact: true }).fill("Before <b>the</b> cache");
  await page.getByLabel("Tags").fill("release, nightly");
  await page.getByLabel("Notes").fill('Two lines,\nand quotes: "x"');
  const { violations } = await new AxeBuilder({ page }).analyze();
  expect(violations).toEqual([]);
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("button", { name: "Baseline" }).click();
  await expect(rows(page).nth(1)).toContainText("Before <b>the</b> cache");
  await expect(rows(page).nth(1)).toContainText("nightly");
  await expect(rows(page).nth(1)).toContainText("baseline");
  await boxes.nth(1).uncheck();
  await boxes.nth(0).check();
  await page.getByRole("link", { name: "Compare with baseline" }).click();
  await expect(page).toHaveURL(new RegExp(`before=${older}&after=${newest}`));
  await page.goto(`#/run/${older}/overview`);
  await expect(page.getByRole("region", { name: "Kept run" })).toContainText("and quotes");

  await page.goto("#/runs");
  await boxes.nth(0).check();
  await boxes.nth(1).check();
  await page.getByRole("button", { name: "Delete", exact: true }).click();
  await page.getByRole("button", { name: "Delete 2 runs" }).click();
  await expect(page.getByText("The number of runs is 2.")).toBeVisible();
  await page.getByLabel("Type 2 to go on").fill("2");
  await page.getByRole("button", { name: "Delete 2 runs" }).click();
  await expect.poll(async () => (await kept()).length).toBe(0);
  await expect(page.getByText("No runs yet")).toBeVisible();
});
