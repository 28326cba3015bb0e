// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Serambi authors
//
// The screens: which there are, how they are, letting one in, how each is arranged.

import { Part, bdi, define, fill, h, list, set } from '../core/dom.js';
import { field, form, select } from '../core/form.js';

const LAYOUTS = ['cinema', 'desk', 'board'];
const CODE = /^[0-9A-HJKMNP-TV-Z]{8}$/;

/** What a person types for what the screen shows: o is 0, i and l are 1, any case, any dash. */
function tidy(text) {
  const code = text.toUpperCase().replace(/[\s-]/g, '').replace(/O/g, '0').replace(/[IL]/g, '1');
  return CODE.test(code) ? `${code.slice(0, 4)}-${code.slice(4)}` : null;
}

class DisplaysStaff extends Part {
  start() {
    const { t, session } = this.app;
    this.isAdmin = session.role === 'admin';
    this.mayEdit = ['editor', 'admin'].includes(session.role);
    this.screens = h('ul', { class: 'screens' });
    this.none = h('p', { class: 'empty', hidden: true }, t(this.isAdmin ? 'none.admin' : 'none'));
    this.pending = h('ul', { class: 'rows' });
    this.waiting = h('div', { class: 'stack', hidden: true, 'aria-live': 'polite' }, h('h3', {}, t('pending.title')), this.pending);
    this.step = h('div', { class: 'card', hidden: true });
    fill(this, this.step, this.screens, this.none,
      this.isAdmin && h('section', { class: 'card' }, h('h2', {}, t('approve.title')), h('p', { class: 'quietly' }, t('approve.text')),
        this.waiting, this.approveForm()));
    this.follow('displays:list', () => this.read());
    this.every(30, () => this.read());
    this.read();
  }

  async read() {
    try {
      const { displays, pending, step } = await this.app.api('GET', 'displays/');
      list(this.screens, displays, (one) => one.id, (one) => this.card(one));
      this.none.hidden = displays.length > 0;
      this.showStep(step);
      const { t } = this.app;
      const asking = (pending ?? []).map((one, at) => ({ ...one, at }));
      list(this.pending, asking, (one) => one.at, (one) => h('li', {}, h('div', { class: 'grow' }, bdi(one.name || t('pending.unnamed'))),
        h('span', { class: 'small quietly' }, t('pending.since', { time: t.moment(one.asked_us) }))));
      this.waiting.hidden = asking.length === 0;
    } catch (error) {
      if (error.status !== 0) this.app.fail(error);
    }
  }

  /** How far the screens are apart, and what to do when people may notice. */
  showStep(step) {
    const { t } = this.app;
    this.step.hidden = !step?.screens;
    if (this.step.hidden) return;
    const isAlone = step.advice === 'alone';
    const ms = String(Math.max(1, Math.ceil(step.within_us / 1000)));
    fill(this.step, h('h2', {}, t('step.title')),
      h('p', {}, isAlone ? t('step.alone')
        : h('span', { class: step.is_bad ? 'chip amber' : 'chip' }, t('step.within', { count: String(step.screens), ms }))),
      !isAlone && step.advice !== 'good' && h('p', { class: 'small' }, t(`step.${step.advice}`, { count: String(step.by_link) })));
  }

  card(one) {
    const { t, icon } = this.app;
    return h('li', { class: 'card screen' },
      h('div', { class: `glass shape-${one.layout} ${one.height > one.width ? 'tall' : ''}`, 'aria-hidden': 'true' },
        h('i', {}, icon('play')), h('i'), h('i')),
      h('h2', {}, bdi(one.name)),
      h('p', {}, h('span', { class: one.online ? 'chip' : 'chip amber' }, t(one.online ? 'online' : 'offline')), ' ',
        h('span', { class: 'small quietly' }, [t(`layout.${one.layout}`), one.width && t('pixels', { width: String(one.width), height: String(one.height) }),
          !one.online && one.last_seen_us && t('seen', { time: t.moment(one.last_seen_us) })].filter(Boolean).join(t('separator')))),
      !one.online && h('p', { class: 'small' }, t('offline.more')),
      h('div', { class: 'actions' },
        this.mayEdit && h('button', { type: 'button', onclick: () => this.edit(one) }, t('edit'), h('span', { class: 'unseen' }, one.name)),
        this.isAdmin && h('button', { type: 'button', class: 'quiet danger', onclick: () => this.remove(one) }, t('remove'), h('span', { class: 'unseen' }, one.name))));
  }

