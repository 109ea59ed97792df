/**
 * Plotly, loaded once and only when a chart is about to be drawn: after the first paint.
 *
 * The server hands out the file that the installed plotly package brings. Where that fails, the
 * promise rejects with facts for an error card, and the next call tries anew.
 */

let loading = null;

/** The Plotly object. */
export function loadPlotly() {
  loading ??= load().catch((error) => {
    loading = null;
    throw error;
  });
  return loading;
}

async function load() {
  await new Promise((painted) => requestAnimationFrame(() => setTimeout(painted)));
  if (globalThis.Plotly) return globalThis.Plotly;
  await new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = "/vendor/plotly.min.js";
    script.onload = resolve;
    script.onerror = () => {
      script.remove();
      reject({
        kind: "MissingDependencyError",
        what: "The library that draws the charts did not load.",
        where: "/vendor/plotly.min.js",
        fix: "Check that the server runs and that plotly is installed: pip install 'bit-transformer[dashboard]'. The numbers can be had as CSV meanwhile.",
        fallbacks: [{ id: "retry", label: "Try again" }],
      });
    };
    document.head.append(script);
  });
  return globalThis.Plotly;
}
