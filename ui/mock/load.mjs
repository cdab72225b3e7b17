/** Invents a load test: a run with users, endpoints and errors that behaves like a real one. */

const BUCKETS_PER_DOUBLING = 16;

/** Counts of times on a logarithmic scale, good enough for believable percentiles. */
class Histogram {
  counts = new Map();
  total = 0;

  record(ms) {
    const bucket = Math.round(Math.log2(Math.max(ms, 0.01)) * BUCKETS_PER_DOUBLING);
    this.counts.set(bucket, (this.counts.get(bucket) ?? 0) + 1);
    this.total += 1;
  }

  quantile(q) {
    if (this.total === 0) return null;
    let left = Math.ceil(q * this.total);
    for (const [bucket, count] of [...this.counts].sort((a, b) => a[0] - b[0])) {
      left -= count;
      if (left <= 0) return 2 ** (bucket / BUCKETS_PER_DOUBLING);
    }
    return null;
  }
}

const SHOP = [
  { method: "GET", name: "/", weight: 6, ms: 9, spread: 0.5, size: 18_230, fail: 0 },
  { method: "GET", name: "/products", weight: 8, ms: 22, spread: 0.5, size: 42_118, fail: 0 },
  { method: "GET", name: "/products/{id}", weight: 10, ms: 14, spread: 0.6, size: 9_412, fail: 0.0004 },
  { method: "GET", name: "/search?q={term}", weight: 4, ms: 61, spread: 0.8, size: 12_006, fail: 0.002 },
  { method: "POST", name: "/cart/add_to_cart", weight: 3, ms: 31, spread: 0.5, size: 512, fail: 0.001 },
  { method: "GET", name: "/cart", weight: 3, ms: 18, spread: 0.5, size: 3_900, fail: 0 },
  { method: "POST", name: "/checkout", weight: 1, ms: 140, spread: 0.9, size: 804, fail: 0.06 },
  { method: "GET", name: "/account/orders", weight: 1, ms: 48, spread: 0.7, size: 7_777, fail: 0.004 },
  { method: "POST", name: "/login", weight: 1, ms: 88, spread: 0.4, size: 233, fail: 0.002 },
  {
    method: "GET",
    name: "/a_b?x=<img src=x onerror=alert(1)>",
    weight: 1,
    ms: 12,
    spread: 0.4,
    size: 95,
    fail: 0,
  },
];

const ERRORS = [
  "HTTPError('503 Server Error: Service Unavailable for url: /checkout')",
  "ConnectionResetError(104, 'Connection reset by peer')",
  "CatchResponseError('expected an order number, got <html>')",
];

/** The endpoints of a mock run; more than the shop has are numbered items. */
function endpoints(count) {
  return Array.from({ length: count }, (_, index) => {
    const made = SHOP[index] ?? {
      method: "GET",
      name: `/catalogue/section-${index % 37}/item_${index}`,
      weight: 0.2,
      ms: 8 + (index % 90),
      spread: 0.6,
      size: 400 + index * 3,
      fail: 0,
    };
    return {
      ...made,
      id: index + 1,
      requests: 0,
      failures: 0,
      recent: [],
      histogram: new Histogram(),
      sum: 0,
      min: null,
      max: null,
    };
  });
}

function normal() {
  return Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
}

function poisson(mean) {
  return Math.max(0, Math.round(mean + Math.sqrt(mean) * normal()));
}

/** One run from start to stop. `second()` moves it on by a second. */
export class Load {
  constructor({ names, host }) {
    this.names = names;
    this.host = host;
    this.reset();
    this.state = "ready";
  }

  reset() {
    this.endpoints = endpoints(this.names);
    this.histogram = new Histogram();
    this.recentHistograms = [];
    this.points = [];
    this.kinds = new Set();
    this.lastFailure = null;
    this.users = 0;
    this.target = 0;
    this.rate = 1;
    this.runTime = null;
    this.started = null;
    this.ended = null;
  }

  start({ users, spawnRate, host, runTime }, now) {
    this.reset();
    Object.assign(this, { target: users, rate: spawnRate, host: host ?? this.host, runTime, started: now });
    this.users = Math.min(users, Math.ceil(spawnRate));
    this.state = this.users < users ? "spawning" : "running";
  }

  stop(now) {
    this.state = "stopped";
    this.users = 0;
    this.ended = now;
  }

