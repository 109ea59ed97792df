/**
 * The playground: a prompt, what a model makes of it, and how surprised it was by every bit.
 *
 * The newest message stands first. The form and its codec are those of the whole page; what a
 * message was asked with stays with it, so that its error can be answered by the same request
 * changed in one point.
 *
 * The outputs outlive the page: they are there again when one comes back in the same tab, until it
 * is reloaded, and what a model is writing meanwhile goes on. So there is one Playground for all
 * visits; the form is made anew for each, out of the tab's memory and the models of that moment.
 */

import { api, isAbort } from "../api.js";
import { compression } from "../components/compression.js";
import { el, replaceChildren } from "../components/element.js";
import { showError } from "../components/error-card.js";
import { formatBytes, formatDuration, formatNumber } from "../components/format.js";
import { icon } from "../components/icons.js";
import { toast } from "../components/toast.js";
import { createChoice, short } from "../parts/controls.js";
import { createMemory } from "../parts/form-memory.js";
import { createMessage } from "../parts/message.js";
import { createPromptForm } from "../parts/prompt-form.js";
import { LABELS, goOnWithoutCompression, pickCodec, waysOn } from "../parts/recovery.js";
import { createLegend } from "../parts/surprise-scale.js";
import { createTelemetryPanel } from "../parts/telemetry-panel.js";
import { createTranscript } from "../parts/transcript.js";

const FORMS = [
  ["text", "Text"],
  ["hex", "Hex"],
  ["bits", "Bits"],
];
const IDLE = "K, C and S of the output, as it comes";
const EMPTY_PAUSE_MS = 3000;
/** What is kept of the outputs when the page is left, the newest first: as many, and as many bits. */
const MOST_KEPT = 20;
const MOST_KEPT_BITS = 2_000_000;

/** The playground of this tab, once it was visited. */
let playground = null;

/** Show the page; `params.query` may name the run. */
export async function mount(container, params) {
  const { query, status } = params;
  replaceChildren(container, head(), el("p", { class: "loading", text: "Looking for models …" }));
  const [server, { runs }] = await Promise.all([status.catch(() => api.get("/status")), api.get("/runs")]);
  const models = runs.filter(canBeTried);
  if (!models.length) return waitForModel(container, params);
  if (!container.isConnected) return () => {}; // another page was opened meanwhile
  playground ??= new Playground();
  return playground.enter(container, server, models, query.get("run"));
}

/** Show that there is no model until there is one, then the page. */
function waitForModel(container, params) {
  replaceChildren(container, head(), emptyState());
  let leave = null;
  let isLeft = false;
  const look = async () => {
    // Whether the server is there is told by the shell.
    const { runs } = document.hidden ? { runs: [] } : await api.get("/runs").catch(() => ({ runs: [] }));
    if (isLeft) return;
    if (!runs.some(canBeTried)) {
      timer = setTimeout(look, EMPTY_PAUSE_MS);
      return;
    }
    const unmount = await mount(container, params);
    if (isLeft) unmount();
    else leave = unmount;
  };
  let timer = setTimeout(look, EMPTY_PAUSE_MS);
  return () => {
    isLeft = true;
    clearTimeout(timer);
    leave?.();
  };
}

const canBeTried = ({ has_checkpoint: hasCheckpoint }) => hasCheckpoint;

function head() {
  return el(
    "header",
    { class: "page-head" },
    el("div", {}, el("h1", { text: "Playground" }), el("p", { class: "page-lead", text: "Continue a prompt, and see how much every byte and bit surprised the model." })),
  );
}

function emptyState() {
  return el(
    "section",
    { class: "empty" },
    icon("chat"),
    el("h2", { text: "No model to try yet" }),
    el("p", { text: "A run can be tried as soon as it has saved its first checkpoint, even while it goes on." }),
    el("div", { class: "row" }, el("a", { class: "button button-primary", href: "#/new" }, icon("plus"), "Start a run"), el("a", { class: "button", href: "#/runs" }, "See all runs")),
  );
}

