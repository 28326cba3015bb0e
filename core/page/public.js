// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Serambi authors
//
// The visitor's page: one column, each plugin's part in its order, at the end where to ask.

import { fill, h } from './dom.js';
import { brand, createShell, currentRoute } from './shell.js';

const shell = await createShell('public');
shell.onLanguage = show;
globalThis.addEventListener('hashchange', route);

let parts = [];
let contact = null;

function show() {
  const { t } = shell;
  parts = shell.plugins.map((plugin) => ({
    id: plugin.id, node: shell.mount(plugin.id, plugin.element, { route: [] }),
  }));
  contact = h('section', { class: 'contact' },
    h('h2', {}, t('contact.title')),
    h('p', {}, t('contact.text')),
    h('p', { class: 'small' }, h('a', { href: '/staff' }, t('contact.staff'))));
  fill(document.body,
    h('a', { class: 'skip', href: '#main' , onclick: skip }, t('skip')),
    h('header', { class: 'porch' }, h('div', { class: 'wide' }, brand(t, '#/'), shell.languageChoice())),
    shell.head,
    h('main', { id: 'main', tabindex: '-1', class: 'wide' },
      h('h1', { class: 'unseen' }, t('public.title')), parts.map((part) => part.node), contact),
    shell.toasts);
  document.title = t('brand');
  route();
}

/** "#/tutorials/3" shows that plugin's view alone; anything else shows all. */
function route() {
  const [id, ...rest] = currentRoute();
  const alone = rest.length > 0 ? parts.find((part) => part.id === id) : undefined;
  const wasAlone = document.body.classList.contains('alone');
  document.body.classList.toggle('alone', Boolean(alone));
  for (const part of parts) {
    part.node.hidden = Boolean(alone) && part !== alone;
    part.node.visit?.(part === alone ? rest : []);
  }
  contact.hidden = Boolean(alone);
  if (alone || wasAlone) {
    globalThis.scrollTo(0, 0);
    document.getElementById('main').focus({ preventScroll: true });
  }
}

/** The address is a route, so the skip link moves the focus itself. */
function skip(event) {
  event.preventDefault();
  document.getElementById('main').focus();
}

show();
