/**
 * How runs look wherever they are listed: badge, progress, views, and what can be done with them.
 *
 *   statusBadge(run)   progressBar(run)   viewsOf(run)   runLink(run.id)
 *   const controls = createControls({ onChange: (run) => …, errors: element });
 *   controls.element;  controls.update(run);        // pause, resume, stop: only what is possible
 */

import { api } from "../api.js";
import { ask } from "../components/dialog.js";
import { el, replaceChildren } from "../components/element.js";
import { showError } from "../components/error-card.js";
import { restoreFocus } from "../components/focus.js";
import { formatDuration, formatFraction, formatNumber } from "../components/format.js";
import { icon } from "../components/icons.js";
import { toast } from "../components/toast.js";

const WORDS = {
  starting: "starting",
  running: "running",
  paused: "paused",
  stopped: "stopped",
  finished: "finished",
  failed: "failed",
  dead: "died",
};

/** Whether a process works on the run. */
export const isLive = (run) => run.status === "running" || run.status === "starting";

/** Whether the run ended in a way that needs explaining. */
export const isBroken = (run) => run.status === "failed" || run.status === "dead";

/** The address of a run's page. */
export const runLink = (id) => `#/runs/${encodeURIComponent(id)}`;

/** The run's state as a coloured word. */
export function statusBadge(run) {
  return el("span", { class: `badge badge-${run.status}`, title: run.message || null, text: WORDS[run.status] ?? run.status });
}

/** How far the run is: a bar, and the words beside it. */
export function progressBar(run) {
  const { fraction, step } = run.progress;
  return el("progress", {
    class: `progress-${run.status}`,
    max: 1,
    value: fraction ?? 0,
    "aria-label": `${formatFraction(fraction)} of the budget, step ${step}`,
  });
}

/** The words beside the bar. */
export function progressWords(run) {
  const { fraction, step, eta_s: eta, elapsed_s: elapsed } = run.progress;
  const words = [formatFraction(fraction), `step ${formatNumber(step)}`];
  if (run.status === "starting") return "reading the data …";
  if (isLive(run) && eta !== null) words.push(`${formatDuration(eta)} left`);
  else if (elapsed !== null) words.push(formatDuration(elapsed));
  return words.join(" · ");
}

/** How the run's data reaches its model: shares of views, as small labels. */
export function viewsOf(run) {
  const direct = run.direct_prob ?? 0;
  const compressed = run.compress_prob ?? 0;
  const raw = Math.max(0, 1 - direct - compressed);
  const shares = [["raw", raw], ["compressed", compressed], ["direct", direct]].filter(([, share]) => share > 0.001);
  return el(
    "span",
    { class: "views" },
    shares.map(([name, share]) => el("span", { class: `view view-${name}` }, shares.length > 1 ? `${name} ${formatFraction(share)}` : name)),
  );
}

/** Buttons to pause, resume and stop a run. */
export function createControls({ onChange, errors }) {
  const element = el("div", { class: "row run-controls" });
  let shown = "";
  let isBusy = false;

  /** Ask for it; whether that worked. What did not is told. */
  async function perform(run, verb, past) {
    if (isBusy) return false;
    setBusy(true);
    try {
      const changed = await api.post(`/runs/${encodeURIComponent(run.id)}/${verb}`);
      errors.replaceChildren();
      toast(`${run.id} ${past}`, { kind: "good" });
      onChange(changed);
      return true;
    } catch (error) {
      const again = () => perform(run, verb, past);
      const isNamed = error.fallbacks?.some(({ id }) => id === verb);
      showError(errors, error, { fallbacks: { [isNamed ? verb : "retry"]: again } });
      return false;
    } finally {
      setBusy(false);
    }
  }

  async function stop(run) {
    const isSure = await ask({
      title: `Stop ${run.id}?`,
      text: "It saves a checkpoint and ends. It can be resumed later from there.",
      yes: "Stop the run",
      isGrave: true,
    });
    if (isSure) await perform(run, "stop", "is saving and stops");
  }

  // A button that were disabled would drop the focus.
  function setBusy(state) {
    isBusy = state;
    for (const one of element.children) one.setAttribute("aria-disabled", String(state));
  }

  function update(run) {
    const state = [run.id, run.can_pause, run.can_resume, run.can_stop].join();
    if (state === shown) return;
    shown = state;
    const hadFocus = element.contains(document.activeElement);
    replaceChildren(
      element,
      run.can_pause && button("pause", "Pause", () => perform(run, "pause", "is saving and pauses")),
      run.can_resume && button("play", "Resume", () => perform(run, "resume", "goes on"), "button-primary"),
      run.can_stop && button("stop", "Stop", () => stop(run)),
    );
    if (hadFocus) restoreFocus(element.firstElementChild);
  }

  return { element, update, resume: (run) => perform(run, "resume", "goes on") };
}

function button(symbol, label, onclick, kind = "") {
  return el("button", { type: "button", class: `button ${kind}`, onclick }, icon(symbol), label);
}
