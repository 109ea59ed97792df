/**
 * The codec lab: data through every codec side by side, bit streams in colour, and the way back.
 */

import { api } from "../api.js";
import { el, replaceChildren } from "../components/element.js";
import { createComparison } from "../parts/comparison.js";
import { createMemory } from "../parts/form-memory.js";
import { createStreamView } from "../parts/stream-view.js";
import { createWayBack } from "../parts/way-back.js";

/** Show the page. */
export async function mount(container, { status }) {
  replaceChildren(container, head(), el("p", { class: "loading", text: "Loading …" }));
  const server = await status.catch(() => api.get("/status"));
  const memory = createMemory("codecs");
  const stream = createStreamView();

  const look = (source, codec, level, { isAsked = false } = {}) => {
    const name = level !== null && hasLevel(server, codec) ? `${codec.split(":")[0]}:${level}` : codec;
    stream.look({ source, codec: name }, `Bit stream of ${name}`);
    if (isAsked) stream.element.scrollIntoView({ block: "nearest", behavior: "smooth" });
  };
  const takeFrame = async (download) => {
    const bytes = await api.bytes(`/downloads/${download.id}`);
    return wayBack.useFile(new File([bytes], download.name));
  };
  const takePlain = async (input) => {
    const file = input.file();
    if (file) return comparison.useFile(file);
    return comparison.useSource(input.kind(), input.typed());
  };

  const comparison = createComparison({ server, memory, onLook: look, onFrame: takeFrame });
  const wayBack = createWayBack({
    server,
    memory,
    onPlain: takePlain,
    onLook: (source) => {
      stream.look({ source, codec: null }, "Bit stream of the frame", {
        valid_prefix: () => wayBack.decompress("prefix"),
        raw_data: () => takePlain(wayBack.input),
      });
      stream.element.scrollIntoView({ block: "nearest", behavior: "smooth" });
    },
  });
  replaceChildren(container, head(), comparison.element, stream.element, wayBack.element);
  return () => {
    comparison.unmount();
    stream.unmount();
    wayBack.unmount();
  };
}

function head() {
  const lead = "Every codec on the same data: size, ratio and time, the bits that come out, and the way back. No model is used here.";
  return el("header", { class: "page-head" }, el("div", {}, el("h1", { text: "Codec lab" }), el("p", { class: "page-lead", text: lead })));
}

function hasLevel({ codecs }, name) {
  return codecs.find((codec) => codec.name === name)?.has_level ?? false;
}
