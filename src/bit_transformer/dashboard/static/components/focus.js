/**
 * Where the keyboard is when what it was on goes away: never nowhere.
 *
 *   const origin = focusOrigin(container);   // what an error, say, was caused from
 *   restoreFocus(origin);                    // back there, or to the page's heading
 */

/** What has the focus now, unless that is nothing, or lies in what is about to go. */
export function focusOrigin(leaving = null) {
  const now = document.activeElement;
  return !now || now === document.body || leaving?.contains(now) ? null : now;
}

/** Focus the element, or the page's heading where it is gone; a focus elsewhere stays there. */
export function restoreFocus(origin) {
  const now = document.activeElement;
  if (now && now !== document.body && !now.disabled) return;
  const canTake = origin?.isConnected && !origin.disabled && origin.checkVisibility();
  const target = canTake ? origin : document.querySelector("main h1");
  if (!target) return;
  if (target.tagName === "H1") target.tabIndex = -1;
  target.focus({ preventScroll: true });
}
