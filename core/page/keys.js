// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Serambi authors
//
// The keyboard: "?" shows all keys, "g" and a letter goes to a section, single keys of a section
// act while it is shown. Who does not want single keys switches them off.

import { h, memory } from './dom.js';

const TOGETHER_MILLISECONDS = 1500;

function isTyping(event) {
  const target = event.composedPath()[0];
  return target instanceof Element && (target.isContentEditable ||
    ['INPUT', 'TEXTAREA', 'SELECT', 'VIDEO'].includes(target.tagName));
}

/** {sections(): [{key, title, go()}], current(): [{key, title, act()}], t()} */
export class Keys {
  #options;
  #going = 0;

  constructor(options) {
    this.#options = options;
    document.addEventListener('keydown', (event) => this.#onKey(event));
  }

  get isOn() {
    return memory.get('keys') !== 'off';
  }

  set isOn(value) {
    memory.set('keys', value ? null : 'off');
  }

  #onKey(event) {
    if (event.ctrlKey || event.altKey || event.metaKey || event.repeat || isTyping(event)) return;
    if (document.querySelector('dialog[open]')) return;
    if (event.key === '?') {
      event.preventDefault();
      this.show();
      return;
    }
    if (!this.isOn) return;
    const letter = event.key.toLowerCase();
    if (Date.now() - this.#going < TOGETHER_MILLISECONDS) {
      this.#going = 0;
      const section = this.#options.sections().find((one) => one.key === letter);
      if (section) {
        event.preventDefault();
        section.go();
      }
      return;
    }
    if (letter === 'g') {
      this.#going = Date.now();
      return;
    }
    const single = this.#options.current().find((one) => one.key === letter);
    if (single) {
      event.preventDefault();
      single.act();
    }
  }

  show() {
    if (document.querySelector('dialog[open]')) return;
    const t = this.#options.t();
    const row = (keys, title) => h('div', {}, h('dt', {}, keys.map((key) => h('kbd', {}, key.toUpperCase()))),
      h('dd', {}, title));
    const rows = [
      ...this.#options.current().map((one) => row([one.key], one.title)),
      ...this.#options.sections().filter((one) => one.key).map((one) => row(['g', one.key], one.title)),
      row(['?'], t('keys.help')),
    ];
    const toggle = h('input', {
      type: 'checkbox', checked: this.isOn, onchange: () => {
        this.isOn = toggle.checked;
      },
    });
    const dialog = h('dialog', { 'aria-labelledby': 'keys-title', onclose: () => dialog.remove() },
      h('h2', { id: 'keys-title' }, t('keys.title')), h('dl', { class: 'keys' }, rows),
      h('label', { class: 'choice' }, toggle, h('span', {}, t('keys.on'))),
      h('div', { class: 'actions' }, h('button', { type: 'button', class: 'primary', onclick: () => dialog.close() },
        t('close'))));
    document.body.append(dialog);
    dialog.showModal();
  }
}
