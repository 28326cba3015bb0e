// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Serambi authors
//
// Writing, ending and finding announcements.

import { Part, bdi, define, fill, h, list } from '../core/dom.js';
import { choice, field, form, group, select } from '../core/form.js';
import { LANGUAGES, directionOf } from '../core/words.js';

const LONGEST = 500;
const URGENCIES = ['normal', 'urgent', 'emergency'];
const HOURS = [1, 4, 12, 24, 168];
const MICROSECONDS_PER_HOUR = 3600e6;
const COLOURS = { urgent: 'amber', emergency: 'red' };

class AnnouncementsStaff extends Part {
  start() {
    const { t, session } = this.app;
    this.items = [];
    this.running = h('ul', { class: 'notes', 'aria-live': 'polite' });
    this.ended = h('ul', { class: 'notes' });
    this.search = h('input', { type: 'search', oninput: () => this.show() });
    const mayWrite = ['editor', 'admin'].includes(session.role);
    this.runningNone = h('p', { class: 'empty', hidden: true }, t(mayWrite ? 'running.none' : 'public.none'));
    this.endedNone = h('p', { class: 'quietly', hidden: true }, t('ended.none'));
    this.mayWrite = mayWrite;
    fill(this, h('div', { class: 'columns' },
      mayWrite && h('section', { class: 'card' }, h('h2', {}, t('write.title')), this.writeForm()),
      h('div', { class: 'stack' },
        h('section', { class: 'stack' }, h('h2', {}, t('running.title')), this.running, this.runningNone),
        h('section', { class: 'stack' }, h('h2', {}, t('ended.title')),
          field({ label: t('search'), control: this.search }), this.ended, this.endedNone))));
    this.follow('announcements:live', () => this.read());
    this.every(60, () => this.show());
    this.read();
  }

  async read() {
    try {
      this.items = (await this.app.api('GET', 'announcements/all')).announcements;
      this.show();
    } catch (error) {
      if (error.status !== 0) this.app.fail(error);
    }
  }

  show() {
    const nowUs = this.app.live.nowUs();
    const isRunning = (item) => !item.withdrawn_us && (!item.expires_us || item.expires_us > nowUs);
    const rank = (item) => URGENCIES.indexOf(item.urgency);
    const running = this.items.filter(isRunning)
      .sort((a, b) => rank(b) - rank(a) || b.published_us - a.published_us);
    const wanted = this.search.value.trim().toLowerCase();
    const ended = this.items.filter((item) => !isRunning(item) &&
      Object.values(item.text).some((text) => text.toLowerCase().includes(wanted)));
    list(this.running, running, (item) => item.id, (item) => this.note(item, true));
    list(this.ended, ended, (item) => item.id, (item) => this.note(item, false));
    this.runningNone.hidden = running.length > 0;
    this.endedNone.hidden = ended.length > 0;
  }

  note(item, isRunning) {
    const { t } = this.app;
    return h('li', { class: `card note ${item.urgency} ${isRunning ? '' : 'ended'}` },
      h('p', { class: 'meta' },
        COLOURS[item.urgency] && h('span', { class: `chip ${COLOURS[item.urgency]}` }, t(`urgency.${item.urgency}`)),
        h('span', {}, t('by', { name: item.by, time: t.moment(item.published_us) })),
        item.expires_us && isRunning && h('span', {}, t('until', { time: t.moment(item.expires_us) })),
        item.withdrawn_us && h('span', {}, t('withdrawn', { time: t.moment(item.withdrawn_us) }))),
      LANGUAGES.filter((code) => item.text[code]).map((code) => h('p',
        { class: 'text', lang: code, dir: directionOf(code) }, item.text[code])),
      this.mayWrite && h('div', { class: 'actions' }, isRunning
        ? h('button', { type: 'button', onclick: () => this.withdraw(item) }, t('withdraw'))
        : h('button', { type: 'button', class: 'quiet', onclick: () => this.act(item, 'restore') }, t('restore'))));
  }

  async withdraw(item) {
    const { t, toast } = this.app;
    if (await this.act(item, 'withdraw')) {
      toast(t('withdraw.done'), { act: () => this.act(item, 'restore') });
    }
  }

  async act(item, verb) {
    try {
      await this.app.api('POST', `announcements/${item.id}/${verb}`, {});
      await this.read();
      return true;
    } catch (error) {
      this.app.fail(error);
      return false;
    }
  }

  writeForm() {
    const { t, language } = this.app;
    const order = [language, ...LANGUAGES.filter((code) => code !== language)];
    const texts = new Map(order.map((code) => [code, field({
      label: t('write.text', { language: t.languageName(code) }),
      control: h('textarea', { name: code, rows: 3, maxlength: LONGEST, lang: code, dir: directionOf(code) }),
    })]));
    const urgencies = URGENCIES.map((urgency) => choice({
      type: 'radio', name: 'urgency', value: urgency, checked: urgency === 'normal',
      label: [h('strong', {}, t(`urgency.${urgency}`)), h('small', {}, t(`urgency.${urgency}.more`))],
    }));
    const end = field({
      label: t('write.end'),
      control: select([['0', t('write.end.never')],
        ...HOURS.map((hours) => [String(hours), hours < 24 ? t('hours', { n: hours }) : t('days', { n: hours / 24 })])], '24'),
    });
    const [first] = texts.values();
    const node = form({
      t,
      fields: [first, h('details', {}, h('summary', {}, t('write.more')), [...texts.values()].slice(1)),
        group(t('write.urgency'), urgencies), end],
      submit: t('write.submit'),
      act: () => this.publish(node, texts, end),
    });
    return node;
  }

  async publish(node, texts, end) {
    const { t, api, confirm, toast } = this.app;
    const entries = [...texts].map(([code, one]) => [code, one.control.value.trim()]).filter(([, text]) => text);
    const [first] = texts.values();
    first.complain(entries.length === 0 && t('write.missing'));
    if (entries.length === 0) return;
    const urgency = new FormData(node).get('urgency');
    const isSure = urgency !== 'emergency' || await confirm({
      title: t('emergency.title'), text: t('emergency.text'), action: t('emergency.yes'), danger: true,
    });
    if (!isSure) return;
    const hours = Number(end.control.value);
    const item = await api('POST', 'announcements/', {
      text: Object.fromEntries(entries), urgency,
      ...(hours ? { expires_us: this.app.live.nowUs() + hours * MICROSECONDS_PER_HOUR } : {}),
    });
    node.reset();
    await this.read();
    toast(t('write.done'), { act: () => this.act(item, 'withdraw') });
  }
}

class AnnouncementsNow extends Part {
  start() {
    const { t, pick } = this.app;
    const items = h('ul', { class: 'rows' });
    const none = h('p', { class: 'quietly', hidden: true }, t('public.none'));
    fill(this, items, none);
    this.follow('announcements:live', ({ announcements }) => {
      none.hidden = announcements.length > 0;
      list(items, announcements.slice(0, 4), (item) => item.id, (item) => {
        const { text, language } = pick(item.text);
        return h('li', {}, h('div', { class: 'grow clip' }, bdi(text, language)),
          COLOURS[item.urgency] && h('span', { class: `chip ${COLOURS[item.urgency]}` }, t(`urgency.${item.urgency}`)));
      });
    });
  }
}

define('announcements-staff', AnnouncementsStaff);
define('announcements-now', AnnouncementsNow);
export default {
  order: 10, title: 'title', icon: 'megaphone', element: 'announcements-staff', now: 'announcements-now', key: 'a',
};
