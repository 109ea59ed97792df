/*
 * What a page is like for those who see little, hear it read out, or have no pointer.
 *
 * Evaluated in the page by accessibility.py: an object of functions, each of which returns what is
 * wrong as a list of sentences, or for the way of the Tab key where it is.
 */
({
  contrast: () => {
    const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    const parse = (colour) => {
      canvas.clearRect(0, 0, 1, 1);
      canvas.fillStyle = colour;
      canvas.fillRect(0, 0, 1, 1);
      const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
      return [r, g, b, a / 255];
    };
    const over = ([r, g, b, a], [x, y, z]) => [r * a + x * (1 - a), g * a + y * (1 - a), b * a + z * (1 - a), 1];
    const ground = (element) => {
      const layers = [];
      for (let one = element; one; one = one.parentElement) {
        const style = getComputedStyle(one);
        if (style.backgroundImage !== "none") return null;
        layers.push(parse(style.backgroundColor));
        if (layers.at(-1)[3] === 1) break;
      }
      return layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255, 1]);
    };
    const light = ([r, g, b]) => {
      const [x, y, z] = [r, g, b].map((one) => one / 255).map((one) => (one <= 0.03928 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4));
      return 0.2126 * x + 0.7152 * y + 0.0722 * z;
    };
    const ratio = (one, two) => {
      const [high, low] = [light(one), light(two)].sort((a, b) => b - a);
      return (high + 0.05) / (low + 0.05);
    };
    const isShown = (element) => element.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && !element.closest('.visually-hidden, :disabled, [aria-disabled="true"], .is-stale');
    const found = new Map();
    const check = (element, colour, text, style) => {
      const below = ground(element);
      if (!below) return;
      const size = parseFloat(style.fontSize);
      const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
      const value = ratio(over(parse(colour), below), below);
      if (value >= (isLarge ? 3 : 4.5)) return;
      const where = `${element.tagName.toLowerCase()}.${[...element.classList].join(".")}`;
      found.set(where, `${where}: ${value.toFixed(2)} for "${text.trim().slice(0, 30)}"`);
    };
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const element = node.parentElement;
      if (!node.textContent.trim() || ["SCRIPT", "STYLE", "OPTION", "NOSCRIPT"].includes(element.tagName)) continue;
      if (element.namespaceURI !== "http://www.w3.org/1999/xhtml" || !isShown(element)) continue;
      const style = getComputedStyle(element);
      check(element, style.color, node.textContent, style);
    }
    for (const input of document.querySelectorAll("input[placeholder], textarea[placeholder]")) {
      if (!isShown(input) || !input.placeholder) continue;
      check(input, getComputedStyle(input, "::placeholder").color, input.placeholder, getComputedStyle(input));
    }
    return [...found.values()];
  },

  structure: () => {
    const found = [];
    const shown = (selector) => [...document.querySelectorAll(selector)].filter((one) => one.checkVisibility());
    if (!document.documentElement.lang) found.push("the page has no language");
    if (!document.title.includes("BitTransformerLM")) found.push(`the title is ${document.title}`);
    for (const landmark of ["main", "nav", "header"]) if (shown(landmark).length < 1) found.push(`no ${landmark}`);
    if (shown("h1").length !== 1) found.push(`${shown("h1").length} headings of level 1`);
    const levels = shown("h1, h2, h3, h4").map((one) => [Number(one.tagName[1]), one.textContent]);
    levels.forEach(([level, text], place) => {
      if (place && level > levels[place - 1][0] + 1) found.push(`heading ${level} "${text}" follows one of level ${levels[place - 1][0]}`);
    });
    const ids = [...document.querySelectorAll("[id]")].filter((one) => !one.closest("svg")).map((one) => one.id);
    for (const id of new Set(ids.filter((id, place) => ids.indexOf(id) !== place))) found.push(`two elements have the id ${id}`);
    for (const name of ["aria-labelledby", "aria-describedby", "aria-controls", "for"]) {
      for (const one of document.querySelectorAll(`[${name}]`)) {
        for (const id of one.getAttribute(name).split(/\s+/)) {
          if (id && !document.getElementById(id)) found.push(`${name} of ${one.tagName} names ${id}, which is not there`);
        }
      }
    }
    for (const one of document.querySelectorAll("[tabindex]")) if (one.tabIndex > 0) found.push(`${one.className} has tabindex ${one.tabIndex}`);
    for (const table of shown("table")) if (!table.querySelector("th[scope]")) found.push(`a table ${table.className} has no headings`);
    for (const one of shown("[aria-hidden=true]")) if (one.querySelector("a, button, input, select, textarea, [tabindex='0']")) found.push(`${one.className} hides what can be focused`);
    return found;
  },

  overflow: () => {
    const width = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= width) return [];
    const isClipped = (element) => {
      for (let one = element.parentElement; one; one = one.parentElement) {
        if (getComputedStyle(one).overflowX !== "visible") return one !== document.documentElement;
      }
      return false;
    };
    const reaching = [...document.querySelectorAll("body *")]
      .filter((one) => one.checkVisibility() && !isClipped(one))
      .map((one) => [one, Math.round(one.getBoundingClientRect().right)])
      .filter(([, right]) => right > width + 1)
      .map(([one, right]) => `${one.tagName.toLowerCase()}.${one.className} reaches ${right}`);
    return [`the page is ${document.documentElement.scrollWidth} wide in ${width}`, ...reaching];
  },

  targets: () => [...document.querySelectorAll("button, select, summary, input:not([type=radio]):not([type=checkbox]):not(.visually-hidden), label.choice-item, label.check")]
    .filter((one) => one.checkVisibility() && !one.closest(".visually-hidden, .js-plotly-plot"))
    .map((one) => [one, one.getBoundingClientRect()])
    .filter(([, box]) => box.width < 24 || box.height < 24)
    .map(([one, box]) => `${one.tagName.toLowerCase()}.${one.className} is ${Math.round(box.width)} by ${Math.round(box.height)}`),

  markStops: () => {
    const all = [...document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex='0']")]
      .filter((one) => one.checkVisibility({ visibilityProperty: true }) && !one.disabled && one.tabIndex >= 0);
    const groups = new Set();
    const stops = all.filter((one) => {
      if (one.type !== "radio") return true;
      const isFirst = !groups.has(one.name);
      groups.add(one.name);
      return isFirst;
    });
    window.__stops = stops;
    stops[0].focus();
    return stops.length;
  },

  focused: () => {
    const one = document.activeElement;
    if (!one || one === document.body) return null;
    const place = window.__stops.findIndex((stop) => stop === one || (one.type === "radio" && stop.name === one.name));
    const around = [one, one.nextElementSibling, one.parentElement, one.closest("label")].filter(Boolean);
    const isMarked = around.some((each) => {
      const { outlineStyle, outlineWidth } = getComputedStyle(each);
      return outlineStyle !== "none" && parseFloat(outlineWidth) >= 2;
    });
    const name = `${one.tagName.toLowerCase()}.${one.className} "${(one.getAttribute("aria-label") ?? one.textContent).trim().slice(0, 30)}"`;
    return { place, isMarked, name };
  },
})
