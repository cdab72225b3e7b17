import { expect, test } from "vitest";
import { meets } from "./filter";

const FACTS = { p95: 320, fail: 0.5, rps: null };

test("words are looked for in any case, all of them", () => {
  expect(meets("GET /cart/add_to_cart", {}, "CART get")).toBe(true);
  expect(meets("GET /cart", {}, "cart post")).toBe(false);
  expect(meets("anything", {}, "  ")).toBe(true);
});

test("comparisons look at values, with their units", () => {
  expect(meets("", FACTS, "p95>300")).toBe(true);
  expect(meets("", FACTS, "p95>0.4s")).toBe(false);
  expect(meets("", FACTS, "P95<=320ms fail<1%")).toBe(true);
  expect(meets("", FACTS, "rps>0")).toBe(false);
});

test("a comparison with what is no value is a text", () => {
  expect(meets("/search?q=1", FACTS, "q=1")).toBe(true);
  expect(meets("/search", FACTS, "q=1")).toBe(false);
});

test("a pattern between slashes is a regular expression, and a path is not", () => {
  expect(meets("GET /item/17", {}, "/item.\\d+$/")).toBe(true);
  expect(meets("GET /item/x", {}, "/item.\\d+$/")).toBe(false);
  expect(meets("GET /item/17", {}, "/item/17")).toBe(true);
  expect(meets("a(b", {}, "/(b/")).toBe(false);
});
