import { column, expect, number, start, stop, test } from "./katydid";

const MARKUP = "/a_b?x=<img src=x onerror=alert(1)>";

test("12 a column sorts by mouse and by keyboard and says how", async ({ page }) => {
  await start(page);
  await page.goto("#/run/endpoints");
  await expect.poll(async () => (await column(page, "name")).length).toBeGreaterThanOrEqual(5);
  await stop(page);

  const header = page.getByRole("columnheader", { name: "p95 ms" });
  await header.getByRole("button").click();
  await expect(header).toHaveAttribute("aria-sort", "descending");
  const falling = (await column(page, "p95")).map(number);
  expect(falling).toEqual(falling.toSorted((a, b) => b - a));

  await header.getByRole("button").press("Enter");
  await expect(header).toHaveAttribute("aria-sort", "ascending");
  const rising = (await column(page, "p95")).map(number);
  expect(rising).toEqual(rising.toSorted((a, b) => a - b));

  await page.getByRole("columnheader", { name: "Name" }).getByRole("button").press("Space");
  await expect(header).not.toHaveAttribute("aria-sort", /./);
  await page.reload();
  await expect(page.getByRole("columnheader", { name: "Name" })).toHaveAttribute("aria-sort", "ascending");
});

test("13 the filter narrows the table, survives a reload and can be cleared", async ({ page }) => {
  await start(page);
  await page.goto("#/run/endpoints");
  await expect.poll(async () => (await column(page, "name")).length).toBeGreaterThanOrEqual(5);
  const all = (await column(page, "name")).length;

  await page.keyboard.press("/");
  await expect(page.getByRole("searchbox")).toBeFocused();
  await page.keyboard.type("ADD_TO");
  await expect.poll(() => column(page, "name")).toEqual([expect.stringContaining("add_to_cart")]);
  await page.reload();
  await expect(page.getByText(/^1 of \d+$/)).toBeVisible();
  await page.getByRole("searchbox").fill("nothing like it");
  await page.getByRole("button", { name: "Clear the filter" }).click();
  await expect.poll(async () => (await column(page, "name")).length).toBeGreaterThanOrEqual(all);
});

test("31 names and errors are shown as they were recorded", async ({ page }) => {
  await start(page, { users: 40, ramp: 40 });
  await page.goto("#/run/endpoints");
  await expect(page.getByText(MARKUP, { exact: true })).toBeVisible();
  await expect(page.getByText("add_to_cart").first()).toBeVisible();
  expect(await page.locator("main img").count()).toBe(0);

  await page.goto("#/run/errors");
  await expect(page.locator("tbody [data-column=error]").first()).toContainText(/<b>none<\/b>|Error/, {
    timeout: 40_000,
  });
  expect(await page.locator("main b").count()).toBe(0);
});

test("a page without data says what will be there", async ({ page }) => {
  await page.goto("#/run/errors");
  await expect(page.getByText("No requests yet")).toBeVisible();
  await page.goto("#/run/endpoints");
  await expect(page.getByText("No requests yet")).toBeVisible();
  await page.goto("#/run/overview");
  await expect(page.getByRole("link", { name: "Start a test" })).toBeVisible();
});

test("16 an endpoint opens by Enter, its address leads to it, and Escape gives the focus back", async ({
  page,
}) => {
  await start(page);
  await page.goto("#/run/endpoints?q=add_to");
  const name = page.getByRole("link", { name: /add_to_cart/ });
  await name.press("Enter");
  const dialog = page.getByRole("dialog", { name: "GET add_to_cart" });
  await expect(dialog.getByRole("table", { name: "Status codes" })).toContainText("200");
  await page.reload();
  await expect(dialog.getByRole("table", { name: "Percentiles" })).toContainText("95 %");
  await page.keyboard.press("Escape");
  await expect(dialog).toHaveCount(0);
  await expect(page).toHaveURL(/endpoints\?q=add_to$/);
});

test("13 the filter compares values and knows patterns", async ({ page }) => {
  await start(page);
  await page.goto("#/run/endpoints");
  await expect.poll(async () => (await column(page, "name")).length).toBeGreaterThanOrEqual(5);
  await page.getByRole("searchbox").fill("fail>50%");
  await expect.poll(() => column(page, "name")).toEqual([expect.stringContaining("/checkout")]);
  await page.getByRole("searchbox").fill("/add_to|look$/");
  await expect.poll(async () => (await column(page, "name")).length).toBe(2);
  await page.getByRole("searchbox").fill("p95>100s");
  await expect(page.getByText(/0 of \d+ endpoints match/)).toBeVisible();
});

test("14 columns that were chosen are shown after a reload, too", async ({ page }) => {
  await start(page, { users: 1, ramp: 1 });
  await page.goto("#/run/endpoints");
  const header = (name: string) => page.getByRole("columnheader", { name });
  await expect(header("p95 ms")).toBeVisible();
  await expect(header("Min ms")).toHaveCount(0);
  await page.getByRole("button", { name: "Columns" }).click();
  await page.getByRole("menuitemcheckbox", { name: "Min ms" }).click();
  await page.getByRole("menuitemcheckbox", { name: "p95 ms", exact: true }).click();
  await page.keyboard.press("Escape");
  await expect(header("Min ms")).toBeVisible();
  await expect(header("p95 ms")).toHaveCount(0);
  await page.reload();
  await expect(header("Min ms")).toBeVisible();
  await expect(header("p95 ms")).toHaveCount(0);
});

test("39 the log can be narrowed by level and text", async ({ page }) => {
  await start(page, { users: 1, ramp: 1 });
  await page.goto("#/run/logs");
  const lines = () => column(page, "text");
  await expect.poll(async () => (await lines()).length).toBeGreaterThan(2);
  await page.getByRole("searchbox").fill("/ramping|spawned/");
  await expect.poll(async () => (await lines()).every((line) => /ramping|spawned/i.test(line))).toBe(true);
  await page.getByRole("searchbox").fill("");
  await page.getByLabel("Level").selectOption("ERROR");
  await expect(page.getByText("No such lines")).toBeVisible();
  await page.reload();
  await expect(page.getByLabel("Level")).toHaveValue("ERROR");
});
