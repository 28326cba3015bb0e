// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Serambi authors
//
// What is announced, as it comes and goes. Emergencies first and spoken at once by screen readers;
// of the others they are told what is new, when they have a moment.

import { Part, define, fill, h, list } from '../core/dom.js';

const SAID_MOST = 3;

class AnnouncementsPublic extends Part {
  start() {
    const { t, icon } = this.app;
    this.emergencies = h('ul', { class: 'notes' });
    this.others = h('ul', { class: 'notes' });
    this.known = null; // ids of those that were told or stood there from the beginning
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
    const emergencies = announcements.filter(isEmergency);
    const others = announcements.filter((item) => !isEmergency(item));
    list(this.emergencies, emergencies, (item) => item.id, make);
    list(this.others, others, (item) => item.id, make);
    this.emergencies.hidden = emergencies.length === 0;
    this.others.hidden = others.length === 0;
    this.none.hidden = announcements.length > 0;
    const isNew = (item) => !this.known?.has(item.id);
    for (const item of emergencies.filter(isNew)) this.app.alarm(this.app.t('urgency.emergency'), ' ', this.spoken(item));
    if (this.known) this.tellNew(others.filter(isNew));
    this.known = new Set(announcements.map((item) => item.id));
    // An emergency goes above all else, also above one's own number.
    this.classList.toggle('first', emergencies.length > 0);
  }

  /** After a long absence the number is enough. */
  tellNew(items) {
    const { t, tell } = this.app;
    if (items.length > SAID_MOST) tell(t('public.arrived', { n: items.length }));
    else for (const item of items) tell(t('public.new'), ' ', this.spoken(item));
  }

  spoken(item) {
    const { text, language } = this.app.pick(item.text);
    return h('span', { lang: language }, text);
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
