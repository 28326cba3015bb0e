// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Serambi authors
//
// What is announced, as it comes and goes. Emergencies first and spoken at once by screen readers.

import { Part, define, fill, h, list } from '../core/dom.js';

class AnnouncementsPublic extends Part {
  start() {
    const { t, icon } = this.app;
    this.emergencies = h('ul', { class: 'notes', 'aria-live': 'assertive' });
    this.others = h('ul', { class: 'notes', 'aria-live': 'polite' });
    this.none = h('p', { class: 'quietly', hidden: true }, t('public.none'));
    this.parts = h('section', { class: 'part', 'aria-labelledby': 'announcements-title' },
      h('h2', { id: 'announcements-title' }, t('title')), this.emergencies, this.others, this.none);
    fill(this, this.parts);
    this.icon = icon;
    this.follow('announcements:live', ({ announcements }) => this.update(announcements));
  }

  update(announcements) {
    const make = (item) => this.note(item);
    const isEmergency = (item) => item.urgency === 'emergency';
    list(this.emergencies, announcements.filter(isEmergency), (item) => item.id, make);
    list(this.others, announcements.filter((item) => !isEmergency(item)), (item) => item.id, make);
    this.emergencies.hidden = !announcements.some(isEmergency);
    this.others.hidden = announcements.every(isEmergency);
    this.none.hidden = announcements.length > 0;
    // An emergency goes above all else, also above one's own number.
    this.classList.toggle('first', announcements.some(isEmergency));
  }

  note(item) {
    const { t, pick } = this.app;
    const { text, language } = pick(item.text);
    const colour = { urgent: 'amber', emergency: 'red' }[item.urgency];
    return h('li', { class: `card note ${item.urgency}` },
      h('p', { class: 'meta' },
        colour && h('span', { class: `chip ${colour}` }, t(`urgency.${item.urgency}`)),
        h('span', {}, t('since', { time: t.moment(item.published_us) })),
        item.expires_us && h('span', {}, t('until', { time: t.moment(item.expires_us) }))),
      h('p', { class: 'text', lang: language, dir: 'auto' }, text));
  }
}

define('announcements-public', AnnouncementsPublic);
export default { order: 20, title: 'title', icon: 'megaphone', element: 'announcements-public' };
