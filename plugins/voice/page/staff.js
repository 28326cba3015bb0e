// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Serambi authors
//
// What the loudspeaker says: languages, repeats, volume, and a sentence to say now.

import { Part, define, fill, h, set } from '../core/dom.js';
import { choice, field, form, group, select } from '../core/form.js';
import { LANGUAGES, directionOf } from '../core/words.js';

const LONGEST = 300;

class VoiceStaff extends Part {
  start() {
    const { t } = this.app;
    this.settings = h('section', { class: 'card' }, h('h2', {}, t('settings.title')), h('p', { class: 'quietly' }, t('loading')));
    fill(this, h('div', { class: 'columns' },
      h('section', { class: 'card' }, h('h2', {}, t('say.title')), h('p', { class: 'quietly' }, t('say.text')), this.sayForm()),
      this.settings));
    this.read();
  }

  async read() {
    const { t, api } = this.app;
    try {
      this.show(await api('GET', 'voice/settings'));
    } catch (error) {
      fill(this.settings, h('h2', {}, t('settings.title')), h('p', { class: 'problem' }, t.message(error)));
    }
  }

  show(settings) {
    const { t, api, toast, session } = this.app;
    const languages = LANGUAGES.map((code) => choice({
      label: t.languageName(code), name: 'language', value: code, checked: settings.languages.includes(code),
    }));
    const box = group(t('languages'), languages);
    const repeat = field({ label: t('repeat'), control: select([1, 2, 3].map((n) => [String(n), t('times', { n })]), String(settings.repeat)) });
    const shown = h('output', {}, t('percent', { percent: settings.volume }));
    const slider = set(h('input', {
      type: 'range', min: 0, max: 100, step: 5,
      oninput: () => fill(shown, t('percent', { percent: Number(slider.value) })),
    }), { value: settings.volume });
    const volume = field({ label: t('volume'), control: slider });
    volume.append(shown);
    const quiet = choice({ label: [h('strong', {}, t('quiet')), h('small', {}, t('quiet.more'))], name: 'quiet', checked: settings.quiet });
    const node = form({
      t,
      fields: [quiet, box, repeat, volume],
      submit: t('save'),
      act: async () => {
        const chosen = languages.map((one) => one.control).filter((one) => one.checked).map((one) => one.value);
        if (chosen.length === 0) {
          node.complain(t('languages.missing'));
          return;
        }
        await api('POST', 'voice/settings', {
          languages: chosen, repeat: Number(repeat.control.value), volume: Number(slider.value), quiet: quiet.control.checked,
        });
        toast(t('saved'));
      },
    });
    const mayChange = ['editor', 'admin'].includes(session.role);
    if (!mayChange) node.querySelectorAll('input, select, button').forEach((one) => set(one, { disabled: true }));
    fill(this.settings, h('h2', {}, t('settings.title')), node);
  }

  sayForm() {
    const { t, api, toast, language } = this.app;
    const text = field({ label: t('say.what'), control: h('textarea', { rows: 3, maxlength: LONGEST, dir: 'auto' }) });
    const tongue = field({
      label: t('say.language'),
      control: select(LANGUAGES.map((code) => [code, t.languageName(code)]), language, () => set(text.control, { lang: tongue.control.value, dir: directionOf(tongue.control.value) })),
    });
    return form({
      t,
      fields: [text, tongue],
      submit: t('say.submit'),
      act: async () => {
        const words = text.control.value.trim();
        if (text.complain(!words && t('say.missing'))) return;
        await api('POST', 'voice/say', { language: tongue.control.value, text: words });
        text.control.value = '';
        toast(t('say.done'));
      },
    });
  }
}

define('voice-staff', VoiceStaff);
export default { order: 60, title: 'title', icon: 'sound', element: 'voice-staff', key: 'v' };
