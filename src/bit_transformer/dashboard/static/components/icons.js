/**
 * The icons, drawn in the page: icon("pause") is an SVG element in the colour of the text.
 *
 * They decorate and are hidden from screen readers; a button with an icon alone needs an
 * aria-label.
 */

import { svg } from "./element.js";

const PATHS = {
  alert: "M12 3.5 22 20.5H2zM12 10v4.5M12 17.4v.1",
  arrowLeft: "M19 12H5M11 6l-6 6 6 6",
  arrowRight: "M5 12h14M13 6l6 6-6 6",
  bolt: "M13 2.5 4.5 13.5H11L10 21.5 19.5 10H13z",
  check: "M4.5 12.5 10 18 19.5 6.5",
  chart: "M4 4v16h16M8 15l3.5-5 3 2.5L20 6",
  chat: "M4 5h16v11H10l-4.5 4V16H4z",
  close: "M6 6l12 12M18 6 6 18",
  codec: "M4 5h16M4 9.5h11M4 14h7M4 18.5h4M15.5 18.5l3-3 3 3M18.5 15.5v6",
  compare: "M4 19c4-1 4-9 8-9s4 6 8 5M4 9c3 0 5 9 9 9s4-12 7-13",
  copy: "M8.5 8.5h11v11h-11zM15.5 8.5v-4h-11v11h4",
  download: "M12 4v11M7 10.5l5 5 5-5M4.5 20h15",
  file: "M6 3h8l4 4v14H6zM14 3v4h4",
  folder: "M3 6h6l2 2.5h10V19H3z",
  image: "M4 5h16v14H4zM4 16l5-5 4 4 2.5-2.5L20 16M15.5 9.2v.1",
  info: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 11v5.5M12 7.6v.1",
  moon: "M20 14.5A8.5 8.5 0 0 1 9.5 4 8.5 8.5 0 1 0 20 14.5z",
  pause: "M8.5 5v14M15.5 5v14",
  play: "M7.5 4.5 19 12 7.5 19.5z",
  plus: "M12 5v14M5 12h14",
  refresh: "M20 5v5h-5M4 19v-5h5M19.3 10A8 8 0 0 0 5.5 7.5M4.7 14a8 8 0 0 0 13.8 2.5",
  runs: "M4 6h16M4 12h10M4 18h13",
  search: "M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13zM15.5 15.5 20.5 20.5",
  stop: "M6.5 6.5h11v11h-11z",
  sun: "M12 16.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9zM12 2v2M12 20v2M2 12h2M20 12h2M5 5l1.4 1.4M17.6 17.6 19 19M5 19l1.4-1.4M17.6 6.4 19 5",
  system: "M3.5 5h17v11h-17zM9 20h6M12 16v4",
  trash: "M5 7h14M10 7V4.5h4V7M7 7l1 13h8l1-13M10.5 11v5.5M13.5 11v5.5",
  upload: "M12 16V5M7 9.5l5-5 5 5M4.5 20h15",
  zoomOut: "M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13zM15.5 15.5 20.5 20.5M7.5 10.5h6",
};

/** The icon of that name. */
export function icon(name) {
  const path = svg("path", { d: PATHS[name] ?? PATHS.info });
  return svg("svg", { class: "icon", viewBox: "0 0 24 24", "aria-hidden": "true", focusable: "false" }, path);
}

/** The mark: the byte of the letter B, 0100 0010, as eight cells. */
export function mark() {
  const cells = [..."01000010"].map((bit, index) =>
    svg("rect", {
      class: bit === "1" ? "mark-one" : "mark-zero",
      x: 1 + 6 * (index % 4),
      y: 6.5 + 6 * Math.floor(index / 4),
      width: 4.6,
      height: 4.6,
      rx: 1.2,
    }),
  );
  return svg("svg", { class: "mark", viewBox: "0 0 24 24", "aria-hidden": "true", focusable: "false" }, cells);
}
