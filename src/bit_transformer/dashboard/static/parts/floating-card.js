/**
 * A card beside what the pointer or the keyboard cursor is on, kept inside the window.
 *
 * One card at a time is open on the page. It takes no focus and catches no pointer: it only
 * tells. What it says is also said to screen readers when the keyboard opened it.
 */

import { el } from "../components/element.js";

const GAP = 8;

/** A closed card: `{element, show(anchor, content, spoken), hide()}`; put `element` into the page. */
export function createFloatingCard() {
  const card = el("div", { class: "floating-card", role: "tooltip", hidden: true });
  const voice = el("div", { class: "visually-hidden", role: "status", "aria-live": "polite" });
  const element = el("div", {}, card, voice);

  return {
    element,
    show(anchor, content, spoken) {
      card.replaceChildren(content);
      card.hidden = false;
      place(card, anchor.getBoundingClientRect());
      voice.textContent = spoken ?? "";
    },
    hide() {
      card.hidden = true;
    },
  };
}

function place(card, box) {
  const { offsetWidth: width, offsetHeight: height } = card;
  const middle = box.left + box.width / 2 - width / 2;
  const left = Math.min(Math.max(middle, GAP), window.innerWidth - width - GAP);
  const isBelow = box.bottom + GAP + height <= window.innerHeight;
  const top = isBelow ? box.bottom + GAP : Math.max(GAP, box.top - GAP - height);
  card.style.left = `${left}px`;
  card.style.top = `${top}px`;
}
