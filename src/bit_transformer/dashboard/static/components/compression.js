/**
 * "Enable Compression": one state for the whole page, kept in this browser, and its switch.
 *
 *   compression.isEnabled()              // boolean
 *   compression.codec()                  // "auto", "huffman:english", … : what to compress with
 *   const stop = compression.subscribe(({ isEnabled, codec }) => …)   // on every change
 *   compression.set({ isEnabled: true }); compression.set({ codec: "rle" });
 *   compression.record({ sourceBits, frameBits });   // what a message was and became, in bits
 *   compression.total()                  // {sourceBits, frameBits, numMessages} of this tab
 *
 * On: inputs are compressed and outputs decompressed, in generation and in new runs; telemetry
 * reads decompressed bits. Off: everything is raw. Other tabs of this browser follow.
 * `mountCompression(toggleSlot, stripSlot)` puts the switch into the header and, while it is on,
 * a strip below it with the codec and the ratio of all messages so far.
 */

import { el, replaceChildren } from "./element.js";
import { formatBits, formatRatio } from "./format.js";
import { stored } from "./storage.js";
import { createToggle } from "./toggle.js";

const KEY = "bit-transformer.compression";
const TOTAL_KEY = "bit-transformer.compression-total";
const listeners = new Set();
const totalListeners = new Set();
let state = load();

export const compression = {
  isEnabled: () => state.isEnabled,
  codec: () => state.codec,
  set(change) {
    state = { ...state, ...change };
    stored.write("localStorage", KEY, JSON.stringify(state));
    announce();
  },
  subscribe(listener) {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
  record({ sourceBits, frameBits }) {
    if (!(sourceBits > 0) || !(frameBits > 0)) return;
    const { sourceBits: source, frameBits: frame, numMessages } = compression.total();
    const total = { sourceBits: source + sourceBits, frameBits: frame + frameBits, numMessages: numMessages + 1 };
    stored.write("sessionStorage", TOTAL_KEY, JSON.stringify(total));
    for (const listener of totalListeners) listener(total);
  },
  total() {
    return readStored("sessionStorage", TOTAL_KEY) ?? { sourceBits: 0, frameBits: 0, numMessages: 0 };
  },
};

/** Put the switch and the strip into the shell; `codecs` is a promise of /status's list. */
export function mountCompression(toggleSlot, stripSlot, codecs) {
  const toggle = createToggle({
    label: "Enable Compression",
    id: "enable-compression",
    isOn: state.isEnabled,
    title: "On: inputs are compressed and outputs decompressed automatically. Off: everything is raw.",
    onChange: (isEnabled) => compression.set({ isEnabled }),
  });
  toggle.element.classList.add("toggle-compression");
  toggleSlot.append(toggle.element);

  const select = el("select", { id: "compression-codec", class: "select select-small", onchange: () => compression.set({ codec: select.value }) });
  fillCodecs(select, []);
  codecs.then((list) => fillCodecs(select, list)).catch(() => fillCodecs(select, []));
  const ratio = el("div", { class: "strip-ratio" });
  replaceChildren(
    stripSlot,
    el("span", { class: "strip-state" }, el("span", { class: "strip-dot", "aria-hidden": "true" }), "Compression on"),
    el("label", { class: "strip-codec" }, el("span", { text: "Codec" }), select),
    el("span", {
      class: "strip-note",
      text: "Inputs are compressed, outputs decompressed, telemetry reads decompressed bits.",
    }),
    ratio,
  );

  const draw = () => {
    toggle.set(state.isEnabled);
    stripSlot.hidden = !state.isEnabled;
    document.documentElement.dataset.compression = state.isEnabled ? "on" : "off";
    if ([...select.options].some((option) => option.value === state.codec)) select.value = state.codec;
    drawTotal(ratio, compression.total());
  };
  listeners.add(draw);
  totalListeners.add((total) => drawTotal(ratio, total));
  draw();
}

/** A bar of the original size, filled as far as the compressed size reaches. */
export function ratioBar(sourceBits, frameBits) {
  const share = Math.min(1, frameBits / sourceBits);
  return el("span", { class: "ratio-bar", "aria-hidden": "true", style: { "--share": share } }, el("span", { class: "ratio-fill" }));
}

function drawTotal(container, { sourceBits, frameBits, numMessages }) {
  if (!numMessages) {
    replaceChildren(container, el("span", { class: "strip-idle", text: "no message yet" }));
    return;
  }
  const words = `${formatBits(sourceBits)} → ${formatBits(frameBits)} in ${numMessages} ${numMessages === 1 ? "message" : "messages"}`;
  replaceChildren(
    container,
    ratioBar(sourceBits, frameBits),
    el("strong", { text: formatRatio(sourceBits, frameBits) }),
    el("span", { class: "strip-sizes", text: words }),
  );
}

function fillCodecs(select, codecs) {
  const options = [el("option", { value: "auto" }, "auto")];
  for (const codec of codecs.filter(({ name }) => name !== "auto")) {
    const isMissing = codec.is_available === false;
    options.push(el("option", { value: codec.name, disabled: isMissing }, isMissing ? `${codec.name} (not installed)` : codec.name));
  }
  if (!options.some((option) => option.value === state.codec)) options.push(el("option", { value: state.codec }, state.codec));
  replaceChildren(select, options);
  select.value = state.codec;
}

function announce() {
  for (const listener of [...listeners]) listener({ ...state });
}

function load() {
  const { isEnabled = false, codec = "auto" } = readStored("localStorage", KEY) ?? {};
  return { isEnabled: isEnabled === true, codec: typeof codec === "string" && codec ? codec : "auto" };
}

function readStored(area, key) {
  try {
    return JSON.parse(stored.read(area, key));
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

addEventListener("storage", (event) => {
  if (event.key !== KEY) return;
  state = load();
  announce();
});
