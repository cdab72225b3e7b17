import type { Page } from "@playwright/test";
import { expect, figure, start, state, test } from "./katydid";

const events = (page: Page) => page.getByRole("region", { name: "Events" });

async function openLoad(page: Page): Promise<void> {
  await page.keyboard.press("e");
  await expect(page.getByRole("dialog", { name: "Change load" })).toBeVisible();
}

async function setUsers(page: Page, users: number): Promise<void> {
  const field = page.getByRole("dialog").getByLabel("Users", { exact: true });
  await field.fill(String(users));
  await page
    .getByRole("dialog")
    .getByRole("button", { name: /^Apply/ })
    .click();
}

async function more(page: Page, item: string): Promise<void> {
  await page.getByRole("button", { name: "More to do with this run" }).click();
  await page.getByRole("menuitem", { name: item }).click();
}

test("21 another load is wanted at once, reached later, and marked", async ({ page }) => {
  await start(page, { users: 2, ramp: 2 });
  await expect(state(page)).toHaveText("Running");
  await openLoad(page);
  await page.getByRole("dialog").getByLabel("Ramp").fill("1");
  await page.getByRole("dialog").getByRole("button", { name: "×2" }).click();
  await expect(page.getByTestId("preview")).toHaveText(/2 → 4 users in about 2.00.s/);
  await page.getByRole("dialog").getByRole("button", { name: "Apply" }).click();
  await expect(page.getByTestId("wanted")).toHaveText("4");
  await expect(page.getByTestId("running")).toHaveText("4");
  await page.getByRole("dialog").getByRole("button", { name: "Back to 2" }).click();
  await expect(page.getByTestId("running")).toHaveText("2");
  await page.keyboard.press("Escape");
  await expect(page.getByRole("dialog")).toHaveCount(0);
  await expect(events(page)).toContainText("2 → 4 users wanted");
  await expect(events(page)).toContainText("4 → 2 users wanted");
});

test("a load that makes no sense is refused under its field", async ({ page }) => {
  await start(page, { users: 1, ramp: 1 });
  await expect(state(page)).toHaveText("Running");
  await openLoad(page);
  await setUsers(page, 0);
  await expect(page.getByText("Enter a whole number of users, 1 or more.")).toBeVisible();
  await expect(page.getByTestId("wanted")).toHaveText("1");
});

test("weights of user classes change while they run", async ({ page }) => {
  await start(page, { users: 8, ramp: 8 });
  await expect(state(page)).toHaveText("Running");
  await openLoad(page);
  await page.getByLabel("Weight of Visitor").fill("3");
  await page.getByLabel("Weight of Shopper").fill("1");
  await page.getByRole("dialog").getByRole("button", { name: "Apply" }).click();
  const running = page.getByRole("group", { name: "Weights of the user classes" });
  await expect(running).toContainText(/Shopper2 running.*Visitor6 running/);
});

test("22 the second of two operators is told of a conflict", async ({ page, context, expectedMessages }) => {
  // The browser itself says that the server answered 409.
  expectedMessages.push("409");
  await start(page, { users: 2, ramp: 2 });
  await expect(state(page)).toHaveText("Running");
  const other = await context.newPage();
  await other.goto(page.url());
  await expect(state(other)).toHaveText("Running");
  await openLoad(page);
  await openLoad(other);
  await setUsers(page, 3);
  await expect(page.getByTestId("running")).toHaveText("3");
  await expect(other.getByText("Somebody else has changed the load: 3 users are wanted now.")).toBeVisible();
  await setUsers(other, 5);
  await expect(other.getByRole("alert")).toContainText(
    "Somebody else has changed the run: 3 users are wanted",
  );
  await expect(other.getByTestId("wanted")).toHaveText("3");
  await other.getByRole("button", { name: "Apply anyway" }).click();
  await expect(page.getByTestId("wanted")).toHaveText("5");
});

