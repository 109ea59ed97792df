/**
 * What a new run's form means: values over a recipe's defaults, as a request and as a command.
 *
 * Plain functions on plain values; the page draws them. `values` has what a person set, and only
 * that; what is missing is the recipe's.
 */

const MODEL_OPTIONS = ["patch_bits", "width", "depth", "context_patches"];
const OPTIONS = [...MODEL_OPTIONS, "batch_bytes", "seed", "threads", "compile", "evaluate_every", "telemetry_every", "sample_prompt"];

/** The value of one option: set by hand, or the recipe's. */
export function valueOf(values, recipe, name) {
  if (values[name] !== undefined && values[name] !== null) return values[name];
  return name === "budget" ? recipe.budget : recipe.defaults[name];
}

/** The shares of the views; without compression all sequences are raw. */
export function sharesOf(values, recipe, isCompressing) {
  if (!isCompressing) return { compress: 0, direct: 0 };
  const direct = valueOf(values, recipe, "direct_prob") ?? 0;
  return { compress: Math.min(valueOf(values, recipe, "compress_prob") ?? 0, 1 - direct), direct };
}

/** The body of POST /runs. Only what differs from the recipe is in it. */
export function requestOf(values, recipe, isCompressing) {
  const options = {};
  for (const name of OPTIONS) {
    const value = valueOf(values, recipe, name);
    if (!isSame(value, recipe.defaults[name])) options[name] = value;
  }
  const { compress, direct } = sharesOf(values, recipe, isCompressing);
  if (compress !== recipe.defaults.compress_prob) options.compress_prob = compress;
  if (direct !== recipe.defaults.direct_prob) options.direct_prob = direct;
  const codecs = valueOf(values, recipe, "codecs") ?? [];
  if (isCompressing && codecs.length && !isSame(codecs, recipe.defaults.codecs)) options.codecs = codecs;
  const body = { recipe: recipe.name, data: (values.data ?? []).map(({ upload, path }) => (upload ? { upload } : path)), options };
  if (values.name) body.name = values.name;
  const budget = valueOf(values, recipe, "budget");
  if (budget && budget !== recipe.budget) body.budget = budget;
  return body;
}

/** The same run as a command; uploaded files stand there by their names. */
export function commandOf(values, recipe, isCompressing) {
  const { options, budget, name } = requestOf(values, recipe, isCompressing);
  const words = ["bit-transformer train", ...(values.data ?? []).map((one) => quoted(one.path ?? one.name)), `--recipe ${recipe.name}`];
  if (budget) words.push(`--budget ${quoted(budget)}`);
  for (const [option, value] of Object.entries(options)) {
    const flag = MODEL_OPTIONS.includes(option) ? `model.${option}` : option;
    words.push(`--${flag} ${[value].flat().map(quoted).join(" ")}`);
  }
  if (name) words.push(`--run_dir ${quoted(`runs/${name}`)}`);
  return words.join(" ");
}

/** The values that make a run like one that there is, from its configuration. */
export function valuesOfConfig(config, recipe) {
  const values = {};
  for (const name of [...OPTIONS, "compress_prob", "direct_prob", "codecs"]) {
    const value = MODEL_OPTIONS.includes(name) ? config.model?.[name] : config[name];
    if (value !== undefined && !isSame(value, recipe.defaults[name])) values[name] = value;
  }
  if (config.budget && config.budget !== recipe.budget) values.budget = config.budget;
  return values;
}

function isSame(one, other) {
  return JSON.stringify(one ?? null) === JSON.stringify(other ?? null);
}

function quoted(word) {
  const text = String(word);
  return /^[\w./:=+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
