// Runs before the first paint, so that the page never flashes in the other theme.
(() => {
  let saved = null;
  try {
    saved = localStorage.getItem("katydid.theme");
  } catch {
    // Storage may be forbidden; the system's theme then applies.
  }
  const dark = saved === "dark" || (saved !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.dataset.theme = dark ? "dark" : "light";
})();
