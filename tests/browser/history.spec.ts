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
  await page.getByRole("button", { name: "Compare" }).click();
  // 42: a few seconds are too short to tell anything, and that is said.
  await expect(page.getByText("Too short, or with too few requests, to tell.")).toBeVisible();
  await expect(page.getByText(newest)).toBeVisible();
  await expect(page.getByText(older)).toBeVisible();
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
  await page.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("button", { name: `Really delete ${older}` }).click();
  await expect.poll(async () => (await kept()).map(({ id }) => id)).toEqual([newest]);
});
