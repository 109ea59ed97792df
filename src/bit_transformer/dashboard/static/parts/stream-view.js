/**
 * A frame bit by bit: of data through a codec, or a frame itself, from any bit on.
 *
 * `look(request)` takes the body of POST /codecs/inspect without its place, and shows the
 * beginning; buttons go on from there. What a damaged frame still has is shown with its error.
 */

import { api, isAbort } from "../api.js";
import { el, replaceChildren } from "../components/element.js";
import { showError } from "../components/error-card.js";
import { createBitStream } from "./bit-stream.js";

const NUM_BITS = 2048;

/** An empty view: `{element, look(request, title), unmount()}`. */
export function createStreamView() {
  const title = el("h2", { text: "Bit stream" });
  const body = el("div", { class: "stream-body" });
  const errors = el("div", { class: "form-errors" });
  const element = el("section", { class: "card stream-card", "aria-label": "Bit stream", hidden: true }, el("div", { class: "card-head" }, title), body, errors);
  let stopper = null;
  let request = null;
  let ways = {};

  async function show(firstBit) {
    stopper?.abort();
    stopper = new AbortController();
    const { signal } = stopper;
    errors.replaceChildren();
    body.classList.add("is-stale");
    try {
      const asked = { ...request, first_bit: firstBit, max_bits: NUM_BITS };
      const answer = await api.post("/codecs/inspect", asked, { signal });
      const pressed = body.contains(document.activeElement) ? document.activeElement.textContent : null;
      replaceChildren(body, createBitStream(answer), pager(answer));
      if (pressed) focusAgain(pressed);
      if (answer.error) showError(errors, answer.error, { fallbacks: ways, isOnlyNamed: true });
    } catch (error) {
      if (isAbort(error)) return;
      body.replaceChildren();
      showError(errors, error, { fallbacks: { ...namedOf(error), retry: () => show(firstBit) } });
    } finally {
      if (signal === stopper.signal) body.classList.remove("is-stale");
    }
  }

  const namedOf = ({ fallbacks = [] }) => Object.fromEntries(Object.entries(ways).filter(([id]) => fallbacks.some((one) => one.id === id)));

  /** The button of that name is another one now; where it can't be pressed any more, the bits. */
  function focusAgain(label) {
    const button = [...body.querySelectorAll("button")].find((one) => one.textContent === label && !one.disabled);
    (button ?? body.querySelector(".bit-stream")).focus({ preventScroll: true });
  }

  function pager({ first_bit: firstBit, bits, num_bits: numBits }) {
    if (bits.length >= numBits) return null;
    const move = (label, place, isPossible) => el("button", { type: "button", class: "button", disabled: !isPossible, onclick: () => show(place) }, label);
    return el(
      "div",
      { class: "row stream-pager" },
      move("To the beginning", 0, firstBit > 0),
      move("Earlier", Math.max(0, firstBit - NUM_BITS), firstBit > 0),
      move("Later", firstBit + bits.length, firstBit + bits.length < numBits),
    );
  }

  return {
    element,
    /** `fallbacks` are the page's ways on from an error, by id. */
    look(next, words, fallbacks = {}) {
      request = next;
      ways = fallbacks;
      title.textContent = words;
      element.hidden = false;
      return show(0);
    },
    unmount: () => stopper?.abort(),
  };
}
