import { expect, number, start, state, stop, test } from "./katydid";

test.use({ script: "trouble.py" });

test("32, 33, 34 failures are told by what they have in common, without their secrets", async ({
  page,
  target,
}) => {
  await start(page, { users: 4, ramp: 4 });
  await expect(state(page)).toHaveText("Running");
  await page.goto("#/run/errors");
  const rows = page.getByRole("region", { name: "Errors" }).locator("tbody tr");
  await expect(rows).toHaveCount(2);
  await expect(page.getByText(/\d variants/)).toBeVisible();
  await expect(page.getByText("Exceptions in scripts")).toBeVisible({ timeout: 20_000 });
  await stop(page);
  // One row for all orders, and one for all refusals: together they are what the target has seen.
  await expect
    .poll(async () => {
      const counts = await rows.locator("[data-column=count]").allTextContents();
      return counts.map(number).reduce((sum, count) => sum + count, 0);
    })
    .toBe(await target.count());

  await page.getByRole("link", { name: /order/ }).click();
  const dialog = page.getByRole("dialog");
  await expect(dialog.getByRole("table", { name: "Messages" }).locator("tr").first()).toContainText(
    /order [0-9a-f-]{36} not found after 12 tries/,
  );
  await page.keyboard.press("Escape");

  await page.getByRole("link", { name: /401/ }).click();
  await expect(dialog.getByText("GET http")).toContainText("/status/401");
  await expect(dialog).toContainText("Authorization");
  await expect(page.locator("body")).not.toContainText("hush-hush");
  await page.keyboard.press("Escape");

  await page.locator("summary").click();
  const traceback = page.locator("details pre");
  await expect(traceback).toContainText("in look_up");
  expect((await traceback.innerText()).split("\n").length).toBeGreaterThan(3);
});

test("5 a secret's default is in nothing that is sent", async ({ page }) => {
  const answers: Promise<string>[] = [];
  page.on("response", (response) => {
    if (!response.url().endsWith("/stream")) answers.push(response.text().catch(() => ""));
  });
  await page.goto("#/new");
  const field = page.getByLabel("password");
  await expect(field).toHaveValue("");
  await expect(field).toHaveAttribute("type", "password");
  for (const text of await Promise.all(answers)) expect(text).not.toContain("hush-hush");
  expect(await page.content()).not.toContain("hush-hush");
});
