/** The report: it must be readable wherever it is opened, with scripts or without. */

import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { pathToFileURL } from "node:url";
import AxeBuilder from "@axe-core/playwright";
import { expect, start, state, test } from "./katydid";

/** What Jenkins serves reports with, unless it is told otherwise. */
const JENKINS = "sandbox; default-src 'none'; img-src 'self'; style-src 'self';";

test.beforeEach(async ({ page }, testInfo) => {
  await start(page, { users: 8, ramp: 8, runTime: "4s" });
  await expect(state(page)).toHaveText("Finished", { timeout: 20_000 });
  const downloading = page.waitForEvent("download");
  await page.goto("#/run/export");
  await page.getByRole("link", { name: "Download Report", exact: true }).click();
  await (await downloading).saveAs(testInfo.outputPath("report.html"));
});

test("44 the report opens from a file without a network, and asks for nothing", async ({
  browser,
  page,
}, testInfo) => {
  const answer = await page.request.get(new URL("api/v1/snapshot", page.url()).href);
  const { total } = await answer.json();
  const context = await browser.newContext({ offline: true });
  const report = await context.newPage();
  const asked: string[] = [];
  report.on("request", (request) => asked.push(request.url()));
  const complaints: string[] = [];
  report.on("console", (message) => complaints.push(message.text()));
  report.on("pageerror", (error) => complaints.push(String(error)));
  const file = pathToFileURL(testInfo.outputPath("report.html")).href;
  await report.goto(file);
  expect(asked).toEqual([file]);
  const requests = report.locator("#endpoint-table tfoot td").nth(2);
  await expect(requests).toHaveText(Number(total[1]).toLocaleString("en-US"));

  // Sorted by requests, the largest first; a second press turns it around.
  const head = report.getByRole("button", { name: "Requests", exact: true });
  const counts = () => report.locator("#endpoint-table tbody td:nth-child(3)").allInnerTexts();
  const numbers = async () => (await counts()).map((text) => Number(text.replaceAll(",", "")));
  await head.click();
  const falling = await numbers();
  expect(falling).toEqual([...falling].sort((one, other) => other - one));
  await head.click();
  expect(await numbers()).toEqual([...falling].reverse());

  // Values under the pointer, and a stretch that is chosen.
  const chart = report.locator("#throughput");
  await chart.scrollIntoViewIfNeeded();
  const box = await chart.boundingBox();
  if (box === null) throw new Error("the chart has no place");
  const y = box.y + box.height / 2;
  await report.mouse.move(box.x + box.width * 0.4, y);
  await expect(report.locator(".tip:visible")).toContainText("OK: ");
  await report.mouse.down();
  await report.mouse.move(box.x + box.width * 0.8, y, { steps: 4 });
  await report.mouse.up();
  await report.getByRole("button", { name: "Whole run" }).click();
  expect(complaints).toEqual([]);

  for (const theme of ["light", "dark"] as const) {
    await report.emulateMedia({ colorScheme: theme });
    const { violations } = await new AxeBuilder({ page: report }).analyze();
    expect(violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`)).toEqual([]);
  }
  await context.close();
});

test("45 the report is readable without scripts, and as Jenkins serves it", async ({ browser }, testInfo) => {
  const body = readFileSync(testInfo.outputPath("report.html"));
  const server = createServer((_, response) => {
    response.writeHead(200, { "content-type": "text/html", "content-security-policy": JENKINS });
    response.end(body);
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const { port } = server.address() as AddressInfo;
  const context = await browser.newContext({ javaScriptEnabled: false });
  const report = await context.newPage();
  for (const address of [
    pathToFileURL(testInfo.outputPath("report.html")).href,
    `http://127.0.0.1:${port}/report.html`,
  ]) {
    await report.goto(address);
    await expect(report.getByRole("heading", { level: 1 })).toBeVisible();
    await expect(report.getByText("No thresholds were set, so nothing was decided.")).toBeVisible();
    await expect(report.locator("#endpoint-table tbody tr").first()).toBeVisible();
    for (const id of ["throughput", "response-times", "heat-map", "percentiles"]) {
      const box = await report.locator(`#${id}`).boundingBox();
      expect(box?.width).toBeGreaterThan(300);
    }
  }
  await context.close();
  server.close();
});

test("46 nothing of the report is cut on paper or on a phone", async ({ browser }, testInfo) => {
  const context = await browser.newContext({ viewport: { width: 390, height: 844 } });
  const report = await context.newPage();
  await report.goto(pathToFileURL(testInfo.outputPath("report.html")).href);
  const overflow = () =>
    report.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  expect(await overflow()).toBe(0);
  // A4 without its margins, at 96 dots per inch.
  await report.setViewportSize({ width: 702, height: 1000 });
  await report.emulateMedia({ media: "print" });
  expect(await overflow()).toBe(0);
  const cut = await report
    .locator("table")
    .evaluateAll((tables) =>
      tables
        .filter((table) => table.scrollWidth > (table.parentElement?.clientWidth ?? 0) + 1)
        .map((table) => table.id),
    );
  expect(cut).toEqual([]);
  const pdf = await report.pdf({ format: "A4", path: testInfo.outputPath("report.pdf") });
  expect(pdf.length).toBeGreaterThan(10_000);
  await context.close();
});
