/**
 * #/new: a run from a recipe, data and the options that matter; #/new?from=ID: like an older one.
 *
 * What is filled in stays in this tab through errors and reloads until the run has started. The
 * views follow the header's "Enable Compression": off, all sequences are raw. The command that does
 * the same stands beside the form.
 */

import { api } from "../api.js";
import { copyText } from "../components/clipboard.js";
import { compression } from "../components/compression.js";
import { el, replaceChildren } from "../components/element.js";
import { showError } from "../components/error-card.js";
import { checksField, numberField, selectField, sliderField, textField } from "../components/field.js";
import { formatFraction } from "../components/format.js";
import { icon } from "../components/icons.js";
import { toast } from "../components/toast.js";
import { createToggle } from "../components/toggle.js";
import { createMemory } from "../parts/form-memory.js";
import { goOnWithoutCompression, pickCodec } from "../parts/recovery.js";
import { createDataPicker } from "../runs/data-picker.js";
import { shown } from "../runs/run-sections.js";
import { runLink } from "../runs/status.js";
import { commandOf, requestOf, sharesOf, valueOf, valuesOfConfig } from "../runs/training-form.js";

const BUDGETS = ["300steps", "2min", "10min", "1h", "40MB"];

/** Show the form. */
export async function mount(container, { query, status }) {
  const [recipes, facts, older] = await Promise.all([
    api.get("/recipes"),
    status,
    query.get("from") ? api.get(`/runs/${encodeURIComponent(query.get("from"))}`) : null,
  ]);
  const page = new NewRunPage(container, recipes, facts, older);
  return () => page.stop();
}

