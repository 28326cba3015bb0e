// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Serambi authors
//
// What the loudspeaker says: languages, repeats, volume, and a sentence to say now.

import { Part, define, fill, h, set } from '../core/dom.js';
import { choice, field, form, group, select } from '../core/form.js';
import { LANGUAGES, directionOf } from '../core/words.js';

const LONGEST = 300;
const HOURS_MOST = 14;

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
    const places = ['first', 'second', 'third'].map((place, index) => field({
      label: t(`languages.${place}`),
      control: select([...(index ? [['', t('languages.none')]] : []), ...LANGUAGES.map((code) => [code, t.languageName(code)])],
        settings.languages[index] ?? ''),
    }));
    const numbers = LANGUAGES.map((code) => field({
      label: t('numbers', { language: t.languageName(code) }),
      control: select([['digits', t('numbers.digits')], ['full', t('numbers.full')]], settings.numbers[code]),
    }));
    const repeat = field({ label: t('repeat'), control: select([1, 2, 3].map((n) => [String(n), t('times', { n })]), String(settings.repeat)) });
    const waits = [...new Set([30, 60, 120, 300, settings.expire_seconds])].sort((one, other) => one - other);
    const expire = field({ label: t('expire'), control: select(waits.map((n) => [String(n), t('seconds', { n })]), String(settings.expire_seconds)) });
    const shown = h('output', {}, t('percent', { percent: settings.volume }));
    const slider = set(h('input', {
      type: 'range', min: 0, max: 100, step: 5,
      oninput: () => fill(shown, t('percent', { percent: Number(slider.value) })),
    }), { value: settings.volume });
    const volume = field({ label: t('volume'), control: slider });
    volume.append(shown);
    const quiet = choice({ label: [h('strong', {}, t('quiet')), h('small', {}, t('quiet.more'))], name: 'quiet', checked: settings.quiet });
    const hours = this.quietHours(settings);
    const node = form({
      t,
      fields: [quiet, volume, group(t('languages'), places), group(t('numbers.title'), numbers), repeat, expire, hours],
      submit: t('save'),
      act: async () => {
        const chosen = places.map((one) => one.control.value).filter(Boolean);
        if (new Set(chosen).size < chosen.length) {
          node.complain(t('languages.twice'));
          return;
        }
        await api('POST', 'voice/settings', {
          languages: chosen,
          numbers: Object.fromEntries(LANGUAGES.map((code, index) => [code, numbers[index].control.value])),
          repeat: Number(repeat.control.value),
          expire_seconds: Number(expire.control.value),
          volume: Number(slider.value),
          quiet: quiet.control.checked,
          quiet_hours: hours.read(),
        });
        toast(t('saved'));
      },
    });
    const mayChange = ['editor', 'admin'].includes(session.role);
    if (!mayChange) node.querySelectorAll('input, select, button').forEach((one) => set(one, { disabled: true }));
    fill(this.settings, h('h2', {}, t('settings.title')), node);
  }

  /** Rows of days and two times; read() gives them as the server wants them. */
  quietHours(settings) {
    const { t, language } = this.app;
    const rows = h('div', {});
    const names = new Intl.DateTimeFormat(language, { weekday: 'short', timeZone: 'UTC' });
    // 1 January 2024 was a Monday.
    const dayName = (day) => names.format(new Date(Date.UTC(2024, 0, day)));
    const add = h('button', { type: 'button', onclick: () => addRow({ days: [5], from: '11:30', to: '13:00' }).querySelector('input').focus() }, t('hours.add'));
    const keepLimit = () => set(add, { disabled: rows.childElementCount >= HOURS_MOST });
    const addRow = ({ days, from, to }) => {
      const boxes = [1, 2, 3, 4, 5, 6, 7].map((day) => choice({ label: dayName(day), name: 'day', value: day, checked: days.includes(day) }));
      // The end of the day has no place in a time box: it is 00:00 of the next one.
      const begin = field({ label: t('hours.from'), control: set(h('input', { type: 'time', required: true }), { value: from }) });
      const end = field({ label: t('hours.to'), control: set(h('input', { type: 'time', required: true }), { value: to === '24:00' ? '00:00' : to }) });
      const row = group(t('hours.days'), h('div', { class: 'row' }, boxes), begin, end, h('button', {
        type: 'button',
        onclick: () => { row.remove(); keepLimit(); add.focus(); },
      }, t('hours.remove')));
      row.read = () => ({
        days: boxes.map((one) => one.control).filter((one) => one.checked).map((one) => Number(one.value)),
        from: begin.control.value,
        to: end.control.value === '00:00' ? '24:00' : end.control.value,
      });
      rows.append(row);
      keepLimit();
      return row;
    };
    settings.quiet_hours.forEach(addRow);
    const node = group(t('hours'), h('p', { class: 'hint' }, t('hours.more', { zone: settings.zone })), rows, add);
    node.read = () => [...rows.children].map((row) => row.read());
    return node;
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
