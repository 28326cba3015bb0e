// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Serambi authors
//
// The kiosk's page: languages as large buttons, the plugins' parts, and a way back to the first view
// for the next person. Nobody is sent away without being asked first (WCAG 2.2.1).

import { fill, h, memory, say } from './dom.js';
import { brand, createShell } from './shell.js';
import { LANGUAGES } from './words.js';

const IDLE_SECONDS = 60;
const ASKED_SECONDS = 20;
// A page that stays open for months takes up a new version of the server, while nobody is there.
const RELOAD_MILLISECONDS = 6 * 3600e3;

const shell = await createShell('kiosk');
const begun = Date.now();
let parts = [];
let idle = 0;
let question = null;

/** The language that the kiosk begins with: that of its browser, whoever spoke last. */
const first = LANGUAGES.find((code) => navigator.languages.some((tag) => tag.toLowerCase().startsWith(code))) ?? 'id';

function show() {
  const { t } = shell;
  const choice = h('nav', { class: 'languages', 'aria-label': t('language') }, LANGUAGES.map((code) => h('button', {
    type: 'button', lang: code, 'aria-pressed': String(code === shell.language), onclick: () => speak(code),
  }, t.languageName(code))));
  parts = shell.plugins.map((plugin) => shell.mount(plugin.id, plugin.element, { goFirst: goHome }));
  fill(document.body,
    h('header', { class: 'porch' }, h('div', { class: 'wide' }, brand(t, '/kiosk'), choice)),
    shell.head, h('main', { id: 'main', class: 'wide' }, parts), shell.toasts);
  document.title = t('kiosk.title');
}

async function speak(language) {
  if (language === shell.language) return;
  const kept = parts.map((part) => part.keep?.());
  try {
    await shell.speak(language);
  } catch {
    shell.toast(shell.t('error.offline'));
    return;
  }
  memory.set('language', null); // The next person chooses anew.
  show();
  parts.forEach((part, at) => part.takeUp?.(kept[at]));
  document.querySelector(`.languages button[lang=${language}]`).focus();
}

function isAtHome() {
  return shell.language === first && parts.every((part) => part.isAtHome ?? true);
}

async function goHome() {
  question?.close();
  idle = 0;
  if (Date.now() - begun > RELOAD_MILLISECONDS && shell.live.state === 'online') {
    location.reload();
    return;
  }
  if (shell.language !== first) await speak(first);
  for (const part of parts) part.goHome?.();
  globalThis.scrollTo(0, 0);
}

function stay() {
  idle = 0;
}

function tick() {
  if (isAtHome()) {
    idle = 0;
    return;
  }
  idle += 1;
  if (idle >= IDLE_SECONDS + ASKED_SECONDS) goHome();
  else if (idle >= IDLE_SECONDS) ask(IDLE_SECONDS + ASKED_SECONDS - idle);
}

function ask(seconds) {
  const { t } = shell;
  if (!question) {
    const left = h('p', { class: 'left' });
    const dialog = h('dialog', { 'aria-labelledby': 'still-there', onclose: () => {
      dialog.remove();
      question = null;
      idle = 0;
    } }, h('h2', { id: 'still-there' }, t('kiosk.there')), left,
    h('div', { class: 'actions' }, h('button', { type: 'button', class: 'primary', onclick: () => dialog.close() }, t('kiosk.stay')),
      h('button', { type: 'button', onclick: goHome }, t('kiosk.end'))));
    question = dialog;
    dialog.left = left;
    document.body.append(dialog);
    dialog.showModal();
  }
  say(question.left, t('kiosk.left', { n: seconds }));
}

for (const type of ['pointerdown', 'keydown', 'touchstart']) document.addEventListener(type, stay, { passive: true });
// A keypad's digit presses the button of that place.
document.addEventListener('keydown', (event) => {
  if (!/^[1-9]$/.test(event.key) || event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
  const root = question ?? document.getElementById('main');
  [...root.querySelectorAll('button:not(:disabled)')].filter((one) => one.checkVisibility())[Number(event.key) - 1]?.click();
});
document.addEventListener('contextmenu', (event) => event.preventDefault());
setInterval(tick, 1000);
if (shell.language !== first) await shell.speak(first);
show();