class Playground {
  constructor() {
    this.memory = createMemory("playground");
    this.numMessages = 0;
    this.messages = new Set();
    this.stopper = null;
    this.measured = null;
    /** The message that is being written, and the page's place; null where there is none. */
    this.writing = null;
    this.container = null;
    this.formErrors = el("div", { class: "form-errors" });
    this.telemetry = createTelemetryPanel(IDLE);
    this.list = el("div", { class: "messages", "aria-label": "Messages", role: "region" });
    this.dropped = el("p", { class: "weak small", hidden: true });
    this.legend = el("div", { class: "legend-slot" });
    this.shownForm = this.memory.get("form", "text");
    const choice = createChoice({ label: "Show as", choices: FORMS, value: this.shownForm, onChange: (form) => this.setForm(form) });
    const bar = el("div", { class: "view-bar" }, choice.element, this.legend);
    this.outputs = el("div", { class: "tool-main" }, el("h2", { class: "visually-hidden", text: "Outputs" }), this.telemetry.element, bar, this.list, this.dropped);
    this.setForm(this.shownForm);
    this.showHint();
    this.tellWhose();
    compression.subscribe(() => this.tellWhose());
  }

  /** Be in this page, with a form of its own; returns what leaves it. */
  enter(container, server, models, wanted) {
    this.container = container;
    this.server = server;
    const form = createPromptForm({
      runs: models,
      limits: server.limits,
      memory: this.memory,
      wanted,
      onGenerate: () => this.generate(),
      onScore: () => this.score(),
      onStop: () => this.stopper?.abort(),
    });
    this.form = form;
    const left = el("div", { class: "tool-side" }, form.element, this.formErrors);
    replaceChildren(container, head(), el("div", { class: "tool-columns" }, left, this.outputs));
    if (this.stopper) form.setBusy(true);
    return () => {
      form.unmount();
      if (this.container === container) this.leave();
    };
  }

  /** The page goes; what a model writes goes on. Of what there is, the oldest goes where it is much. */
  leave() {
    this.container = null;
    let numBits = 0;
    const newestFirst = [...this.messages].reverse();
    const isKept = (message, place) => {
      numBits += message.transcript()?.numBits ?? 0;
      return place === 0 || message === this.writing || (place < MOST_KEPT && numBits <= MOST_KEPT_BITS);
    };
    const going = newestFirst.filter((message, place) => !isKept(message, place));
    for (const message of going) this.remove(message);
    if (!going.length) return;
    this.dropped.hidden = false;
    this.dropped.textContent = "Older outputs were let go when this page was left, to save memory.";
  }

  showHint() {
    const hint = el("p", { text: "What the model writes appears here, coloured by surprise. Point at a character, or move with the arrow keys, to see what it expected." });
    replaceChildren(this.list, el("div", { class: "empty messages-empty" }, icon("chat"), hint));
  }

  setForm(form) {
    this.shownForm = form;
    this.memory.set("form", form);
    for (const message of this.messages) message.setForm(form);
    replaceChildren(this.legend, createLegend(form === "bits" ? "bit" : "byte"));
  }

  /**
   * Say what K, C and S are of. What has been measured stays what it was when the switch is turned
   * afterwards, or while the model still writes.
   */
  tellWhose() {
    const isOnNow = compression.isEnabled();
    const { of, isOn } = this.measured ?? { of: isOnNow ? "decompressed output" : "output", isOn: isOnNow };
    const verb = isOn === isOnNow ? "is" : "was";
    const bits = isOn === isOnNow ? "all bits are raw" : "all bits were raw";
    this.telemetry.setWhose(`of the ${of}${isOn ? ` (compression ${verb} on)` : ` (compression ${verb} off, ${bits})`}`);
  }

  setMeasured(of, isOn) {
    this.measured = { of, isOn };
    this.tellWhose();
  }

  /** Begin something that can be stopped, in a message or not yet; what was going on ends. */
  takeTurn(message = null) {
    this.stopper?.abort();
    const stopper = new AbortController();
    this.stopper = stopper;
    this.writing = message;
    this.form.setBusy(true);
    return stopper;
  }

  endTurn(stopper) {
    if (this.stopper !== stopper) return;
    if (this.writing) this.tellWhoIsAway(`${this.writing.title} has ended`);
    this.stopper = null;
    this.writing = null;
    this.form.setBusy(false);
  }

