import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/**
 * Puts the saved theme on the page before the first paint. The content security policy allows no
 * inline script, so it is a small classic script of its own, hashed like every other asset.
 */
function themeBoot(): Plugin {
  const source = here("packages/app/theme-boot.js");
  let building = false;
  return {
    name: "theme-boot",
    configResolved(config) {
      building = config.command === "build";
    },
    buildStart() {
      if (building) this.emitFile({ type: "asset", name: "theme-boot.js", source: readFileSync(source) });
    },
    transformIndexHtml(html, { bundle = {} }) {
      const file = Object.keys(bundle).find((name) => name.includes("theme-boot")) ?? "theme-boot.js";
      return html.replace("<!-- theme-boot -->", `<script src="./${file}"></script>`);
    },
  };
}

export default defineConfig({
  root: here("packages/app"),
  base: "./",
  plugins: [react(), themeBoot()],
  resolve: {
    alias: {
      "@katydid/core": here("packages/core/src/index.ts"),
      "@katydid/charts": here("packages/charts/src/index.ts"),
    },
  },
  build: {
    outDir: here("dist"),
    emptyOutDir: true,
    // Data URLs would need an exception in the content security policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: "es2022",
  },
  server: {
    proxy: { "/api": { target: process.env.KATYDID_URL ?? "http://127.0.0.1:8089" } },
  },
  test: {
    root: here("packages"),
    include: ["**/*.test.ts"],
  },
});
