/** Starts what a test talks to, and ends it again. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const here = (path: string) => join(__dirname, path);

// Runs of tests are not kept among those of whoever starts the tests.
process.env.XDG_DATA_HOME = mkdtempSync(join(tmpdir(), "katydid-tests-"));

/** The command under test. */
const BINARY = process.env.KATYDID_BIN ?? here("../../.venv/bin/katydid");

const WEB = /Starting web interface at (http:\/\/[^\s,]+)/;

const START_TIMEOUT_MS = 30_000;

/** A process that has said where it listens. */
export interface Server {
  url: string;
  process: ChildProcess;
}

export async function startTarget(): Promise<Server> {
  return listening(BINARY, ["target", "--port", "0"], /Target listening on (http:\/\/\S+)/);
}

/** Starts a controller; port 0 is any free one. */
export async function startKatydid(
  target: string,
  port = 0,
  more: readonly string[] = [],
  script = "locustfile.py",
): Promise<Server> {
  const options = ["-f", here(script), "-H", target, "--web-host", "127.0.0.1", "-P", String(port)];
  return listening(BINARY, [...options, ...more], WEB);
}

/** Starts a master on free ports, and says where its workers connect. */
export async function startMaster(target: string, port = 0, workers = 0): Promise<Server> {
  const options = ["-f", here("locustfile.py"), "-H", target, "--web-host", "127.0.0.1", "-P", String(port)];
  const master = ["--master", "--master-bind-host", "127.0.0.1", "--master-bind-port", String(workers)];
  return listening(BINARY, [...options, ...master], WEB);
}

/** Starts a worker of a master. */
export function startWorker(port: number): ChildProcess {
  const options = ["-f", here("locustfile.py"), "--worker", "--master-host", "127.0.0.1"];
  return spawn(BINARY, [...options, "--master-port", String(port)], { stdio: "ignore" });
}

/** A line of a file of visitors. */
export function webUser(name: string, role: string, password: string): string {
  const command = ["web-user", name, "--role", role];
  return execFileSync(BINARY, command, { input: `${password}\n`, encoding: "utf8" });
}

export async function end({ process: child }: Server): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), 10_000);
  await gone;
  clearTimeout(timer);
}

/** Runs a command until its output tells where it listens. */
function listening(command: string, options: string[], pattern: RegExp): Promise<Server> {
  const child = spawn(command, options, { stdio: ["ignore", "pipe", "pipe"] });
  return new Promise((resolve, reject) => {
    let output = "";
    const fail = (why: string) => {
      clearTimeout(timer);
      child.kill("SIGKILL");
      reject(new Error(`${command} ${options.join(" ")} ${why}:\n${output}`));
    };
    const timer = setTimeout(() => fail("did not say where it listens"), START_TIMEOUT_MS);
    child.once("error", (error) => fail(error.message));
    const ended = (code: number | null) => fail(`ended with ${code}`);
    child.once("exit", ended);
    const read = (chunk: Buffer) => {
      output += chunk.toString();
      const url = pattern.exec(output)?.[1];
      if (url === undefined) return;
      clearTimeout(timer);
      child.off("exit", ended);
      for (const stream of [child.stdout, child.stderr]) stream.off("data", read).resume();
      resolve({ url: url.replace("0.0.0.0", "127.0.0.1").replace(/\/$/, ""), process: child });
    };
    child.stdout.on("data", read);
    child.stderr.on("data", read);
  });
}
