// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Serambi authors
//
// The console: who is there, a rail of sections (each plugin's own), one section at a time.

import { api } from './api.js';
import { fill, h, picture } from './dom.js';
import { field, form } from './form.js';
import { icons } from './icons.js';
import { Keys } from './keys.js';
import { brand, createShell, currentRoute } from './shell.js';
import './now.js';
import './settings.js';

const CORE = [
  { id: 'now', owner: 'core', order: -1, title: 'now.title', icon: 'home', element: 'core-now', key: 'n' },
  { id: 'settings', owner: 'core', order: 1000, title: 'settings.title', icon: 'gear', element: 'core-settings', key: 's' },
];

const shell = await createShell('staff');
shell.onLanguage = show;
globalThis.addEventListener('hashchange', () => isIn() && route());

const sections = [...shell.plugins.map((plugin) => ({ owner: plugin.id, ...plugin })), ...CORE]
  .sort((a, b) => a.order - b.order);
let shown = null; // {id, node}
let place = null;
let links = new Map();
const keys = new Keys({
  t: () => shell.t,
  sections: () => (isIn() ? mine().map((section) => ({
    key: section.key, title: shell.words(section.owner)(section.title), go: () => go(section.id),
  })) : []),
  current: () => shown?.node.keys?.() ?? [],
});

function isIn() {
  return shell.session.role !== 'public';
}

/** The sections that the person's role may use. */
function mine() {
  const { role } = shell.session;
  return sections.filter((section) => !section.roles || role === 'admin' || section.roles.includes(role));
}

function go(id) {
  location.hash = `#/${id}`;
}

async function begin() {
  try {
    shell.session = await api('GET', 'session');
  } catch {
    shell.session = { user: '', role: 'public' };
  }
  show();
}

function show() {
  shown = null;
  shell.toasts.replaceChildren();
  if (isIn()) showConsole();
  else showLogin();
}

function head(...extra) {
  const { t } = shell;
  return h('header', { class: 'porch' }, h('div', { class: 'wide' }, brand(t, isIn() ? '#/now' : '/'),
    h('div', { class: 'actions' }, extra, shell.languageChoice())));
}

function showLogin() {
  const { t } = shell;
  document.title = t('login.page');
  const name = field({ label: t('login.name'), control: h('input', { name: 'name', autocomplete: 'username', autocapitalize: 'none', spellcheck: 'false', required: true, maxlength: 64 }) });
  const password = field({ label: t('login.password'), control: h('input', { name: 'password', type: 'password', autocomplete: 'current-password', required: true, maxlength: 256 }) });
  const act = async () => {
    const isMissing = [[name, 'login.name.missing'], [password, 'login.password.missing']]
      .map(([one, key]) => (one.control.value.trim() ? false : one.complain(t(key)))).some(Boolean);
    if (isMissing) return;
    try {
      shell.session = await api('POST', 'session', { name: name.control.value.trim(), password: password.control.value });
    } catch (error) {
      if (error.code === 'login.wrong') password.control.value = '';
      throw error;
    }
    shell.live.restart();
    show();
    place.focus();
  };
  fill(document.body, head(), shell.head, h('main', { id: 'main', class: 'wide login' },
    h('div', { class: 'card' }, h('h1', {}, t('login.title')), h('p', { class: 'quietly' }, t('login.text')),
      form({ t, fields: [name, password], submit: t('login.submit'), act })),
    h('p', { class: 'small' }, h('a', { href: '/' }, t('login.back')))), shell.toasts);
  name.control.focus();
}

function showConsole() {
  const { t } = shell;
  links = new Map();
  const rail = h('nav', { class: 'rail', 'aria-label': t('rail') }, h('ul', {}, mine().map((section) => {
    const link = h('a', { href: `#/${section.id}` }, picture(icons[section.icon] ?? icons.dot),
      h('span', {}, shell.words(section.owner)(section.title)));
    links.set(section.id, link);
    return h('li', {}, link);
  })));
  place = h('main', { id: 'main', tabindex: '-1' });
  fill(document.body,
    h('a', { class: 'skip', href: '#main', onclick: (event) => {
      event.preventDefault();
      place.focus();
    } }, t('skip')),
    head(h('button', { type: 'button', class: 'plain help', 'aria-label': t('keys.title'), onclick: () => keys.show() }, '?'),
      h('button', { type: 'button', class: 'plain', onclick: logOut }, picture(icons.leave, 'icon turns'),
        h('span', { class: 'who' }, t('logout')))),
    shell.head,
    h('div', { class: 'console' }, rail, place), shell.toasts);
  route();
}

function route() {
  const [wanted, ...rest] = currentRoute();
  const section = mine().find((one) => one.id === wanted) ?? mine()[0];
  if (shown?.id === section.id) {
    shown.node.visit?.(rest);
    return;
  }
  const t = shell.words(section.owner);
  const title = t(section.title);
  document.title = t('console.page', { section: title });
  for (const [id, link] of links) {
    if (id === section.id) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
  links.get(section.id)?.scrollIntoView?.({ block: 'nearest', inline: 'nearest' });
  const isFirst = shown === null;
  const node = shell.mount(section.owner, section.element, { route: rest, plugins: shell.plugins, shell });
  shown = { id: section.id, node };
  fill(place, h('h1', {}, title), node);
  node.visit?.(rest);
  if (!isFirst) {
    globalThis.scrollTo(0, 0);
    place.focus({ preventScroll: true });
  }
}

async function logOut() {
  try {
    await api('DELETE', 'session');
  } catch (error) {
    shell.toast(shell.t.message(error));
    return;
  }
  shell.session = { user: '', role: 'public' };
  shell.live.restart();
  show();
}

// A session that ended elsewhere is noticed by a refused request, or when the page comes to sight.
shell.onStranger = () => {
  if (!isIn()) return;
  shell.session = { user: '', role: 'public' };
  show();
  shell.toast(shell.t('login.ended'));
};
document.addEventListener('visibilitychange', async () => {
  if (document.visibilityState !== 'visible' || !isIn()) return;
  const session = await api('GET', 'session').catch(() => null);
  if (session?.role === 'public') shell.onStranger();
});

await begin();
