// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Serambi authors
//
// Elements without a framework: h() makes them, Part is a custom element that tidies up after
// itself, list() keeps a list of nodes in step with a list of things.

const PROPERTIES = new Set(['value', 'checked', 'disabled', 'hidden', 'selected', 'indeterminate']);
const SVG = 'http://www.w3.org/2000/svg';

/** h('button', {class: 'quiet', onclick: f}, 'text', node, [more]); null and false leave out. */
export function h(tag, props, ...children) {
  const element = document.createElement(tag);
  set(element, props);
  element.append(...flat(children));
  return element;
}

/** Attributes, properties (value, hidden ...) and listeners (on...) of an element. */
export function set(element, props) {
  for (const [name, value] of Object.entries(props ?? {})) {
    if (name.startsWith('on')) {
      if (value) element.addEventListener(name.slice(2), value);
    } else if (PROPERTIES.has(name)) {
      if (value !== undefined) element[name] = value;
    } else if (value === null || value === undefined || value === false) {
      element.removeAttribute(name);
    } else {
      element.setAttribute(name, value === true ? '' : value);
    }
  }
  return element;
}

/** Replaces the children of an element. */
export function fill(element, ...children) {
  element.replaceChildren(...flat(children));
  return element;
}

/** Writes a text only when it differs: a live region speaks only what is new. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
  return element;
}

function flat(children) {
  return children.flat(Infinity).filter((child) => child !== null && child !== undefined &&
    child !== false && child !== '');
}

/** An SVG picture of one path in a box of 24; decoration, hidden from readers. */
export function picture(path, className = 'icon') {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('class', className);
  svg.setAttribute('aria-hidden', 'true');
  const line = document.createElementNS(SVG, 'path');
  line.setAttribute('d', path);
  svg.append(line);
  return svg;
}

/** Text whose language and direction may not be the page's: names, labels, foreign titles. */
export function bdi(text, language, className) {
  return h('bdi', { lang: language, class: className }, text);
}

/**
 * Keeps parent's children in step with items. make(item) gives a node; a node with update(item)
 * is kept and updated, so focus and open menus survive; others are made again when the item's
 * JSON differs.
 */
export function list(parent, items, keyOf, make) {
  const old = parent.listed ?? new Map();
  const listed = new Map();
  let place = parent.firstChild;
  for (const item of items) {
    const key = keyOf(item);
    const text = JSON.stringify(item);
    let entry = old.get(key);
    if (entry && entry.text !== text) {
      if (entry.node.update) {
        entry.node.update(item);
      } else {
        const node = make(item);
        if (entry.node === place) place = node;
        entry.node.replaceWith(node);
        entry.node = node;
      }
      entry.text = text;
    } else if (!entry) {
      entry = { node: make(item), text };
    }
    listed.set(key, entry);
    if (entry.node === place) place = place.nextSibling;
    else parent.insertBefore(entry.node, place);
  }
  for (const [key, entry] of old) if (!listed.has(key)) entry.node.remove();
  parent.listed = listed;
}

/** A custom element of a page. start() builds it once; what until() was given ends with it. */
export class Part extends HTMLElement {
  #ends = [];

  connectedCallback() {
    this.#ends = [];
    this.start();
  }

  disconnectedCallback() {
    for (const end of this.#ends) end();
    this.#ends = [];
  }

  until(end) {
    this.#ends.push(end);
  }

  listen(target, type, listener) {
    target.addEventListener(type, listener);
    this.until(() => target.removeEventListener(type, listener));
  }

  every(seconds, work) {
    const timer = setInterval(work, seconds * 1000);
    this.until(() => clearInterval(timer));
  }

  /** State channel: onValue with every newest value. */
  follow(channel, onValue) {
    this.until(this.app.live.subscribe(channel, 'state', onValue));
  }
}

/** Registers a custom element once, also when a module is evaluated twice. */
export function define(name, constructor) {
  if (!customElements.get(name)) customElements.define(name, constructor);
}

/** Random text for request keys; works without https, where randomUUID() does not. */
export function randomKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return btoa(String.fromCharCode(...bytes)).replace(/\+/g, '-').replace(/\//g, '_').slice(0, 22);
}

/** What this browser remembers; nothing breaks where it may not. */
export const memory = {
  get(key, area = localStorageOrNone()) {
    try {
      return JSON.parse(area?.getItem(key) ?? 'null');
    } catch {
      return null;
    }
  },
  set(key, value, area = localStorageOrNone()) {
    try {
      if (value === null) area?.removeItem(key);
      else area?.setItem(key, JSON.stringify(value));
    } catch {
      // Full or forbidden: the page works without.
    }
  },
};

function localStorageOrNone() {
  try {
    return globalThis.localStorage;
  } catch {
    return null;
  }
}
