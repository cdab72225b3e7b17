/**
 * Measures what the page costs those who look at it, and the server, against its budgets, and prints a table.
 *
 * Run by `make bench-page`. It needs the built command and Chromium; everything stays on this machine. The exit code is 1 if
 * a budget is missed.
 */
import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const { chromium } = createRequire(here("../ui/package.json"))("@playwright/test");
const KATYDID = process.env.KATYDID_BIN ?? here("../.venv/bin/katydid");

/** How long things are watched, in seconds. */
const WATCH = 20;

const rows = [];

/** Notes a figure and its budget, in the same unit. */
function note(what, value, budget, unit) {
  rows.push({ what, value, budget, unit, met: value <= budget });
}

function start(command, options, pattern) {
  const child = spawn(command, options, { stdio: ["ignore", "pipe", "pipe"] });
  return new Promise((resolve, reject) => {
    let output = "";
    const read = (chunk) => {
      output += chunk;
      const found = pattern.exec(output);
      if (found !== null) resolve({ child, url: found[1].replace(/\/$/, "") });
    };
    child.stdout.on("data", read);
    child.stderr.on("data", read);
    child.once("exit", (code) => reject(new Error(`${command} ended with ${code}:\n${output}`)));
  });
}

const WEB = /Starting web interface at (http:\/\/[^\s,]+)/;

/** A run of the real thing in which so many names each get a request every second. */
async function run(names) {
  const target = await start(KATYDID, ["target", "--port", "0"], /Target listening on (http:\/\/\S+)/);
  const options = ["-f", here("page_users.py"), "-H", target.url, "-P", "0", "--autostart", "--no-store"];
  process.env.NAMES = String(names);
  const katydid = await start(KATYDID, [...options, "-u", "10", "-r", "10"], WEB);
  const end = () => {
    for (const { child } of [katydid, target]) child.removeAllListeners("exit").kill("SIGKILL");
  };
  return { ...katydid, end };
}

const sleep = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

/** The sizes of frames of a running test, once all names are known. */
async function frames(names) {
  const { url, end } = await run(names);
  await sleep(6);
  const stop = new AbortController();
  const { body } = await fetch(`${url}/api/v1/stream`, { signal: stop.signal });
  let text = "";
  const decoder = new TextDecoder();
  const reading = (async () => {
    for await (const chunk of body) text += decoder.decode(chunk, { stream: true });
  })().catch(() => {});
  await sleep(8);
  stop.abort();
  await reading;
  end();
  const sizes = text
    .split("\n\n")
    .filter((event) => event.includes("event: frame") && event.includes("\ndata:"))
    .map((event) => ({ raw: event.length, gz: gzipSync(event).length }));
  const middle = (pick) => sizes.map(pick).sort((a, b) => a - b)[Math.floor(sizes.length / 2)] ?? Number.NaN;
  return { raw: middle(({ raw }) => raw), gz: middle(({ gz }) => gz) };
}

/** Processor seconds a process has used. */
function used(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

function bundle() {
  const folder = here("../ui/dist/assets");
  const index = readFileSync(here("../ui/dist/index.html"), "utf8");
  return readdirSync(folder)
    .filter((name) => name.endsWith(".js") && index.includes(name))
    .reduce((sum, name) => sum + gzipSync(readFileSync(`${folder}/${name}`)).length, 0);
}

async function main() {
  note("JavaScript of the first load, gzip", bundle() / 1024, 180, "KiB");
  const hundred = await frames(100);
  note("frame, 100 names that all change", hundred.raw / 1024, 8, "KiB");
  note("the same, gzip", hundred.gz / 1024, 3, "KiB");
  note("frame, 1,000 names that all change", (await frames(1000)).raw / 1024, 60, "KiB");

  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--enable-precise-memory-info", "--js-flags=--expose-gc"],
  });
  const { url, child, end } = await run(100);
  await sleep(5);

  // The first paint, on a processor a quarter as fast.
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
  const tools = await page.context().newCDPSession(page);
  await tools.send("Emulation.setCPUThrottlingRate", { rate: 4 });
  await page.goto(`${url}/#/run/overview`);
  await page.locator("[data-kpi=rps]").waitFor();
  const interactive = await page.evaluate(() => performance.now());
  const paint = await page.evaluate(
    () => performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? Number.NaN,
  );
  note("first paint, processor 4 times slower", paint, 800, "ms");
  note("numbers on screen, processor 4 times slower", interactive, 1500, "ms");
  await tools.send("Emulation.setCPUThrottlingRate", { rate: 1 });

  // Long tasks while data streams in, and somebody scrolls.
  await page.evaluate(() => {
    window.longest = 0;
    new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) window.longest = Math.max(window.longest, duration);
    }).observe({ type: "longtask" });
  });
  for (let second = 0; second < WATCH; second += 1) {
    await page.mouse.wheel(0, second % 2 === 0 ? 600 : -600);
    await sleep(1);
  }
  note("longest task while it streams", await page.evaluate(() => window.longest), 100, "ms");
  await page.close();

  // What viewers cost the server: the difference between three and none.
  await sleep(3);
  const cost = async () => {
    const before = used(child.pid);
    await sleep(WATCH);
    return ((used(child.pid) - before) / WATCH) * 100;
  };
  const none = await cost();
  const contexts = await Promise.all([1, 2, 3].map(() => browser.newContext()));
  for (const context of contexts) {
    const viewer = await context.newPage();
    await viewer.goto(`${url}/#/run/overview`);
    await viewer.locator("[data-kpi=rps]").waitFor();
  }
  await sleep(3);
  const three = await cost();
  note("server with 3 viewers beyond none", Math.max(three - none, 0), 1, "% of a core");
  for (const context of contexts) await context.close();
  end();

  // Six hours of 100 names, replayed.
  const options = ["--port", "0", "--names", "100", "--past", "21600"];
  const mock = await start(process.execPath, [here("../ui/mock/server.mjs"), ...options], WEB);
  const long = await browser.newPage({ viewport: { width: 1440, height: 900 } });
  await long.goto(`${mock.url}/#/run/overview`);
  await long.locator("[data-kpi=rps]").waitFor();
  await sleep(10);
  const session = await long.context().newCDPSession(long);
  await session.send("HeapProfiler.collectGarbage");
  const { usedSize } = await session.send("Runtime.getHeapUsage");
  note("heap after 6 h of 100 names", usedSize / 2 ** 20, 60, "MiB");
  note("elements in the page then", await long.evaluate(() => document.querySelectorAll("*").length), 3000, "");
  mock.child.removeAllListeners("exit").kill();
  await browser.close();

  console.log(`Budgets of the page on ${cpus()[0]?.model ?? "?"}, ${cpus().length} cores\n`);
  for (const { what, value, budget, unit, met } of rows) {
    const figure = value.toFixed(value < 10 ? 2 : 0).padStart(8);
    console.log(`${met ? "  " : "! "}${what.padEnd(46)}${figure}  of at most ${budget} ${unit}`);
  }
  console.log(`\nWithout viewers the run took ${none.toFixed(1)} % of a core, with three ${three.toFixed(1)} %.`);
  process.exitCode = rows.every(({ met }) => met) ? 0 : 1;
}

await main();