test("23 a pause keeps the counters, and users go on after it", async ({ page, target }) => {
  await start(page, { users: 3, ramp: 3 });
  await expect(state(page)).toHaveText("Running");
  await more(page, "Pause");
  await expect(state(page)).toHaveText("Paused");
  await expect(figure(page, "users")).toHaveText("3/3");
  // Requests under way end; then there are no more.
  let before = -1;
  await expect
    .poll(async () => {
      const last = before;
      before = await target.count();
      return before === last;
    })
    .toBe(true);
  await more(page, "Resume");
  await expect(state(page)).toHaveText("Running");
  await expect.poll(() => target.count()).toBeGreaterThan(before);
  await expect(events(page)).toContainText("Paused");
  await expect(events(page)).toContainText("Resumed");
});

test("24 a new segment asks first, and nothing is lost by it", async ({ page }) => {
  await start(page, { users: 2, ramp: 2 });
  await expect(state(page)).toHaveText("Running");
  await more(page, "New segment…");
  await page.keyboard.press("Escape");
  await expect(events(page)).not.toContainText("Segment");
  const requests = page.getByText(/\d requests to \d endpoints/);
  const before = Number.parseInt(((await requests.textContent()) ?? "").replace(",", ""), 10);
  await more(page, "New segment…");
  await page.getByLabel("Name (optional)").fill("after the deploy");
  await page.keyboard.press("Enter");
  await expect(events(page)).toContainText("after the deploy");
  const after = Number.parseInt(((await requests.textContent()) ?? "").replace(",", ""), 10);
  expect(after).toBeGreaterThanOrEqual(before);
});

test("38 a note is taken by N and by the API, and is drawn and listed", async ({
  page,
  request,
  katydid,
}) => {
  await start(page, { users: 1, ramp: 1 });
  await expect(state(page)).toHaveText("Running");
  await page.keyboard.press("n");
  await page.keyboard.press("Enter");
  await expect(page.getByText("Enter a text.")).toBeVisible();
  await page.keyboard.type("cache <b>cleared</b>");
  await page.keyboard.press("Enter");
  await expect(events(page)).toContainText("cache <b>cleared</b>");
  const sent = await request.post(`${katydid.url}/api/v1/note`, { data: { text: "deployed 1.2" } });
  expect(sent.ok()).toBe(true);
  await expect(events(page)).toContainText("deployed 1.2");
});

test("25 let tasks finish, and the button tells how many are left", async ({ page }) => {
  await start(page, { users: 3, ramp: 3 });
  await expect(state(page)).toHaveText("Running");
  await page.keyboard.press("s");
  await page.getByLabel("Seconds that tasks get to finish").fill("5");
  await page.getByRole("button", { name: "Let tasks finish" }).click();
  await expect(state(page)).toHaveText("Stopped");
});

test.describe("59 who may only look", () => {
  test.use({ visitors: { ann: "operator", bob: "viewer" } });

  test("is told why, and is refused", async ({ page, katydid, expectedMessages }) => {
    // The browser itself says that a call was answered 401.
    expectedMessages.push("401");
    const enter = async (name: string) => {
      await page.goto(`${katydid.url}/login`);
      await page.getByLabel("Name").fill(name);
      await page.getByLabel("Password").fill("right");
      await page.keyboard.press("Enter");
    };
    const signOut = async () => {
      await page.getByRole("button", { name: "Sign out" }).click();
      await expect(page.getByLabel("Password")).toBeVisible();
    };
    const command = { data: { users: 2, spawn_rate: 2 } };
    const starting = () => page.request.post(`${katydid.url}/api/v1/start`, command);
    const why = "You are signed in as bob, who may look at the test but not change it.";
    await enter("bob");
    await expect(page.getByText(why)).toBeVisible();
    expect((await starting()).status()).toBe(403);
    await signOut();
    await enter("ann");
    await expect(page.getByRole("button", { name: "Start test" })).toBeVisible();
    expect((await starting()).status()).toBe(200);
    await expect(state(page)).toHaveText("Running");
    await signOut();
    await enter("bob");
    await expect(state(page)).toHaveText("Running");
    await expect(page.getByRole("button", { name: "Stop", exact: true })).toHaveAttribute("title", why);
    await page.keyboard.press("s");
    await page.keyboard.press("e");
    await expect(page.getByRole("dialog")).toHaveCount(0);
    await page.getByRole("button", { name: "More to do with this run" }).click();
    await expect(page.getByRole("menuitem", { name: "Pause" })).toBeDisabled();
  });
});
