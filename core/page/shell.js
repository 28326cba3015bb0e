// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Serambi authors
//
// What the public page and the console share: the language, the live line, messages that come and
// go, questions, and the modules of the plugins.

import { api } from './api.js';
import { Connection } from './connection.js';
import { h, memory, picture } from './dom.js';
import { icons } from './icons.js';
import { Live, openWorker } from './live.js';
import { LANGUAGES, chooseLanguage, createWords, directionOf, pick } from './words.js';

const root = document.documentElement;
const TOAST_MILLISECONDS = 10000;
const TOLD_MOST = 5;

/** Loads words and the plugins' modules (name "public" or "staff"); gives the page's shell. */
export async function createShell(name) {
  const ids = (root.dataset.plugins ?? '').split(' ').filter((id) => id && !id.startsWith('{'));
  const shell = new Shell();
  const modules = ids.map((id) => import(`../${id}/${name}.js`).then(
    (module) => ({ id, order: 100, ...module.default }),
    (error) => {
      globalThis.reportError?.(error); // One plugin's fault does not take the page away.
      return null;
    }));
  await shell.speak(chooseLanguage(memory.get('language'), navigator.languages));
  shell.plugins = (await Promise.all(modules)).filter(Boolean).sort((a, b) => a.order - b.order);
  return shell;
}

class Shell {
  plugins = [];
  session = { user: '', role: 'public' };
  onLanguage = () => {};
  onStranger = () => {}; // The server no longer knows who we are.

  constructor() {
    const protocol = location.protocol === 'https:' ? 'wss:' : 'ws:';
    this.live = new Live(`${protocol}//${location.host}/connection/websocket`,
      { storage: sessionOrNone(), openWorker });
    this.connection = new Connection(this.live);
    // What screen readers are told, one sentence after another: in their time, and at once.
    this.told = h('div', { class: 'unseen', role: 'log' });
    this.alarm = h('div', { class: 'unseen', role: 'alert' });
    this.toasts = h('div', { class: 'toasts', role: 'status', 'aria-live': 'polite' });
  }

  async speak(language) {
    const response = await fetch(`/a/${root.dataset.version}/words/${language}.json`);
    this.catalogue = await response.json();
    this.language = language;
    this.t = this.words('core');
    this.connection.speak(this.t);
    root.lang = language;
    root.dir = directionOf(language);
  }

  words(owner) {
    return createWords(this.catalogue, this.language, owner);
  }

  /** What an element of a plugin gets as .app. */
  appFor(id) {
    const t = this.words(id);
    return {
      live: this.live,
      api: async (...request) => {
        try {
          return await api(...request);
        } catch (error) {
          if (error.status === 401 && error.code !== 'login.wrong') this.onStranger();
          throw error;
        }
      },
      t,
      words: t,
      language: this.language,
      session: this.session,
      pick: (texts) => pick(texts, this.language),
      navigate: (route) => {
        location.hash = `#/${route}`;
      },
      icon: (name) => picture(icons[name] ?? icons.dot),
      asOf: () => this.connection.mark(),
      tell: (...words) => this.tell(this.told, words),
      alarm: (...words) => this.tell(this.alarm, words),
      toast: (text, undo) => this.toast(text, undo),
      fail: (error) => this.toast(t.message(error)),
      confirm: (question) => this.confirm(question),
    };
  }

  mount(plugin, element, props = {}) {
    const node = document.createElement(element);
    node.app = this.appFor(plugin);
    Object.assign(node, props);
    return node;
  }

  languageChoice() {
    const choice = h('select', {
      class: 'language',
      'aria-label': this.t('language'),
      onchange: async () => {
        memory.set('language', choice.value);
        await this.speak(choice.value);
        this.onLanguage();
      },
    }, LANGUAGES.map((code) => h('option',
      { value: code, lang: code, selected: code === this.language }, this.t.languageName(code))));
    return choice;
  }

  /** What stands above every page, seen or not. */
  get head() {
    return [...this.connection.nodes, this.told, this.alarm];
  }

  tell(region, words) {
    region.append(h('p', {}, words));
    while (region.childElementCount > TOLD_MOST) region.firstChild.remove();
  }

  /** undo: {label, act}; the message stays while it is pointed at. */
  toast(text, undo) {
    const close = () => note.remove();
    let timer = setTimeout(close, TOAST_MILLISECONDS);
    const note = h('div', {
      class: 'toast',
      onpointerenter: () => clearTimeout(timer),
      onfocusin: () => clearTimeout(timer),
      onpointerleave: () => {
        clearTimeout(timer);
        timer = setTimeout(close, TOAST_MILLISECONDS);
      },
    }, h('span', {}, text), undo && h('button', {
      type: 'button',
      onclick: () => {
        close();
        undo.act();
      },
    }, undo.label ?? this.t('undo')));
    this.toasts.replaceChildren(note); // One at a time: an older undo may no longer fit.
  }

  /** {title, text, action, danger}: resolves to true when the person agrees. */
  confirm({ title, text, action, danger }) {
    return new Promise((resolve) => {
      const heading = h('h2', { id: 'question' }, title);
      const dialog = h('dialog', { 'aria-labelledby': 'question' }, heading, text && h('p', {}, text),
        h('div', { class: 'actions' },
          h('button', { type: 'button', class: 'quiet', onclick: () => dialog.close('') },
            this.t('cancel')),
          h('button', {
            type: 'button',
            class: danger ? 'danger' : 'primary',
            onclick: () => dialog.close('yes'),
          }, action)));
      dialog.addEventListener('close', () => {
        resolve(dialog.returnValue === 'yes');
        dialog.remove();
      });
      document.body.append(dialog);
      dialog.showModal();
    });
  }
}

function sessionOrNone() {
  try {
    return globalThis.sessionStorage;
  } catch {
    return undefined; // The browser keeps nothing for us: a reload begins at the newest entry.
  }
}

/** Route in the address: "#/tutorials/3" is ['tutorials', '3']. */
export function currentRoute() {
  return location.hash.replace(/^#\/?/, '').split('/').filter(Boolean).map((part) => {
    try {
      return decodeURIComponent(part);
    } catch {
      return part;
    }
  });
}

export function brand(t, href) {
  return h('a', { class: 'brand', href }, picture(icons.porch, 'mark'), h('span', {}, t('brand')));
}
