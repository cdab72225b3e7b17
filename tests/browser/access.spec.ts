import AxeBuilder from "@axe-core/playwright";
import { expect, start, state, test } from "./katydid";

const PAGES = [
  "#/new",
  "#/run/overview",
  "#/run/endpoints",
  "#/run/errors",
  "#/run/load",
  "#/run/workers",
  "#/run/logs",
  "#/run/export",
  "#/settings",
];

for (const theme of ["light", "dark"] as const) {
  test(`48 no page breaks an accessibility rule in the ${theme} theme`, async ({ page }) => {
    test.setTimeout(90_000);
    await page.emulateMedia({ colorScheme: theme, reducedMotion: "reduce" });
    await start(page);
    await expect(state(page)).toHaveText("Running");
    await expect(page.locator("html")).toHaveAttribute("data-theme", theme);
    for (const path of PAGES) {
      await page.goto(path);
      await expect(page.getByRole("heading", { level: 1 })).toBeAttached();
      expect(await broken(page), path).toEqual([]);
    }
    await page.goto("#/run/overview");
    await page.keyboard.press("s");
    await expect(page.getByRole("button", { name: "Stop now" })).toBeFocused();
    expect(await broken(page), "the question before a stop").toEqual([]);
    await page.keyboard.press("Escape");
    await page.keyboard.press("?");
    await expect(page.getByRole("dialog", { name: "Keyboard shortcuts" })).toBeVisible();
    expect(await broken(page), "the list of shortcuts").toEqual([]);
    await page.keyboard.press("Escape");
    await page.keyboard.press("e");
    await expect(page.getByRole("dialog", { name: "Change load" })).toBeVisible();
    expect(await broken(page), "the drawer for the load").toEqual([]);
    await page.keyboard.press("Escape");
    await page.goto("#/run/endpoints?endpoint=1");
    await expect(page.getByRole("dialog")).toBeVisible();
    expect(await broken(page), "an endpoint").toEqual([]);
  });
}

test("the form's errors break no accessibility rule", async ({ page }) => {
  await page.goto("#/new");
  await page.getByLabel("Run time").fill("soon");
  await page.getByLabel("Ramp").fill("");
  await page.getByLabel("Target host").fill("nowhere");
  await page.getByRole("button", { name: "Start test" }).click();
  expect(await broken(page)).toEqual([]);
});

test("52 nothing scrolls sideways and Stop is in view on a small phone", async ({ page }) => {
  await page.setViewportSize({ width: 320, height: 640 });
  await start(page);
  for (const path of PAGES) {
    await page.goto(path);
    await expect(page.getByRole("heading", { level: 1 })).toBeAttached();
    await expect(page.getByRole("button", { name: "Stop", exact: true })).toBeInViewport({ ratio: 1 });
    const sideways = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    expect(sideways, path).toBeLessThanOrEqual(0);
  }
});

test("53 a chosen theme is there from the first paint and outlives a reload", async ({ page }) => {
  await page.emulateMedia({ colorScheme: "light" });
  await page.goto("");
  await expect(page.getByRole("button", { name: "Start test" })).toBeVisible();
  await page.keyboard.press("t");
  await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
  await page.addInitScript(() => {
    document.addEventListener("DOMContentLoaded", () => {
      document.documentElement.dataset.themeAtLoad = document.documentElement.dataset.theme;
    });
  });
  await page.reload();
  await expect(page.locator("html")).toHaveAttribute("data-theme-at-load", "dark");
});

/** The rules a page breaks, with where. */
async function broken(page: import("@playwright/test").Page): Promise<string[]> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  return violations.flatMap(({ id, nodes }) => nodes.map(({ target }) => `${id}: ${target.join(" ")}`));
}
