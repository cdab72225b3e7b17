import { expect, figure, start, state, test } from "./katydid";
import { end, startKatydid } from "./processes";

test("25 S and Enter stop the run with one command", async ({ page, target }) => {
  await start(page);
  await expect(state(page)).toHaveText("Running");
  const sent: string[] = [];
  page.on("request", (request) => request.url().endsWith("/stop") && sent.push(request.url()));
  await page.keyboard.press("s");
  await expect(page.getByRole("button", { name: "Stop now" })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(state(page)).toHaveText("Stopped");
  await expect(figure(page, "rps")).not.toHaveText("—");
  await expect(page.locator("[data-figure=rps] dt")).toContainText("run");
  expect(sent).toHaveLength(1);
  const count = await target.count();
  await expect.poll(() => target.count(), { timeout: 2_000 }).toBe(count);
});

test("Escape leaves the question, and the run goes on", async ({ page }) => {
  await start(page);
  await expect(state(page)).toHaveText("Running");
  await page.keyboard.press("s");
  await expect(page.getByRole("button", { name: "Stop now" })).toBeFocused();
  await page.keyboard.press("Escape");
  await expect(page.getByRole("button", { name: "Stop now" })).toHaveCount(0);
  await expect(page.getByRole("button", { name: "Stop", exact: true })).toBeFocused();
  await expect(state(page)).toHaveText("Running");
});

test("a run ends by itself at its run time", async ({ page }) => {
  await start(page, { users: 2, ramp: 2, runTime: "3s" });
  await expect(state(page)).toHaveText("Finished", { timeout: 20_000 });
  await expect(page.getByRole("link", { name: "New test" }).first()).toBeVisible();
});

test("9, 20 the second run shows nothing of the first", async ({ page }) => {
  await start(page, { users: 3, ramp: 3, runTime: "3s" });
  await expect(state(page)).toHaveText("Finished", { timeout: 20_000 });
  await start(page, { users: 1, ramp: 1 });
  await expect(state(page)).toHaveText("Running");
  await expect(page.getByText("00:00:02")).toBeVisible();
  await page.getByRole("button", { name: "As table" }).first().click();
  const rows = page.getByRole("region", { name: "Throughput and users, table" }).locator("tbody tr");
  await expect(rows.last()).toContainText(/^0:0[01]/);
  for (const row of await rows.all()) await expect(row.locator("td").last()).toHaveText(/^[01]$/);
});

test("49, 50 start, look around and stop with the keyboard only", async ({ page }) => {
  await page.goto("");
  await page.getByLabel("Target host").focus();
  await page.keyboard.press("Tab");
  await expect(page.getByRole("radio", { name: "One level" })).toBeFocused();
  await page.keyboard.press("Tab");
  await expect(page.getByLabel("Users", { exact: true })).toBeFocused();
  await page.keyboard.press("ControlOrMeta+a");
  await page.keyboard.type("5");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/overview/);
  await page.keyboard.press("g");
  await page.keyboard.press("e");
  await expect(page.getByRole("heading", { name: "Endpoints" })).toBeVisible();
  await page.keyboard.press("g");
  await page.keyboard.press("r");
  await expect(page.getByRole("heading", { name: "Errors" })).toBeVisible();
  await page.keyboard.press("g");
  await page.keyboard.press("o");
  const chart = page.getByRole("img", { name: /Throughput and users from/ });
  await chart.focus();
  await page.keyboard.press("ArrowLeft");
  await expect(page.getByRole("status")).toHaveText(/^0:\d\d: OK .* req\/s, Failed .*, Users \d/);
  await page.keyboard.press("?");
  await expect(page.getByRole("dialog", { name: "Keyboard shortcuts" })).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(page.getByRole("dialog")).toHaveCount(0);
  await page.keyboard.press("s");
  await expect(page.getByRole("button", { name: "Stop now" })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(state(page)).toHaveText("Stopped");
  await expect(page.locator("body")).not.toBeFocused();
});

test("27 a lost controller is announced, and Stop says that it could not", async ({
  page,
  katydid,
  expectedMessages,
}) => {
  expectedMessages.push("ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE_CHUNKED_ENCODING", "ERR_CONNECTION_RESET");
  await start(page);
  await expect(state(page)).toHaveText("Running");
  katydid.process.kill("SIGKILL");
  await expect(page.getByRole("alert")).toContainText("The test may still be running", { timeout: 15_000 });
  await expect(page.getByText("disconnected")).toBeVisible();
  await page.keyboard.press("s");
  await page.keyboard.press("Enter");
  await expect(page.getByText("Could not reach the controller; nothing was stopped.").first()).toBeVisible();
  await end(katydid);
});

test("27 a controller that restarted is recognised, and the page goes on with it", async ({
  page,
  katydid,
  target,
  expectedMessages,
}) => {
  expectedMessages.push("ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE_CHUNKED_ENCODING", "ERR_CONNECTION_RESET");
  await start(page);
  await expect(state(page)).toHaveText("Running");
  katydid.process.kill("SIGKILL");
  await expect(page.getByText("disconnected")).toBeVisible({ timeout: 15_000 });
  const second = await startKatydid(target.url, Number(new URL(katydid.url).port));
  await expect(page.getByRole("alert")).toContainText("The controller restarted", { timeout: 15_000 });
  await expect(state(page)).toHaveText("Ready");
  await page.getByRole("button", { name: "Dismiss" }).click();
  await expect(page.getByRole("alert")).toHaveCount(0);
  await start(page, { users: 2, ramp: 2 });
  await expect(figure(page, "users")).toHaveText("2/2");
  await end(second);
});
