/**
 * A number between 0 and 1 and how it came there: K, C and S beside a stream.
 *
 * The line is drawn whole from the values that are kept, at most as many as the drawing is wide,
 * so that an endless stream costs no more than a short one.
 */

import { el, svg } from "../components/element.js";

const WIDTH = 200;
const HEIGHT = 44;

/** An empty trace: `{element, push(value), setValues(values), clear()}`. */
export function createTrace(symbol, name, meaning) {
  const value = el("span", { class: "trace-value" }, "–");
  const line = svg("path", { class: "trace-line" });
  const area = svg("path", { class: "trace-area" });
  const drawing = svg(
    "svg",
    { class: "trace-drawing", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" },
    svg("line", { class: "trace-middle", x1: 0, x2: WIDTH, y1: HEIGHT / 2, y2: HEIGHT / 2 }),
    area,
    line,
  );
  const element = el(
    "div",
    { class: `trace trace-${symbol.toLowerCase()}` },
    el("div", { class: "trace-head" }, el("span", { class: "trace-symbol" }, symbol), el("span", { class: "trace-name" }, name), value),
    drawing,
    el("p", { class: "trace-meaning" }, meaning),
  );
  let values = [];

  const draw = () => {
    const known = values.filter((one) => one != null);
    const last = known.at(-1);
    value.textContent = last == null ? "–" : last.toFixed(3);
    if (known.length < 2) {
      line.setAttribute("d", "");
      area.setAttribute("d", "");
      return;
    }
    const points = known.map((one, place) => {
      const x = (WIDTH * place) / (known.length - 1);
      const y = 2 + (HEIGHT - 4) * (1 - Math.min(Math.max(one, 0), 1));
      return `${x.toFixed(1)} ${y.toFixed(1)}`;
    });
    line.setAttribute("d", `M${points.join("L")}`);
    area.setAttribute("d", `M0 ${HEIGHT}L${points.join("L")}L${WIDTH} ${HEIGHT}Z`);
  };

  return {
    element,
    push(next) {
      if (next == null) return;
      values.push(next);
      if (values.length > 2 * WIDTH) values = thin(values);
      draw();
    },
    setValues(next) {
      values = next;
      while (values.length > 2 * WIDTH) values = thin(values);
      draw();
    },
    clear() {
      values = [];
      draw();
    },
  };
}

/** Every second value, the last one always among them. */
function thin(values) {
  return values.filter((_, place) => (values.length - 1 - place) % 2 === 0);
}
