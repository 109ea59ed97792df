/**
 * One stop of the Tab key for many small things, among which the arrow keys move.
 *
 * The things are the container's descendants that match `selector`, in document order. The
 * pointer shows what it is over, the keyboard what it moved to; both through `onShow(element,
 * isByKeyboard)`, and `onHide()` when neither points any more.
 */
export function addCursor(container, selector, { onShow, onHide }) {
  let current = null;

  const show = (element, isByKeyboard) => {
    if (current !== element) {
      current?.classList.remove("is-current");
      current = element;
      current.classList.add("is-current");
    }
    onShow(element, isByKeyboard);
  };
  const hide = () => {
    current?.classList.remove("is-current");
    onHide();
  };
  const all = () => [...container.querySelectorAll(selector)];

  const onKey = (event) => {
    if (event.key === "Escape") return hide();
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: "down", ArrowUp: "up", Home: "first", End: "last" }[event.key];
    if (step === undefined || event.altKey || event.ctrlKey || event.metaKey) return undefined;
    event.preventDefault();
    const target = next(all(), current, step);
    if (target === undefined) return undefined;
    show(target, true);
    target.scrollIntoView({ block: "nearest" });
    return undefined;
  };
  const onPoint = (event) => {
    const element = event.target.closest?.(selector);
    if (element && container.contains(element)) show(element, false);
  };
  const onLeave = () => {
    if (document.activeElement !== container) hide();
  };

  container.addEventListener("keydown", onKey);
  container.addEventListener("pointerover", onPoint);
  container.addEventListener("pointerdown", onPoint);
  container.addEventListener("pointerleave", onLeave);
  container.addEventListener("blur", hide);
  return { hide, forget: () => { current = null; } };
}

function next(elements, current, step) {
  const place = elements.indexOf(current);
  if (step === "first" || place < 0) return elements[0];
  if (step === "last") return elements.at(-1);
  if (typeof step === "number") return elements[Math.min(Math.max(place + step, 0), elements.length - 1)];
  return nearestInOtherLine(elements, place, step === "down" ? 1 : -1);
}

/** The element of the next or the previous line that is nearest to the left edge of this one. */
function nearestInOtherLine(elements, place, direction) {
  const from = elements[place].getBoundingClientRect();
  let best;
  let bestDistance = Infinity;
  let line = null;
  for (let other = place + direction; other >= 0 && other < elements.length; other += direction) {
    const box = elements[other].getBoundingClientRect();
    if (Math.abs(box.top - from.top) < from.height / 2) continue;
    if (line === null) line = box.top;
    if (Math.abs(box.top - line) > from.height / 2) break;
    const distance = Math.abs(box.left - from.left);
    if (distance < bestDistance) [best, bestDistance] = [elements[other], distance];
  }
  return best ?? elements[direction > 0 ? elements.length - 1 : 0];
}