  tellWhoIsAway(words, kind = "info") {
    if (!this.container) toast(words, { kind, action: { label: "Show", run: () => (location.hash = "#/playground") } });
  }

  addMessage(kind, fileName, onContinue) {
    this.numMessages += 1;
    const message = createMessage({
      title: `${kind} ${this.numMessages}`,
      fileName,
      form: this.shownForm,
      onContinue,
      onClose: () => this.remove(message),
    });
    if (!this.messages.size) this.list.replaceChildren();
    this.messages.add(message);
    this.list.prepend(message.element);
    if (message.element.getBoundingClientRect().top > innerHeight - 120) message.element.scrollIntoView({ block: "center", behavior: "smooth" });
    return message;
  }

  remove(message) {
    message.element.remove();
    this.messages.delete(message);
    if (this.messages.size) return;
    this.dropped.hidden = true;
    this.showHint();
  }

  /** Ask for the form's request, made into what `run` does with it; errors of the form show below it. */
  async begin(run) {
    const stopper = this.takeTurn();
    const { prompt, request } = this.form;
    this.formErrors.replaceChildren();
    try {
      const body = await request({ signal: stopper.signal });
      if (stopper.signal.aborted) return;
      await run(body, { givenBits: prompt.typedBits() ?? "", fileName: prompt.fileName() });
    } catch (error) {
      if (isAbort(error)) return;
      this.tellWhoIsAway(error.what ?? error.message, "bad");
      showError(this.formErrors, error, { fallbacks: this.inputFallbacks(error, () => this.begin(run)), labels: LABELS });
    } finally {
      this.endTurn(stopper);
    }
  }

  generate() {
    return this.begin((body, given) => {
      const message = this.addMessage("Generation", "output.bin", (transcript) => this.continueFrom(transcript));
      return this.run(message, body, given);
    });
  }

  /** Stream one generation into a message; an error puts its card there, with fallbacks. */
  async run(message, body, given) {
    const stopper = this.takeTurn(message);
    message.errors.replaceChildren();
    this.telemetry.clear();
    message.say("Waiting for the model …");
    try {
      await api.stream("/generate", body, (event) => this.take(message, body, given, event), stopper.signal);
    } catch (error) {
      message.finish();
      if (isAbort(error)) message.say(`Stopped by you. ${sizeOf(message)}`);
      else {
        message.say(message.hasOutput() ? `Ended by an error. ${sizeOf(message)}` : "");
        showError(message.errors, error, { fallbacks: this.fallbacks(error, message, body, given), labels: LABELS });
      }
    } finally {
      this.endTurn(stopper);
    }
  }

  take(message, body, given, event) {
    if (event.type === "preparing") message.say(event.message ?? "Preparing …");
    else if (event.type === "start") this.takeStart(message, body, given, event);
    else if (event.type === "chunk") {
      message.append(event);
      this.telemetry.push(event);
    } else if (event.type === "done") this.takeDone(message, body, given, event);
  }

  takeStart(message, body, given, event) {
    const isFrame = event.view === "direct";
    message.start(createTranscript({ givenBits: given.givenBits, isFrame }));
    message.setFacts([
      body.run,
      event.checkpoint_step == null ? null : `step ${formatNumber(event.checkpoint_step)}`,
      event.view && event.view !== "raw" ? `${event.view} view` : null,
      event.codec,
      `temperature ${body.temperature}`,
      event.seed == null ? null : `seed ${event.seed}`,
      given.fileName,
    ]);
    message.seed = event.seed;
    message.note = event.note ? ` ${capitalised(event.note)}.` : "";
    message.say(message.note);
    this.setMeasured(event.telemetry_of, body.compression);
  }

  takeDone(message, body, given, event) {
    message.finish({ compression: event.compression, isEmptyFine: true });
    const speed = event.elapsed_s > 0 ? `, ${formatBytes(event.num_bytes / event.elapsed_s)}/s` : "";
    const surprise = event.bits_per_byte == null ? "" : ` Surprise: ${short(event.bits_per_byte)} bits per byte.`;
    const reason = event.reason === "length" ? "" : ` Ended at the ${event.reason.replace(/^the /, "")}.`;
    message.say(`${formatNumber(event.num_bytes)} bytes in ${formatDuration(event.elapsed_s)}${speed}.${surprise}${reason}${message.note}`);
    this.record(event.compression);
    if (event.warning) showError(message.errors, event.warning, { fallbacks: this.fallbacks(event.warning, message, body, given), labels: LABELS });
  }