  /** Moves the run to the second that ends at `now`, in epoch milliseconds. */
  second(now) {
    if (this.state !== "spawning" && this.state !== "running") return;
    this.users = Math.min(this.target, this.users + this.rate);
    this.state = this.users < this.target ? "spawning" : "running";
    const elapsed = (now - this.started) / 1000;
    const total = this.endpoints.reduce((sum, { weight }) => sum + weight, 0);
    const trouble = elapsed % 180 > 120 && elapsed % 180 < 145 ? 3 : 1;
    const second = new Histogram();
    let ok = 0;
    let failed = 0;
    for (const endpoint of this.endpoints) {
      const sent = poisson((this.users * 2.4 * endpoint.weight) / total / trouble);
      let fails = 0;
      for (let index = 0; index < sent; index += 1) {
        const tail = Math.random() < 0.01 ? 8 : 1;
        const ms =
          endpoint.ms * Math.exp(normal() * endpoint.spread) * tail * trouble * (1 + this.users / 2000);
        endpoint.histogram.record(ms);
        second.record(ms);
        this.histogram.record(ms);
        endpoint.sum += ms;
        endpoint.min = Math.min(endpoint.min ?? ms, ms);
        endpoint.max = Math.max(endpoint.max ?? ms, ms);
        if (Math.random() < endpoint.fail * trouble ** 2) {
          fails += 1;
          this.#fail(endpoint, now);
        }
      }
      endpoint.requests += sent;
      endpoint.failures += fails;
      endpoint.recent = [...endpoint.recent.slice(-9), [sent, fails]];
      ok += sent - fails;
      failed += fails;
    }
    this.recentHistograms = [...this.recentHistograms.slice(-9), second];
    const quantiles = [0.5, 0.9, 0.95, 0.99].map((q) => second.quantile(q));
    this.points.push([
      Math.floor(now / 1000),
      ok,
      failed,
      Math.floor(this.users),
      this.target,
      ...quantiles,
      0.4,
    ]);
    if (this.runTime !== null && elapsed >= this.runTime) this.stop(now);
  }

  #fail({ method, name }, now) {
    const error = ERRORS[Math.floor(Math.random() ** 2 * ERRORS.length)];
    this.kinds.add(JSON.stringify([method, name, error]));
    this.lastFailure = now;
  }

  faults() {
    return { kinds: this.kinds.size, last: this.lastFailure };
  }

  run() {
    return {
      state: this.state,
      host: this.host,
      users: Math.floor(this.users),
      target_users: this.target,
      users_by_class: { Shopper: Math.ceil(this.users * 0.75), Visitor: Math.floor(this.users * 0.25) },
      spawn_rate: this.rate,
      started: this.started,
      ended: this.ended,
      run_time: this.runTime,
      cpu_percent: 12.5,
      memory_bytes: 73_400_320,
      revision: 1,
      in_flight: 0,
      oldest_ms: null,
      open_files: null,
      file_limit: null,
      workers: null,
    };
  }

  rows() {
    return this.endpoints.filter(({ requests }) => requests > 0).map((endpoint) => this.#row(endpoint));
  }

  total() {
    const sum = (pick) => this.endpoints.reduce((all, endpoint) => all + pick(endpoint), 0);
    const requests = sum((endpoint) => endpoint.requests);
    const lowest = this.endpoints.map(({ min }) => min).filter((min) => min !== null);
    return this.#row({
      id: -1,
      requests,
      failures: sum((endpoint) => endpoint.failures),
      recent: Array.from({ length: 10 }, (_, back) => [
        sum(({ recent }) => recent.at(-1 - back)?.[0] ?? 0),
        sum(({ recent }) => recent.at(-1 - back)?.[1] ?? 0),
      ]).slice(0, Math.max(1, this.points.length)),
      histogram: this.histogram,
      sum: sum((endpoint) => endpoint.sum),
      min: lowest.length > 0 ? Math.min(...lowest) : null,
      max: this.endpoints.reduce((most, { max }) => (max === null ? most : Math.max(most ?? max, max)), null),
      size: requests > 0 ? sum(({ size, requests: own }) => size * own) / requests : null,
    });
  }

  recent() {
    const merged = new Histogram();
    for (const { counts } of this.recentHistograms) {
      for (const [bucket, count] of counts) {
        merged.counts.set(bucket, (merged.counts.get(bucket) ?? 0) + count);
        merged.total += count;
      }
    }
    return { seconds: 10, p50: merged.quantile(0.5), p95: merged.quantile(0.95), p99: merged.quantile(0.99) };
  }

  #row({ id, requests, failures, recent, histogram, sum, min, max, size }) {
    const seconds = Math.max(1, recent.length);
    const over = this.state === "stopped" ? 0 : 1;
    const mean = (column) => (over * recent.reduce((all, second) => all + second[column], 0)) / seconds;
    const quantiles = [0.5, 0.95, 0.99].map((q) => histogram.quantile(q));
    return [
      id,
      requests,
      failures,
      mean(0),
      mean(1),
      ...quantiles,
      requests > 0 ? sum / requests : null,
      min,
      max,
      size,
    ];
  }
}
