/**
 * An error as a card: what happened, where, what to do, and buttons that do it.
 *
 *   const card = showError(container, error, { fallbacks: { raw_output: showRaw, retry: again } });
 *   card.remove();
 *
 * `error` is whatever was caught: an ApiError of ../api.js, or any Error. `fallbacks` has functions
 * by id. A button appears for every fallback that the server named and the page has a function
 * for, and for every further function of the page; "reload" and "reconnect" work by themselves.
 * A click runs the function and takes the card away, unless the function gives false: then nothing
 * was done, as when a dialog was closed without a choice, and the card stays. If it throws, that is
 * the card's error then, and what failed is not offered again unless the error names it. The
 * keyboard goes back to where it was when the card came.
 * `container` may be an element to put the card in; an older card in it is replaced.
 * Options: `title`, `labels` (button texts by id), `canDismiss` (default true), `onDismiss`, and
 * `isOnlyNamed` to show no button but for what the server named.
 */

import { el } from "./element.js";
import { focusOrigin, restoreFocus } from "./focus.js";
import { icon } from "./icons.js";

const LABELS = {
  retry: "Try again",
  reload: "Reload the page",
  reconnect: "Try again",
  raw_output: "Show the raw output",
  valid_prefix: "Use the longest valid part",
  without_compression: "Try without compression",
  other_codec: "Pick another codec",
  raw_data: "Look at it as plain data",
  shorter: "Use less data",
  upload: "Upload it as a file",
  other_name: "Choose another name",
  free_space: "Delete old uploads",
  resume: "Resume from the last checkpoint",
  sign_in: "Sign in",
};

const TITLES = {
  CodecError: "The compressed bits do not decompress",
  ArchiveError: "The archive does not decompress",
  InputError: "The input does not fit",
  BitsError: "These are not bits",
  ConfigError: "The settings do not fit together",
  DataError: "The data cannot be used",
  RunError: "The run cannot do that",
  CheckpointError: "The checkpoint cannot be used",
  TrainingError: "The training cannot go on",
  GenerationError: "The generation cannot go on",
  StorageError: "The disk refuses",
  MissingDependencyError: "A package is missing",
  DashboardError: "The dashboard refuses",
  UploadError: "The upload broke off",
  Unreachable: "The dashboard server does not answer",
  TokenError: "The token is wrong",
  CrossOriginError: "The request came from elsewhere",
  TooLargeError: "That is too large",
  TimeoutError: "It took too long",
  RequestError: "The request cannot be understood",
  InternalError: "A fault of the program",
  MemoryError: "Not enough memory",
};

/** Put a card for the error into the container; returns the card, which has `remove()`. */
export function showError(container, error, options = {}) {
  const card = errorCard(error, { origin: focusOrigin(container), ...options });
  for (const child of [...container.children]) {
    if (child.classList.contains("error-card")) child.remove();
  }
  container.append(card);
  card.scrollIntoView({ block: "nearest", behavior: "smooth" });
  return card;
}

/** The card alone. */
export function errorCard(error, { fallbacks = {}, labels = {}, title, canDismiss = true, onDismiss, isOnlyNamed = false, origin = null } = {}) {
  const facts = factsOf(error);
  const card = el("section", { class: "error-card", role: "alert", dataset: { kind: facts.kind } });
  const dismiss = () => {
    card.remove();
    restoreFocus(origin);
    onDismiss?.();
  };
  const head = el(
    "header",
    { class: "error-head" },
    icon("alert"),
    el("h3", { text: title ?? TITLES[facts.kind] ?? "Something went wrong" }),
    canDismiss && el("button", { type: "button", class: "icon-button", "aria-label": "Dismiss this error", onclick: dismiss }, icon("close")),
  );
  const body = [
    el("p", { class: "error-what", text: facts.what }),
    facts.where && el("p", { class: "error-where" }, el("span", { class: "error-term", text: "Where" }), el("code", { text: facts.where })),
    facts.fix && el("p", { class: "error-fix" }, el("span", { class: "error-term", text: "What to do" }), el("span", { text: facts.fix })),
  ];
  const buttons = offers(facts, fallbacks, labels, isOnlyNamed).map(({ id, label, run }, index) =>
    el(
      "button",
      {
        type: "button",
        class: index === 0 ? "button button-primary" : "button",
        dataset: { fallback: id },
        onclick: (event) => perform({ id, run }, card, event.currentTarget, { fallbacks, labels, isOnlyNamed, origin }),
      },
      label,
    ),
  );
  card.append(head, ...body.filter(Boolean));
  if (buttons.length) card.append(el("div", { class: "error-actions" }, buttons));
  return card;
}

/** What an error says, as `{kind, what, where, fix, fallbacks}`, whatever was thrown. */
export function factsOf(error) {
  if (error && typeof error === "object" && "kind" in error && "what" in error) {
    return { where: null, fix: null, fallbacks: [], ...definedOf(error) };
  }
  return {
    kind: error?.name ?? "Error",
    what: error?.message || String(error),
    where: null,
    fix: "Reload the page; if it happens again, the browser's console has more.",
    fallbacks: [{ id: "reload", label: LABELS.reload }],
  };
}

function definedOf({ kind, what, where, fix, fallbacks }) {
  return { kind, what, where: where ?? null, fix: fix ?? null, fallbacks: fallbacks ?? [] };
}

function offers(facts, fallbacks, labels, isOnlyNamed) {
  const known = { reload: () => location.reload(), sign_in: () => location.reload(), ...fallbacks };
  const named = facts.fallbacks.filter(({ id }) => id in known);
  const further = (isOnlyNamed ? [] : Object.keys(fallbacks))
    .filter((id) => !named.some((one) => one.id === id))
    .map((id) => ({ id, label: null }));
  return [...named, ...further].map(({ id, label }) => ({
    id,
    label: labels[id] ?? label ?? LABELS[id] ?? id,
    run: known[id],
  }));
}

async function perform({ id, run }, card, button, options) {
  const container = card.parentElement;
  button.disabled = true;
  try {
    if ((await run()) === false) {
      button.disabled = false;
      // Another card may have taken this one's place.
      if (button.isConnected) button.focus({ preventScroll: true });
      else restoreFocus(options.origin);
      return;
    }
    card.remove();
  } catch (error) {
    card.remove();
    const { [id]: failed, ...others } = options.fallbacks;
    const isNamed = id === "retry" || error.fallbacks?.some((one) => one.id === id);
    if (container) showError(container, error, isNamed ? options : { ...options, fallbacks: others });
  }
  restoreFocus(options.origin);
}
