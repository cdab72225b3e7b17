import { request as httpRequest } from "node:http";
import { expect, start, state, test } from "./katydid";

test("57 every page is served under a strict content security policy", async ({ page, request }) => {
  const response = await page.goto("");
  expect(response?.headers()["content-security-policy"]).toContain("default-src 'self'");
  expect(await response?.text()).not.toMatch(/<script>|<style|\son\w+=|style="/);
  const snapshot = await request.get("api/v1/snapshot");
  expect(snapshot.headers()["access-control-allow-origin"]).toBeUndefined();
});

test("the page works under a path prefix", async ({ page, katydid, expectedMessages }) => {
  // 404: the icon, which Chromium asks for past the interception below.
  expectedMessages.push("503", "404");
  const calls: string[] = [];
  page.on("request", (request) => calls.push(request.url()));
  await page.route(`${katydid.url}/under/a/prefix/**`, async (route) => {
    const url = route.request().url().replace("/under/a/prefix", "");
    // A stream cannot be fulfilled piece by piece here; the page then reads snapshots instead.
    if (url.endsWith("/stream")) await route.fulfill({ status: 503 });
    else await route.fulfill({ response: await route.fetch({ url }) });
  });
  await page.goto(`${katydid.url}/under/a/prefix/#/new`);
  await expect(page.getByRole("button", { name: "Start test" })).toBeVisible();
  expect(calls.filter((url) => !url.includes("/under/a/prefix/"))).toEqual([]);
  await page.unrouteAll({ behavior: "ignoreErrors" });
});

test.describe("refusals", () => {
  for (const path of ["/api/v1/start", "/api/v1/stop", "/swarm"]) {
    test(`58 a POST to ${path} from another origin is refused`, async ({ katydid, page }) => {
      const answer = await post(katydid.url + path, { origin: "http://evil.test" });
      expect(answer).toBe(403);
      await page.goto("");
      await expect(state(page)).toHaveText("Ready");
    });
  }

  test("58 a foreign Host header is refused", async ({ katydid }) => {
    expect(await post(`${katydid.url}/api/v1/start`, { host: "evil.test" })).toBeGreaterThanOrEqual(400);
    expect(await post(`${katydid.url}/api/v1/start`, { host: "evil.test" })).toBeLessThan(500);
  });

  test("58 a plain form cannot start a run", async ({ katydid, page }) => {
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    expect(await post(`${katydid.url}/api/v1/start`, headers, "users=1")).toBe(415);
    await start(page, { users: 1, ramp: 1 });
  });
});

/** Sends a POST with any headers at all, which `fetch` would not allow, and returns the status. */
function post(
  url: string,
  headers: Record<string, string>,
  body = '{"users":1,"spawn_rate":1,"host":null,"run_time":null,"user_classes":null}',
): Promise<number> {
  return new Promise((resolve, reject) => {
    const options = { method: "POST", headers: { "content-type": "application/json", ...headers } };
    const request = httpRequest(url, options, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    request.on("error", reject);
    request.end(body);
  });
}