class NewRunPage {
  constructor(container, recipes, status, older) {
    this.recipes = recipes;
    this.status = status;
    this.memory = createMemory("new-run");
    this.recipe = recipes.find(({ name }) => name === this.memory.get("recipe", "demo")) ?? recipes[0];
    this.values = this.memory.get("values", {});
    if (older) this.#takeFrom(older);
    const like = this.memory.get("like");
    this.fields = new Map();
    this.notice = el("div", { class: "stack-s" });
    this.command = el("pre", { class: "command", tabindex: 0, "aria-label": "The same as a command" });
    this.start = el("button", { type: "submit", class: "button button-primary button-large" }, icon("play"), el("span", { text: "Start the run" }));
    this.picker = createDataPicker({ status, data: this.values.data ?? [], onChange: (data) => this.#set("data", data) });
    this.views = el("div", { class: "stack-s" });
    this.toggle = createToggle({ label: "Train with compression", onChange: (isEnabled) => compression.set({ isEnabled }) });
    this.viewsHint = el("p", { class: "field-hint" });
    this.viewsFields = el("div");
    replaceChildren(this.views, this.toggle.element, this.viewsHint, this.viewsFields);
    this.form = el("form", { class: "new-run", novalidate: true, onsubmit: (event) => this.#submit(event) }, this.#main(), this.#aside());
    const lead = like ? `With the settings of ${like.id}.` : "A process of its own: it goes on when this page or the server is closed.";
    replaceChildren(container, el("header", { class: "page-head" }, el("div", {}, el("h1", { text: "New run" }), el("p", { class: "page-lead", text: lead }), like && otherSettings(like))), this.form);
    this.stopCompression = compression.subscribe(() => this.#drawViews());
    this.#drawViews();
  }

  stop() {
    this.stopCompression();
  }

  /** Once: what is changed then is not to be lost by a reload. */
  #takeFrom(older) {
    this.recipe = this.recipes.find(({ name }) => name === older.nearest_recipe) ?? this.recipes[0];
    this.values = { ...valuesOfConfig(older.config, this.recipe), data: older.data };
    this.memory.set("like", { id: older.id, recipe: this.recipe.name, others: older.other_settings });
    this.#remember();
    history.replaceState(null, "", "#/new");
    if ((older.compress_prob || older.direct_prob) && !compression.isEnabled()) {
      compression.set({ isEnabled: true });
      toast(`Compression is on, as ${older.id} had it`, { action: { label: "Turn off again", run: () => compression.set({ isEnabled: false }) } });
    }
  }

  #set(name, value) {
    this.values = { ...this.values, [name]: value };
    this.#remember();
    this.#drawCommand();
  }

  #remember() {
    this.memory.set("values", this.values);
    this.memory.set("recipe", this.recipe.name);
  }

  #main() {
    return el(
      "div",
      { class: "stack" },
      section("Recipe", "a whole configuration under a name; everything below starts from it", this.#recipeCards()),
      section("Data", "what it learns from, any bytes at all", this.picker.element),
      section("Budget", "how long it learns; the schedule fits itself to it", this.#budget()),
      section("Compression", "how sequences reach the model", this.views),
      section("Model", "the size of the transformer", el("div", { class: "form-grid" }, this.#modelFields())),
      this.#advanced(),
    );
  }

  #aside() {
    const copy = () => copyText(this.command.textContent, "The command is in the clipboard");
    const reset = () => {
      this.memory.set("values", {});
      this.memory.set("like", null);
      history.replaceState(null, "", "#/new");
      dispatchEvent(new HashChangeEvent("hashchange"));
    };
    return el(
      "aside",
      { class: "new-run-side", "aria-label": "Start" },
      el(
        "div",
        { class: "card stack-s" },
        this.#field("name", textField({ label: "Name", name: "name", value: this.values.name ?? "", placeholder: "made from recipe and time", hint: "letters, digits, - _ . +", onInput: (value) => this.#set("name", value.trim()) })),
        this.start,
        this.notice,
        el("div", { class: "row row-between command-head" }, el("h3", { text: "As a command" }), el("button", { type: "button", class: "button button-small", onclick: copy }, icon("copy"), "Copy")),
        this.command,
        el("button", { type: "button", class: "button button-quiet button-small", onclick: reset }, "Back to the recipe's values"),
      ),
    );
  }

  #recipeCards() {
    const choose = (recipe) => {
      this.recipe = recipe;
      this.#remember();
      this.#showDefaults();
      this.#drawViews();
    };
    const cards = this.recipes.map((recipe) => {
      const input = el("input", { type: "radio", name: "recipe", value: recipe.name, checked: recipe === this.recipe, onchange: () => choose(recipe) });
      return el(
        "label",
        { class: "recipe" },
        input,
        el("span", { class: "recipe-name" }, el("span", { text: recipeTitle(recipe.name) }), el("span", { class: "recipe-budget number", text: recipe.budget })),
        el("span", { class: "recipe-text", text: recipe.description }),
      );
    });
    return el("div", { class: "recipes", role: "radiogroup", "aria-label": "Recipe" }, cards);
  }

  #budget() {
    const field = this.#field("budget", textField({ label: "Budget", name: "budget", hint: "a number with a unit: 300steps, 40MB, 10min", value: this.#value("budget"), onInput: (value) => this.#set("budget", value.trim()) }));
    const pick = (budget) => {
      this.fields.get("budget").set(budget);
      this.#set("budget", budget);
    };
    const chips = BUDGETS.map((budget) => el("button", { type: "button", class: "button button-small", onclick: () => pick(budget) }, budget));
    return el("div", { class: "row budget-row" }, field, el("div", { class: "row" }, chips));
  }

  #modelFields() {
    const number = (name, label, hint, limits) => this.#field(name, numberField({ label, name, hint, value: this.#value(name), ...limits, onInput: (value) => this.#set(name, value) }));
    const patches = selectField({
      label: "Patch bits", name: "patch_bits", hint: "bits that the trunk sees as one position", value: String(this.#value("patch_bits")),
      choices: patchChoices(this.#value("patch_bits")),
      onInput: (value) => this.#set("patch_bits", Number(value)),
    });
    return [
      number("width", "Width", "channels, a multiple of the head's", { min: 8, max: 4096, step: 8 }),
      number("depth", "Depth", "blocks", { min: 1, max: 64, step: 1 }),
      this.#field("patch_bits", patches),
      number("context_patches", "Context", "patches that it looks back", { min: 1, max: 8192, step: 1 }),
    ];
  }

  #advanced() {
    const number = (name, label, hint, limits = {}) => this.#field(name, numberField({ label, name, hint, value: this.#value(name), placeholder: "as PyTorch chooses", ...limits, onInput: (value) => this.#set(name, value) }));
    const compile = selectField({ label: "Compile", name: "compile", hint: "torch.compile: a minute to begin, then faster", value: this.#value("compile"), choices: ["auto", "on", "off"], onInput: (value) => this.#set("compile", value) });
    return el(
      "details",
      { class: "card folded" },
      el("summary", { text: "More settings" }),
      el(
        "div",
        { class: "form-grid" },
        number("seed", "Seed", "of weights, order of data, dropout", { min: 0, step: 1 }),
        number("threads", "Threads", `this machine has ${this.status.num_cores} cores`, { min: 1, step: 1 }),
        number("batch_bytes", "Batch", "bytes of one step", { min: 1, step: 1 }),
        number("evaluate_every", "Evaluate every", "share of the budget; 0: at the end", { min: 0, max: 1 }),
        number("telemetry_every", "Telemetry every", "steps; 0: never", { min: 0, step: 1 }),
        this.#field("compile", compile),
        this.#field("sample_prompt", textField({ label: "Prompt of its samples", name: "sample_prompt", value: this.#value("sample_prompt") ?? "", isWide: true, onInput: (value) => this.#set("sample_prompt", value) })),
      ),
    );
  }

  #drawViews() {
    const isOn = compression.isEnabled();
    this.toggle.set(isOn);
    this.viewsHint.textContent = isOn
      ? "Some sequences are compressed and decompressed on their way, or are the compressed bits themselves."
      : "Off: all sequences are raw. This is the same switch as in the header.";
    replaceChildren(this.viewsFields, isOn && this.#viewFields());
    this.#drawCommand();
  }

  #viewFields() {
    const { compress, direct } = sharesOf(this.values, this.recipe, true);
    const bar = el("div", { class: "share-bar", role: "img" });
    const sliders = {};
    const change = (name, other) => (value) => {
      const rest = Math.round(100 * (1 - value)) / 100;
      if (sliders[other].value() > rest) {
        sliders[other].set(rest);
        this.values = { ...this.values, [other]: rest };
      }
      this.#set(name, value);
      drawShares(bar, sharesOf(this.values, this.recipe, true));
    };
    const slider = (name, other, label, hint, value) => {
      sliders[name] = sliderField({ label, name, hint, value, format: (share) => formatFraction(share), onInput: change(name, other) });
      return this.#field(name, sliders[name]);
    };
    const checks = checksField({
      label: "Codecs", name: "codecs", hint: "each sequence by one of these, drawn at random",
      value: valueOf(this.#effective(), this.recipe, "codecs") ?? [],
      choices: this.status.codecs.map(({ name, is_available: isAvailable }) => ({ value: name, label: isAvailable ? name : `${name} (not installed)`, isDisabled: !isAvailable })),
      onInput: (value) => this.#set("codecs", value),
    });
    drawShares(bar, { compress, direct });
    return el(
      "div",
      { class: "stack-s" },
      bar,
      el(
        "div",
        { class: "form-grid" },
        slider("compress_prob", "direct_prob", "Compressed", "through a codec and back: the model sees the data, and the ratio is measured", compress),
        slider("direct_prob", "compress_prob", "Direct", "the bits of the codec's frame: the model learns to write compressed", direct),
      ),
      this.#field("codecs", checks),
    );
  }

  /** The values, with the codec of the header where none was chosen here. */
  #effective() {
    const codec = compression.codec();
    if (this.values.codecs?.length || codec === "auto") return this.values;
    return { ...this.values, codecs: [codec] };
  }

  #field(name, field) {
    this.fields.set(name, field);
    return field.element;
  }

  #value(name) {
    return valueOf(this.values, this.recipe, name);
  }

  #showDefaults() {
    for (const [name, field] of this.fields) {
      if (["name", "codecs", "compress_prob", "direct_prob"].includes(name)) continue;
      const value = this.#value(name);
      field.set(name === "patch_bits" ? String(value) : value);
    }
  }

