/**
 * DOM elements out of calls, so that no page builds HTML out of text.
 *
 *   el("button", { class: "button", onclick: save, disabled: true }, icon("save"), "Save")
 *   svg("path", { d: "M0 0" })
 *   replaceChildren(container, a, [b, c], null)      // null, undefined and false are left out
 *
 * Text is always text: there is no way to pass markup, so data can't become markup. Styles go
 * through the object model (`style: { "--share": 0.4 }`), which a strict content policy allows.
 */

const SVG = "http://www.w3.org/2000/svg";

/** An HTML element. Attributes: `on…` are listeners, `style` and `dataset` objects, `text` content. */
export function el(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** The same for SVG. */
export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

/** The children of `parent` are these now: nodes, texts, lists of them, or nothing. */
export function replaceChildren(parent, ...children) {
  parent.replaceChildren(...flatten(children));
  return parent;
}

/** A word that no other element of the page has as its id. */
export function uniqueId(stem) {
  uniqueId.count = (uniqueId.count ?? 0) + 1;
  return `${stem}-${uniqueId.count}`;
}

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) setAttribute(node, name, value);
  node.append(...flatten(children));
  return node;
}

function setAttribute(node, name, value) {
  if (value === null || value === undefined || value === false) return;
  if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
  else if (name === "text") node.textContent = value;
  else if (name === "dataset") Object.assign(node.dataset, value);
  else if (name === "style") {
    for (const [key, item] of Object.entries(value)) node.style.setProperty(key, item);
  } else if (name === "value" || name === "checked") node[name] = value;
  else node.setAttribute(name, value === true ? "" : value);
}

function flatten(children) {
  return children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false);
}
