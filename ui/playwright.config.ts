import { fileURLToPath } from "node:url";
import { defineConfig } from "@playwright/test";

/** Browser tests with the system's Chromium; `KATYDID_BIN` names the command. */
export default defineConfig({
  testDir: fileURLToPath(new URL("../tests/browser", import.meta.url)),
  outputDir: fileURLToPath(new URL("test-results", import.meta.url)),
  // Most of the time they wait for what happens on the page.
  workers: 2,
  timeout: 60_000,
  expect: { timeout: 10_000 },
  forbidOnly: process.env.CI !== undefined,
  reporter: [["list"]],
  use: {
    browserName: "chromium",
    viewport: { width: 1440, height: 900 },
    launchOptions: {
      executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
      args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
    },
  },
});
