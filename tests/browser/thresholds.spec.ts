import { once } from "node:events";
import type { Page } from "@playwright/test";
import { expect, start, state, stop, test } from "./katydid";

test.use({
  options: ["--fail-if", "requests<1", "--fail-if", "GET /checkout fail>50%"],
  // A threshold that is none is refused.
  expectedMessages: ["422"],
});

const card = (page: Page) => page.getByRole("region", { name: "Thresholds" });
const row = (page: Page, text: string) => card(page).getByRole("row").filter({ hasText: text });

async function add(page: Page, text: string): Promise<void> {
  await card(page).getByLabel("A run fails if").fill(text);
  await card(page).getByRole("button", { name: "Add" }).click();
}

test("35 thresholds pass, are at risk, fail or lack data, and decide about the exit code", async ({
  page,
  katydid,
}) => {
  await start(page, { users: 2, ramp: 2 });
  await expect(state(page)).toHaveText("Running");
  await expect(row(page, "requests<1")).toContainText("Pass");
  await expect(row(page, "GET /checkout fail>50%")).toContainText("Fail");
  await expect(row(page, "GET /checkout fail>50%")).toContainText("100.00 %");
  await expect(row(page, "GET /checkout fail>50%")).toContainText("first crossed at");
  await add(page, "/nowhere p95>1s");
  await expect(row(page, "/nowhere p95>1s")).toContainText("Not enough data");
  await expect(row(page, "/nowhere p95>1s")).toContainText("added at");
  await add(page, "GET /checkout fail>100%");
  await expect(row(page, "GET /checkout fail>100%")).toContainText("At risk");
  await expect(card(page)).toContainText("2 of 4 thresholds passed so far, 1 without a request to measure");
  await expect(page.getByRole("region", { name: "Events" })).toContainText("crossed: GET /checkout fail>50%");
  await stop(page);
  await expect(row(page, "/nowhere p95>1s")).toContainText("Fail");
  await expect(row(page, "/nowhere p95>1s")).toContainText("no request to measure");
  const gone = once(katydid.process, "exit");
  katydid.process.kill("SIGTERM");
  expect(await gone).toEqual([3, null]);
});

test("a threshold that is none is pointed at, and one that is removed no longer counts", async ({
  page,
  katydid,
}) => {
  await page.goto("#/new");
  await add(page, "p95>soon");
  await expect(card(page).getByRole("alert")).toContainText('"soon" is not a time');
  await card(page).getByRole("button", { name: "Remove GET /checkout fail>50%" }).click();
  await expect(card(page).getByRole("row")).toHaveCount(2);
  await add(page, "fail>90%");
  await expect(row(page, "fail>90%")).toBeVisible();
  await start(page, { users: 1, ramp: 1 });
  await expect(row(page, "fail>90%")).toContainText("Pass");
  await stop(page);
  const gone = once(katydid.process, "exit");
  katydid.process.kill("SIGTERM");
  expect(await gone).toEqual([0, null]);
});