  approveForm() {
    const { t, api, toast } = this.app;
    const code = field({
      label: t('approve.code'), hint: t('approve.hint'),
      control: h('input', { name: 'code', autocomplete: 'off', autocapitalize: 'characters', spellcheck: 'false', maxlength: 12, dir: 'ltr', class: 'code-input' }),
    });
    const name = field({ label: t('approve.name'), control: h('input', { name: 'name', maxlength: 60, dir: 'auto' }) });
    const node = form({
      t,
      fields: [code, name],
      submit: t('approve.submit'),
      act: async () => {
        const tidied = tidy(code.control.value);
        const isWrong = [code.complain(!tidied && t('displays.wrong_code')), name.complain(!name.control.value.trim() && t('name.missing'))];
        if (isWrong.some(Boolean)) return;
        try {
          await api('POST', 'displays/approve', { code: tidied, name: name.control.value.trim() });
        } catch (error) {
          if (error.code !== 'displays.wrong_code') throw error;
          code.complain(t.message(error));
          return;
        }
        toast(t('approve.done', { name: name.control.value.trim() }));
        node.reset();
        this.read();
      },
    });
    return node;
  }

  edit(one) {
    const { t, api } = this.app;
    const name = field({ label: t('approve.name'), control: set(h('input', { maxlength: 60, dir: 'auto' }), { value: one.name }) });
    const layout = field({ label: t('layout'), hint: t('layout.more'), control: select(LAYOUTS.map((key) => [key, t(`layout.${key}`)]), one.layout) });
    const volume = field({ label: t('volume'), control: set(h('input', { type: 'range', min: 0, max: 100, step: 5 }), { value: one.volume ?? one.status?.volume ?? 80 }) });
    const dialog = h('dialog', { 'aria-labelledby': 'screen-title', onclose: () => dialog.remove() },
      h('h2', { id: 'screen-title' }, bdi(one.name)),
      form({
        t,
        fields: [name, layout, volume],
        submit: t('save'),
        extra: h('button', { type: 'button', class: 'quiet', onclick: () => dialog.close() }, t('cancel')),
        act: async () => {
          if (name.complain(!name.control.value.trim() && t('name.missing'))) return;
          await api('POST', `displays/${one.id}`, {
            name: name.control.value.trim(), layout: layout.control.value, volume: Number(volume.control.value),
          });
          dialog.close();
          this.read();
        },
      }));
    document.body.append(dialog);
    dialog.showModal();
  }

  async remove(one) {
    const { t, api, confirm, fail } = this.app;
    if (!await confirm({ title: t('remove.title', { name: one.name }), text: t('remove.text'), action: t('remove.yes'), danger: true })) return;
    try {
      await api('DELETE', `displays/${one.id}`);
    } catch (error) {
      fail(error);
    }
    this.read();
  }
}

class DisplaysNow extends Part {
  start() {
    const { t } = this.app;
    this.items = h('ul', { class: 'rows' });
    this.none = h('p', { class: 'quietly', hidden: true }, t('none'));
    fill(this, this.items, this.none);
    this.follow('displays:list', () => this.read());
    this.every(30, () => this.read());
    this.read();
  }

  async read() {
    const { t, api } = this.app;
    const answer = await api('GET', 'displays/').catch(() => null);
    if (!answer) return;
    list(this.items, answer.displays, (one) => one.id, (one) => h('li', {}, h('div', { class: 'grow' }, bdi(one.name),
      !one.online && h('p', { class: 'small quietly' }, t('offline.more'))),
    h('span', { class: one.online ? 'chip' : 'chip amber' }, t(one.online ? 'online' : 'offline'))));
    this.none.hidden = answer.displays.length > 0;
  }
}

define('displays-staff', DisplaysStaff);
define('displays-now', DisplaysNow);
export default { order: 50, title: 'title', icon: 'screen', element: 'displays-staff', now: 'displays-now', key: 'd' };
