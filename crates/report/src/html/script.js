"use strict";
// What the report can do besides being read: theme, sorting, filtering, values under the pointer, zoom.
(() => {
  const make = (tag, text, parent) => {
    const element = document.createElement(tag);
    element.textContent = text;
    parent?.append(element);
    return element;
  };
  const svg = (tag, attributes, parent) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    parent.append(element);
    return element;
  };
  const clock = (seconds) => {
    const two = (number) => String(Math.floor(number)).padStart(2, "0");
    const rest = `${two((seconds / 60) % 60)}:${two(seconds % 60)}`;
    return seconds >= 3600 ? `${Math.floor(seconds / 3600)}:${rest}` : rest;
  };

  const theme = make("button", "Light or dark", document.querySelector("nav"));
  theme.type = "button";
  theme.onclick = () => {
    const root = document.documentElement;
    const isDark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme:dark)").matches;
    root.dataset.theme = isDark ? "light" : "dark";
  };

  for (const table of document.querySelectorAll("table.sortable")) {
    const body = table.tBodies[0];
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const button = make("button", head.textContent);
      button.type = "button";
      head.replaceChildren(button);
      button.onclick = () => {
        const falling = head.getAttribute("aria-sort") !== "descending";
        for (const other of heads) other.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", falling ? "descending" : "ascending");
        const value = (row) => row.cells[column].dataset.v ?? row.cells[column].textContent;
        const isNumber = [...body.rows].some((row) => row.cells[column].dataset.v !== undefined);
        const order = (one, other) =>
          isNumber ? (Number(one) || 0) - (Number(other) || 0) : String(one).localeCompare(other);
        const rows = [...body.rows].sort((one, other) => order(value(one), value(other)) * (falling ? -1 : 1));
        body.append(...rows);
      };
    });
    if (body.rows.length > 8) {
      const tools = make("div", "");
      tools.className = "tools";
      const filter = make("input", "", tools);
      filter.type = "search";
      filter.placeholder = "Filter";
      filter.setAttribute("aria-label", "Filter the rows");
      const found = make("span", "", tools);
      found.setAttribute("role", "status");
      filter.oninput = () => {
        const wanted = filter.value.toLowerCase();
        let shown = 0;
        for (const row of body.rows) {
          row.hidden = !row.textContent.toLowerCase().includes(wanted);
          shown += row.hidden ? 0 : 1;
        }
        found.textContent = wanted ? `${shown} of ${body.rows.length}` : "";
      };
      table.parentElement.before(tools);
    }
  }

  // A link into a closed part opens it.
  const open = () => {
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target?.tagName === "DETAILS") target.open = true;
  };
  addEventListener("hashchange", open);
  open();

  const data = JSON.parse(document.getElementById("report-data").textContent);
  const charts = [];
  let zoom = null;

  const reset = make("button", "Whole run");
  reset.type = "button";
  const tools = make("div", "");
  tools.className = "tools";
  tools.hidden = true;
  tools.append(reset);
  document.querySelector("#charts .charts")?.before(tools);
  reset.onclick = () => zoomTo(null);

  function zoomTo(range) {
    zoom = range;
    tools.hidden = range === null;
    for (const chart of charts) chart.show();
  }

  for (const [id, { from, step, series }] of Object.entries(data)) {
    const root = document.getElementById(id);
    const plot = root?.querySelector("svg.plot");
    const count = Math.max(0, ...series.map(({ values }) => values.length));
    if (!plot || count === 0) continue;
    const end = from + step * count;
    const box = { x: Number(plot.getAttribute("x")), y: Number(plot.getAttribute("y")) };
    box.width = Number(plot.getAttribute("width"));
    box.height = Number(plot.getAttribute("height"));
    const shown = () => zoom ?? [from, end];
    const cross = svg("path", { class: "cross", d: "" }, root);
    const brush = svg("rect", { class: "brush", x: 0, y: box.y, width: 0, height: box.height }, root);
    const cover = svg("rect", { x: box.x, y: box.y, width: box.width, height: box.height, fill: "transparent" }, root);
    const tip = make("div", "");
    tip.className = "tip";
    tip.hidden = true;
    root.parentElement.append(tip);
    const below = root.querySelector(".below");
    const labels = below.innerHTML;

    const chart = {
      show() {
        const [low, high] = shown();
        const scale = box.width / (end - from);
        plot.setAttribute("viewBox", `${(low - from) * scale} 0 ${(high - low) * scale} ${box.height}`);
        if (zoom === null) {
          below.innerHTML = labels;
          return;
        }
        below.replaceChildren();
        for (let part = 0; part <= 4; part++) {
          const x = box.x + (box.width * part) / 4;
          svg("text", { x, y: box.y + box.height + 16 }, below).textContent = clock(low + ((high - low) * part) / 4);
        }
      },
      point(at) {
        const [low, high] = shown();
        const place = Math.floor((at - from) / step);
        if (at === null || at < low || at > high || place < 0 || place >= count) {
          cross.setAttribute("d", "");
          tip.hidden = true;
          return;
        }
        const x = box.x + ((at - low) / (high - low)) * box.width;
        cross.setAttribute("d", `M${x} ${box.y}v${box.height}`);
      },
      tell(at) {
        const place = Math.floor((at - from) / step);
        const lines = series
          .filter(({ values }) => values[place] !== null && values[place] !== undefined)
          .map(({ label, values }) => `${label}: ${values[place]}`);
        tip.replaceChildren();
        for (const line of [clock(at), ...lines]) make("div", line, tip);
        tip.hidden = false;
        const { width } = root.getBoundingClientRect();
        const [low, high] = shown();
        const x = ((box.x + ((at - low) / (high - low)) * box.width) / 560) * width;
        tip.style.left = `${x > width / 2 ? Math.max(0, x - tip.offsetWidth - 12) : x + 12}px`;
        tip.style.top = `${(box.y / 560) * width}px`;
      },
    };
    charts.push(chart);

    const time = (event) => {
      const { left, width } = cover.getBoundingClientRect();
      const [low, high] = shown();
      return low + Math.min(1, Math.max(0, (event.clientX - left) / width)) * (high - low);
    };
    let pressed = null;
    cover.onpointermove = (event) => {
      const at = time(event);
      for (const other of charts) other.point(at);
      chart.tell(at);
      if (pressed === null) return;
      const [low, high] = shown();
      const x = (moment) => box.x + ((moment - low) / (high - low)) * box.width;
      brush.setAttribute("x", Math.min(x(pressed), x(at)));
      brush.setAttribute("width", Math.abs(x(at) - x(pressed)));
    };
    cover.onpointerleave = () => {
      for (const other of charts) other.point(null);
    };
    cover.onpointerdown = (event) => {
      if (event.pointerType === "touch") return;
      cover.setPointerCapture(event.pointerId);
      pressed = time(event);
    };
    cover.onpointerup = (event) => {
      if (pressed === null) return;
      const range = [Math.min(pressed, time(event)), Math.max(pressed, time(event))];
      pressed = null;
      brush.setAttribute("width", 0);
      if (range[1] - range[0] >= step * 2) zoomTo(range);
    };
    cover.ondblclick = () => zoomTo(null);
  }
})();
