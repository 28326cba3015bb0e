// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Serambi authors
//
// One's own password, and which plugins run.

import { Part, define, fill, h } from './dom.js';
import { field, form } from './form.js';

const SHORTEST = 8;

class CoreSettings extends Part {
  start() {
    const { t, session } = this.app;
    this.place = h('div', { 'aria-live': 'polite' });
    fill(this, h('div', { class: 'columns' },
      h('section', { class: 'card' }, h('h2', {}, t('password.title')),
        h('p', { class: 'quietly' }, t('password.text', { name: session.user })), this.passwordForm()),
      h('section', { class: 'card' }, h('h2', {}, t('plugins.title')), this.place)));
    this.readPlugins();
  }

  passwordForm() {
    const { t, api, toast } = this.app;
    const box = (label, name, autocomplete, hint) => field({
      label: t(label), hint: hint && t(hint, { n: SHORTEST }),
      control: h('input', { type: 'password', name, autocomplete, maxlength: 256 }),
    });
    const old = box('password.old', 'old', 'current-password');
    const fresh = box('password.new', 'new', 'new-password', 'password.hint');
    const node = form({
      t,
      fields: [old, fresh],
      submit: t('password.submit'),
      act: async () => {
        if (!old.control.value) old.complain(t('password.old.missing'));
        if (fresh.control.value.length < SHORTEST) fresh.complain(t('password.short', { n: SHORTEST }));
        if (node.querySelector('[aria-invalid]')) return;
        try {
          await api('POST', 'session/password', { old: old.control.value, new: fresh.control.value });
        } catch (error) {
          if (error.code === 'login.wrong') old.complain(t('password.wrong'));
          else if (error.code === 'login.weak') fresh.complain(t('login.weak'));
          else throw error;
          return;
        }
        node.reset();
        toast(t('password.done'));
      },
    });
    return node;
  }

  async readPlugins() {
    const { t, api } = this.app;
    try {
      const answer = await api('GET', 'plugins');
      const plugins = Array.isArray(answer) ? answer : answer.plugins;
      fill(this.place, h('ul', { class: 'rows' }, plugins.map((plugin) => {
        const isOn = plugin.state === 'running';
        return h('li', {}, h('div', { class: 'grow' }, h('strong', {}, plugin.id),
          (plugin.reason || plugin.summary) && h('p', { class: 'quietly small', lang: 'en', dir: 'ltr' }, plugin.reason || plugin.summary)),
        h('span', { class: isOn ? 'chip' : 'chip amber' }, t(isOn ? 'plugins.running' : 'plugins.off')));
      })));
    } catch (error) {
      fill(this.place, h('p', { class: 'quietly' }, error.status === 403 ? t('plugins.admin') : t.message(error)));
    }
  }
}

define('core-settings', CoreSettings);
