/**
 * A run's numbers, followed while the page is looked at.
 *
 *   const feed = followRun(id, store, { onNews: (run, isNew) => …, onError: (error) => …,
 *                                       maxPoints: 2000 });
 *   feed.stop();   feed.wake();        // ask again at once, as after a button was pressed
 *
 * Each request waits at the server until the run writes something, so news come without delay and
 * silence costs nothing. A browser opens six connections to a server, so a tab that is hidden
 * asks for nothing until it is shown, and of the tabs that are seen only a few wait at a time,
 * agreed by locks that tabs of one browser share; the others ask and ask again. Ended runs are asked after now and then, as
 * they may be resumed elsewhere. Errors are told once, then tried again at growing intervals.
 */

import { api, isAbort } from "../api.js";

const WAIT_S = 10;
const NUM_WAITING_TABS = 3;
const ASKING_PAUSE_MS = 700;
const ENDED_PAUSE_MS = 4000;
const LONGEST_PAUSE_MS = 10_000;

/** Follow one run; see above. */
export function followRun(id, store, { onNews, onError, maxPoints = 2000 }) {
  const stopped = new AbortController();
  let request = new AbortController();
  let wakeUp = () => {};
  let numFailures = 0;

  async function follow() {
    let isFirst = true;
    while (!stopped.signal.aborted) {
      if (document.hidden && !isFirst) {
        await pause(LONGEST_PAUSE_MS * 1000);
        continue;
      }
      try {
        const run = await inTurn(isFirst, askOnce);
        isFirst = false;
        if (run && run.status !== "running" && run.status !== "starting") await pause(ENDED_PAUSE_MS);
      } catch (error) {
        if (stopped.signal.aborted) return;
        if (isAbort(error)) continue;
        numFailures += 1;
        if (numFailures === 1) onError(error);
        await pause(Math.min(LONGEST_PAUSE_MS, 500 * 2 ** numFailures));
      }
    }
  }

  /** Ask at once at first; then wait at the server, if too many tabs don't wait there already. */
  async function inTurn(isFirst, ask) {
    if (isFirst) return ask(0);
    if (!navigator.locks) return ask(WAIT_S);
    for (let place = 0; place < NUM_WAITING_TABS; place += 1) {
      const name = `bit-transformer.waiting-${place}`;
      const told = await navigator.locks.request(name, { ifAvailable: true }, async (lock) => lock && { run: await ask(WAIT_S) });
      if (told) return told.run;
    }
    await pause(ASKING_PAUSE_MS);
    return ask(0);
  }

  async function askOnce(waitS) {
    request = new AbortController();
    const query = new URLSearchParams({ since: store.next, max_points: maxPoints, wait_s: waitS });
    const answer = await api.get(`/runs/${encodeURIComponent(id)}/metrics?${query}`, { signal: request.signal });
    if (stopped.signal.aborted) return null;
    numFailures = 0;
    onNews(answer.run, store.absorb(answer));
    return answer.run;
  }

  function pause(milliseconds) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      wakeUp = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  function wake() {
    request.abort();
    wakeUp();
  }

  function onVisibility() {
    if (document.hidden) request.abort();
    else wakeUp();
  }

  document.addEventListener("visibilitychange", onVisibility);
  follow();
  return {
    wake,
    stop() {
      document.removeEventListener("visibilitychange", onVisibility);
      stopped.abort();
      wake();
    },
  };
}