  #drawCommand() {
    this.command.textContent = commandOf(this.#effective(), this.recipe, compression.isEnabled());
  }

  async #submit(event) {
    event?.preventDefault();
    if (this.isBusy) return;
    replaceChildren(this.notice);
    for (const field of this.fields.values()) field.setProblem(null);
    this.#setBusy(true);
    try {
      const run = await api.post("/runs", requestOf(this.#effective(), this.recipe, compression.isEnabled()));
      this.#set("name", "");
      this.memory.set("like", null);
      toast(`${run.id} has started`, { kind: "good" });
      location.hash = runLink(run.id);
    } catch (error) {
      this.#explain(error);
    } finally {
      this.#setBusy(false);
    }
  }

  #setBusy(isBusy) {
    // A button that were disabled would drop the focus.
    this.isBusy = isBusy;
    this.start.setAttribute("aria-disabled", String(isBusy));
    this.start.lastChild.textContent = isBusy ? "Starting …" : "Start the run";
  }

  #explain(error) {
    const [, name] = /(?:^|\.)(\w+)$/.exec(error.where ?? "") ?? [];
    this.fields.get(name)?.setProblem(error.what);
    const fallbacks = {
      other_name: () => this.#chooseOtherName(),
      other_codec: () => this.#pickCodec(),
      without_compression: () => goOnWithoutCompression(() => this.#submit()),
      free_space: () => this.picker.freeSpace().then(() => this.#submit()),
      upload: () => this.#uploadInstead(),
      retry: () => this.#submit(),
      reload: () => location.reload(),
    };
    const named = (error.fallbacks ?? []).some(({ id }) => id in fallbacks);
    showError(this.notice, error, { title: "The run did not start", fallbacks: named ? fallbacks : { retry: fallbacks.retry }, labels: { upload: "Upload data instead" }, isOnlyNamed: named });
  }

  #pickCodec() {
    const use = (codec) => {
      this.#set("codecs", [codec]);
      this.#drawViews();
      return this.#submit();
    };
    return pickCodec(this.status.codecs, { isForModel: true, use });
  }

