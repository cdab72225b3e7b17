import "./styles/fonts.css";
import "./styles/tokens.css";
import "./styles/base.css";
import "uplot/dist/uPlot.min.css";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./App";
import { Feed } from "./live/feed";
import { LiveContext } from "./live/hooks";
import { CURRENT } from "./live/source";
import { Store } from "./live/store";

const store = new Store();
const feed = new Feed(store);
feed.start();

const root = document.getElementById("root");
if (root === null) throw new Error("index.html has no #root");
createRoot(root).render(
  <StrictMode>
    <LiveContext value={{ store, feed, source: CURRENT, kept: null, settled: false }}>
      <App />
    </LiveContext>
  </StrictMode>,
);
