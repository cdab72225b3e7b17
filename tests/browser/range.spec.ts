import { column, expect, number, start, state, test } from "./katydid";

test("18 a stretch that is chosen on a chart is what all numbers are of", async ({ page }) => {
  await start(page, { users: 10, ramp: 10, runTime: "9s" });
  await expect(state(page)).toHaveText("Finished", { timeout: 30_000 });
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
  await expect(page.locator("[data-kpi=rps]")).toContainText("range");
  const [, from = 0, to = 0] = (/0:(\d\d) to 0:(\d\d)/.exec(await chip.innerText()) ?? []).map(Number);
  expect(to - from).toBeGreaterThan(1);
  const answer = await page.request.get(new URL("api/v1/snapshot", page.url()).href);
  const { points, run } = await answer.json();
  const origin = Math.min(points[0][0], Math.floor(run.started / 1000));
  const inside = points.filter(([t]: number[]) => (t ?? 0) >= origin + from && (t ?? 0) < origin + to);
  const counted = inside.reduce(
    (sum: number, [, ok, failed]: number[]) => sum + (ok ?? 0) + (failed ?? 0),
    0,
  );

  await page.goto("#/run/endpoints");
  await expect(chip).toBeVisible();
  await expect(page.locator("tfoot [data-column=requests]")).toHaveText(counted.toLocaleString("en-US"));
  const rows = (await column(page, "requests")).map(number);
  expect(rows.reduce((sum, each) => sum + each, 0)).toBe(counted);

  await page.keyboard.press("l");
  await expect(chip).toHaveCount(0);
  await expect(page.locator("tfoot [data-column=requests]")).not.toHaveText(counted.toLocaleString("en-US"));
});

test("18 a stretch can be chosen by its name", async ({ page }) => {
  await start(page, { users: 4, ramp: 2, runTime: "6s" });
  await expect(state(page)).toHaveText("Finished", { timeout: 20_000 });
  const stretch = page.getByLabel("Stretch of the run");
  await stretch.selectOption("While all users were there");
  await expect(page.getByRole("status").filter({ hasText: "Only" })).toContainText(
    /Only 0:0[2-4] to 0:0[5-8]/,
  );
  await expect(page.locator("[data-kpi=rps]")).toContainText("range");
  await expect(stretch).toHaveValue("chosen");
  await stretch.selectOption("Whole run");
  await expect(page.getByRole("status").filter({ hasText: "Only" })).toHaveCount(0);
  await stretch.selectOption("Last minute");
  await expect(page.getByRole("status").filter({ hasText: "Only" })).toContainText("Only 0:00 to");
});

test("18 a link to a stretch shows it, in a run and in a kept one", async ({ page }) => {
  await start(page, { users: 4, ramp: 4, runTime: "6s" });
  await expect(state(page)).toHaveText("Finished", { timeout: 20_000 });
  const chip = page.getByRole("status").filter({ hasText: "Only" });
  const total = page.locator("tfoot [data-column=requests]");
  await page.goto("#/run/endpoints");
  const whole = await total.innerText();
  await page.goto("#/run/endpoints?range=1-3");
  await expect(chip).toContainText("Only 0:01 to 0:03");
  await expect(total).not.toHaveText(whole);
  const requests = await total.innerText();
  await page.getByRole("link", { name: "Errors" }).click();
  await expect(page).toHaveURL(/#\/run\/errors\?range=1-3$/);
  await page.reload();
  await expect(chip).toContainText("Only 0:01 to 0:03");
  await page.goto("#/run/errors?range=5-2");
  await expect(page).toHaveURL(/#\/run\/errors\?range=1-3$/);

  const { runs } = await (await page.request.get(new URL("api/v1/runs", page.url()).href)).json();
  await page.goto(`#/run/${runs[0].id}/overview`);
  await expect(page).toHaveURL(/overview$/);
  await page.goto(`#/run/${runs[0].id}/endpoints?range=1-3`);
  await expect(chip).toContainText("Only 0:01 to 0:03");
  await expect(total).toHaveText(requests);
  await page.keyboard.press("l");
  await expect(page).toHaveURL(/endpoints$/);
});