  /** Leave out what the server may not read, and lead to where files are uploaded. */
  #uploadInstead() {
    this.picker.setData(this.picker.data().filter(({ upload }) => upload));
    this.picker.element.scrollIntoView({ block: "center" });
    this.picker.focus();
  }

  #chooseOtherName() {
    const name = this.values.name || this.recipe.name;
    const [, stem, number] = /^(.*?)(?:-(\d+))?$/.exec(name);
    const other = `${stem}-${Number(number ?? 1) + 1}`;
    this.fields.get("name").set(other);
    this.#set("name", other);
    return this.#submit();
  }
}

function recipeTitle(name) {
  const words = name.replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function section(title, hint, ...children) {
  return el("section", { class: "card stack-s" }, el("div", { class: "card-head" }, el("h2", { text: title }), el("p", { class: "small weak", text: hint })), children);
}

/** What an older run had that no field of this form stands for. */
function otherSettings({ recipe, others }) {
  const names = Object.keys(others);
  if (!names.length) return null;
  const list = names.map((name) => `${name} ${shown(others[name])}`).join("; ");
  return el("p", { class: "small weak", text: `Not in this form, so the new run has the recipe ${recipe}'s: ${list}. The command line sets these, too.` });
}

function patchChoices(current) {
  const known = [[1, "1: every bit"], [2, "2"], [4, "4"], [8, "8: bytes"], [9, "9: bytes with parity"], [16, "16"], [32, "32"]];
  const choices = known.some(([value]) => value === current) ? known : [[current, String(current)], ...known];
  return choices.map(([value, label]) => ({ value: String(value), label }));
}

function drawShares(bar, { compress, direct }) {
  const shares = [["raw", 1 - compress - direct], ["compressed", compress], ["direct", direct]];
  bar.setAttribute("aria-label", shares.map(([name, share]) => `${name} ${formatFraction(share)}`).join(", "));
  replaceChildren(
    bar,
    shares.filter(([, share]) => share > 0.001).map(([name, share]) => el("span", { class: `share share-${name}`, style: { "flex-grow": share } }, `${name} ${formatFraction(share)}`)),
  );
}