  record(sizes) {
    if (!sizes) return;
    compression.record({
      sourceBits: sizes.prompt_bits + sizes.output_bits,
      frameBits: sizes.prompt_frame_bits + sizes.output_frame_bits,
    });
  }

  continueFrom(transcript) {
    const all = Uint8Array.from({ length: transcript.numBytes }, (_, place) => transcript.byteAt(place).byte);
    try {
      this.form.prompt.setText("text", new TextDecoder("utf-8", { fatal: true }).decode(all));
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      this.form.prompt.setText("hex", Array.from(all, (byte) => byte.toString(16).padStart(2, "0")).join(" "));
    }
    this.form.prompt.focus();
  }

  score() {
    return this.begin(async (body, given) => {
      const message = this.addMessage("Score", "scored.bin", null);
      const stopper = this.takeTurn(message);
      message.say("Reading with the model …");
      try {
        const answer = await api.post("/score", { run: body.run, source: body.prompt }, { signal: stopper.signal });
        message.start(createTranscript());
        message.append(answer);
        message.finish();
        message.setFacts([body.run, given.fileName, "scored, not generated"]);
        message.say(`${short(answer.bits_per_byte)} bits per byte, ${short(answer.bits_per_bit, 3)} bits per bit.${answer.is_cut ? " Only the beginning was scored." : ""}`);
        this.telemetry.setValues({ k: [answer.k], c: [answer.c], s: [answer.s] });
        this.setMeasured("scored data", false);
      } catch (error) {
        if (isAbort(error)) message.say("Stopped by you.");
        else {
          message.say("");
          showError(message.errors, error, { fallbacks: this.inputFallbacks(error, () => this.score()), labels: LABELS });
        }
      } finally {
        this.endTurn(stopper);
      }
    });
  }

  /** Ways on from an error of the form or of its data, named by the server or by the page. */
  inputFallbacks(error, again, extra = {}) {
    const nearest = () => {
      this.form.takeNearest();
      return again();
    };
    return waysOn(error, { input: this.form.prompt, limits: this.server.limits, again, extra: { nearest, ...extra } });
  }

  /** Half the length, where the prompt itself is not what is too long. */
  shorterOutput(again) {
    const { limits } = this.server;
    const { prompt, fields } = this.form;
    const isPromptTooLong = prompt.numBits() > 8 * Math.min(limits.max_upload_bytes, limits.max_lab_bytes);
    const length = fields.num_bytes.value() ?? 0;
    if (isPromptTooLong || length < 2) return {};
    const shorter = () => {
      this.form.setLength(Math.floor(length / 2));
      return again();
    };
    return { shorter };
  }

  /** Ways on from an error of a generation: the same request, changed in one point. */
  fallbacks(error, message, body, given) {
    const same = { ...body, seed: body.seed ?? message.seed ?? null };
    const once = (change) => () => {
      this.run(message, { ...same, ...change }, given);
    };
    const again = () => this.begin((fresh, now) => this.run(message, fresh, now));
    const extra = {
      ...this.shorterOutput(again),
      raw_output: once({ raw_output: true, view: "direct" }),
      valid_prefix: once({ strict: false }),
      without_compression: () => goOnWithoutCompression(once({ compression: false, codec: null, view: null })),
      other_codec: () => this.pickCodec(once),
    };
    return this.inputFallbacks(error, again, extra);
  }

  pickCodec(once) {
    const use = (codec) => {
      compression.set({ codec, isEnabled: true });
      once({ compression: true, codec })();
    };
    return pickCodec(this.server.codecs, { isForModel: true, use });
  }
}

function sizeOf(message) {
  const length = message.transcript()?.outputBytes().length ?? 0;
  return `${formatNumber(length)} bytes are here.`;
}

function capitalised(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
