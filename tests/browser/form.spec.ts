import { expect, figure, start, state, stop, test } from "./katydid";

for (const [width, height] of [
  [1440, 900],
  [768, 1024],
  [390, 844],
] as const) {
  test(`1 Start is in view without scrolling at ${width} × ${height}`, async ({ page }) => {
    await page.setViewportSize({ width, height });
    await page.goto("");
    await expect(page).toHaveURL(/#\/new/);
    await expect(page.getByRole("button", { name: "Start test" })).toBeInViewport({ ratio: 1 });
    const sideways = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    expect(sideways).toBeLessThanOrEqual(0);
  });
}

test("2 ten users start, and state, users, title and icon tell it", async ({ page }) => {
  await page.goto("#/new");
  await expect(page).toHaveTitle("Ready · Katydid");
  const idle = await page.locator("#favicon").getAttribute("href");
  await start(page, { users: 10, ramp: 10 });
  await expect(state(page)).toHaveText("Running");
  await expect(figure(page, "users")).toHaveText("10/10");
  await expect(page).toHaveTitle(/● .* rps · .* % · Running/);
  await expect(page.locator("#favicon")).not.toHaveAttribute("href", idle ?? "");
});

test("3 a bad run time is named under its field, which gets the focus, and nothing starts", async ({
  page,
}) => {
  await page.goto("#/new");
  const field = page.getByLabel("Run time");
  await field.fill("soon");
  await field.press("Enter");
  await expect(field).toBeFocused();
  await expect(field).toHaveAttribute("aria-invalid", "true");
  await expect(field).toHaveAccessibleDescription(/30s, 5m or 1h30m/);
  await expect(state(page)).toHaveText("Ready");
});

test("a field the server refuses gets the server's words", async ({ page, expectedMessages }) => {
  expectedMessages.push("422");
  await page.route("**/api/v1/start", (route) =>
    route.fulfill({ status: 422, json: { error: { field: "host", message: "this host is not allowed" } } }),
  );
  await page.goto("#/new");
  const host = page.getByLabel("Target host");
  await host.fill("http://elsewhere.test");
  await page.getByRole("button", { name: "Start test" }).click();
  await expect(host).toBeFocused();
  await expect(host).toHaveAccessibleDescription(/this host is not allowed/);
});

test("6 a user class that is left out takes no users", async ({ page }) => {
  await page.goto("#/new");
  await page.getByRole("checkbox", { name: /Shopper/ }).uncheck();
  const request = page.waitForRequest("**/api/v1/start");
  await page.getByRole("button", { name: "Start test" }).click();
  expect((await request).postDataJSON().user_classes).toEqual(["Visitor"]);
  await expect(page).toHaveURL(/#\/run\/overview/);
});

test("4 the script's own options are offered and sent", async ({ page }) => {
  await page.goto("#/new");
  await page.getByLabel("basket").selectOption("toys");
  await page.getByRole("checkbox", { name: /hurry/ }).check();
  const request = page.waitForRequest("**/api/v1/start");
  await page.getByRole("button", { name: "Start test" }).click();
  expect((await request).postDataJSON().options).toEqual({ basket: "toys", hurry: "true" });
  await expect(page).toHaveURL(/#\/run\/overview/);
});

test("8 stages are previewed as typed, and lead the run", async ({ page, katydid }) => {
  await page.goto("#/new");
  await page.getByRole("radio", { name: "In stages" }).check();
  await page.getByRole("button", { name: "Smoke" }).click();
  await expect(page.getByRole("list", { name: "Stages" }).getByRole("listitem")).toHaveCount(1);
  await page.getByLabel("Time of stage 1").fill("2s");
  await page.getByLabel("Users at the end of stage 1").fill("6");
  await page.getByRole("button", { name: "Add a stage" }).click();
  await page.getByLabel("Time of stage 2").fill("soon");
  await page.getByRole("button", { name: "Start test" }).click();
  await expect(page.getByText("Every stage needs a time")).toBeVisible();
  await page.getByLabel("Time of stage 2").fill("1h");
  await expect(page.getByText("6 users at the peak, first after 2s; ends at 1h2s.")).toBeVisible();
  await page.getByRole("button", { name: "Start test" }).click();
  await expect(state(page)).toHaveText("Running", { timeout: 20_000 });
  await expect(figure(page, "users")).toHaveText("6/6");
  await stop(page);
  // The next form begins with them, and can do without.
  const about = await (await fetch(`${katydid.url}/api/v1/run`)).json();
  expect(about.stages).toEqual([
    [2, 6],
    [3600, 6],
  ]);
  await page.goto("#/new");
  await page.getByRole("radio", { name: "One level" }).check();
  await page.getByLabel("Users", { exact: true }).fill("2");
  await page.getByRole("button", { name: "Start test" }).click();
  await expect(figure(page, "users")).toHaveText("2/2");
});
