// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Serambi authors
//
// What the screens play, in which order: moved by hand or by key, on air at once.

import { Part, bdi, define, fill, h, list } from '../core/dom.js';
import { field, select, setOptions } from '../core/form.js';

const SHAPES = ['', 'fit', 'fill', 'blurred'];
const SECONDS = [0, 5, 10, 15, 20, 30, 45, 60, 120, 300];

class ProgrammeStaff extends Part {
  start() {
    const { t } = this.app;
    this.order = []; // {tutorial, seconds, shape}, as on air
    this.tutorials = new Map();
    this.items = h('ol', { class: 'rows playlist' });
    this.none = h('p', { class: 'empty' }, t('playlist.none'));
    this.search = h('input', { type: 'search', oninput: () => this.show() });
    this.others = h('ul', { class: 'rows' });
    this.othersNone = h('p', { class: 'quietly' }, t('others.none'));
    this.spoken = h('p', { class: 'unseen', role: 'status' });
    this.total = h('p', { class: 'quietly' });
    fill(this, h('div', { class: 'columns' },
      h('section', { class: 'stack' }, h('h2', {}, t('playlist.title')), h('p', { class: 'quietly' }, t('playlist.text')),
        this.items, this.none, this.total, this.spoken),
      h('section', { class: 'stack' }, h('h2', {}, t('others.title')), field({ label: t('search'), control: this.search }),
        this.others, this.othersNone)));
    this.follow('tutorials:list', ({ tutorials }) => {
      this.tutorials = new Map(tutorials.map((item) => [item.id, item]));
      this.show();
    });
    this.follow('programme:slots', () => this.read());
    this.read();
  }

  async read() {
    try {
      const { items } = await this.app.api('GET', 'programme/playlist');
      this.order = items.map(({ tutorial, seconds, shape }) => ({ tutorial, seconds, shape }));
      this.show();
    } catch (error) {
      if (error.status !== 0) this.app.fail(error);
    }
  }

  show() {
    const { t, pick } = this.app;
    const rows = this.order.map((item, at) => ({
      item, at, last: this.order.length - 1, tutorial: this.tutorials.get(item.tutorial), key: this.keyOf(item.tutorial, at),
    }));
    list(this.items, rows, (row) => row.key, (row) => this.row(row));
    this.none.hidden = rows.length > 0;
    const length = rows.reduce((sum, row) => sum + (row.item.seconds * 1e6 || (row.tutorial?.duration_us ?? 0)), 0);
    fill(this.total, rows.length > 0 && t('total', { n: rows.length, time: t.duration(length) }));
    const wanted = this.search.value.trim().toLowerCase();
    const others = [...this.tutorials.values()].filter((item) => !this.order.some((one) => one.tutorial === item.id) &&
      Object.values(item.title).some((text) => text.toLowerCase().includes(wanted)));
    list(this.others, others, (item) => item.id, (item) => {
      const title = pick(item.title);
      return h('li', {}, this.thumb(item), h('div', { class: 'grow' }, bdi(title.text, title.language)),
        h('button', { type: 'button', onclick: () => this.save([...this.order, { tutorial: item.id, seconds: 0, shape: '' }], t('added', { title: title.text })) },
          this.app.icon('plus'), h('span', {}, t('add'), h('span', { class: 'unseen' }, ` ${title.text}`))));
    });
    this.othersNone.hidden = others.length > 0;
  }

  /** A tutorial may play twice in a round: the key names which of them. */
  keyOf(id, at) {
    return `${id}.${this.order.slice(0, at).filter((other) => other.tutorial === id).length}`;
  }

  thumb(item) {
    return h('div', { class: 'thumb' }, this.app.icon('film'), item?.poster && h('img', { src: `/media/${item.poster}.jpg`, alt: '' }));
  }

  row(first) {
    const { t, pick, icon } = this.app;
    let row = first;
    const button = (name, picture, act) => h('button', { type: 'button', class: 'quiet', onclick: act }, icon(picture), h('span', { class: 'unseen' }));
    const up = button('up', 'up', () => this.move(row.at, row.at - 1, up));
    const down = button('down', 'down', () => this.move(row.at, row.at + 1, down));
    const away = button('away', 'close', () => this.remove(row));
    const seconds = select([], '', () => this.change(row, { seconds: Number(seconds.value) }));
    const shape = select(SHAPES.map((key) => [key, t(`shape.${key || 'display'}`)]), row.item.shape, () => this.change(row, { shape: shape.value }));
    const number = h('span', { class: 'chip number' });
    const name = h('div', { class: 'grow' });
    const thumb = h('div', { class: 'thumb' });
    const grip = icon('grip');
    grip.classList.add('grip');
    const node = h('li', {
      draggable: 'true',
      ondragstart: (event) => {
        event.dataTransfer.setData('text/plain', row.key);
        event.dataTransfer.effectAllowed = 'move';
        this.dragged = row;
        node.classList.add('dragged');
      },
      ondragend: () => node.classList.remove('dragged'),
      ondragover: (event) => {
        if (this.dragged) event.preventDefault();
      },
      ondrop: (event) => {
        event.preventDefault();
        if (this.dragged) this.move(this.dragged.at, row.at);
        this.dragged = null;
      },
    }, grip, number, thumb, name, h('div', { class: 'actions tight' }, up, down, away), h('div', { class: 'field own' }, seconds, shape));
    node.update = (news) => {
      row = news;
      const title = row.tutorial ? pick(row.tutorial.title) : { text: t('unknown') };
      fill(number, t.number(row.at + 1));
      fill(thumb, ...this.thumb(row.tutorial).childNodes);
      fill(name, h('strong', {}, bdi(title.text, title.language)),
        row.tutorial && h('p', { class: 'small quietly number' }, t.duration(row.item.seconds * 1e6 || row.tutorial.duration_us)));
      // A length that another program chose stays in the list.
      const lengths = [...new Set([...SECONDS, row.item.seconds])].sort((a, b) => a - b);
      setOptions(seconds, lengths.map((n) => [`${n}`, n ? t.duration(n * 1e6) : t('seconds.own')]), `${row.item.seconds}`);
      shape.value = row.item.shape;
      seconds.setAttribute('aria-label', t('seconds', { title: title.text }));
      shape.setAttribute('aria-label', t('shape', { title: title.text }));
      up.disabled = row.at === 0;
      down.disabled = row.at === row.last;
      for (const [one, key] of [[up, 'up'], [down, 'down'], [away, 'away']]) fill(one.lastChild, t(key, { title: title.text }));
    };
    node.update(row);
    return node;
  }

  change(row, news) {
    const { t, pick } = this.app;
    const title = row.tutorial ? pick(row.tutorial.title).text : t('unknown');
    this.save(this.order.map((item, at) => (at === row.at ? { ...item, ...news } : item)), t('changed', { title }));
  }

  move(from, to, button) {
    if (from === to || to < 0 || to >= this.order.length) return;
    const { t } = this.app;
    const order = [...this.order];
    order.splice(to, 0, ...order.splice(from, 1));
    this.save(order, t('moved', { place: to + 1 }));
    // At the end of the way the button rests; the focus goes to its neighbour.
    if (button?.disabled) button.parentNode.querySelector('button:not(:disabled)').focus();
    else button?.focus();
  }

  remove(row) {
    const { t, toast, pick } = this.app;
    const before = this.order;
    const title = row.tutorial ? pick(row.tutorial.title).text : t('unknown');
    this.save(before.filter((item, at) => at !== row.at), t('gone', { title }));
    toast(t('gone', { title }), { act: () => this.save(before, t('playlist.title')) });
    this.items.querySelector('button:not(:disabled)')?.focus();
  }

  /** Shown at once; what the server refuses is put back. */
  async save(order, spoken) {
    const before = this.order;
    this.order = order;
    this.show();
    try {
      await this.app.api('POST', 'programme/playlist', { items: order });
      fill(this.spoken, spoken);
    } catch (error) {
      if (this.order === order) this.order = before;
      this.show();
      this.app.fail(error);
    }
  }
}

class ProgrammeNow extends Part {
  start() {
    const { t } = this.app;
    this.items = h('ol', { class: 'rows' });
    this.none = h('p', { class: 'quietly' }, t('slots.none'));
    fill(this, this.items, this.none);
    this.follow('programme:slots', (table) => {
      this.table = table;
      this.show();
    });
    this.every(1, () => this.show());
  }

  /** The slots go round from start_us; the one that is due and the next two. */
  show() {
    const { t, pick } = this.app;
    const slots = this.table?.slots ?? [];
    const round = slots.reduce((sum, slot) => sum + slot.duration_us, 0);
    this.none.hidden = round > 0;
    if (round === 0) {
      list(this.items, [], () => 0);
      return;
    }
    let into = (((this.app.live.nowUs() - this.table.start_us) % round) + round) % round;
    let at = 0;
    while (into >= slots[at].duration_us) {
      into -= slots[at].duration_us;
      at += 1;
    }
    const due = slots.slice(0, 3).map((slot, step) => {
      const index = (at + step) % slots.length;
      return { key: `${step}`, index, isNow: step === 0, title: slots[index].title };
    });
    list(this.items, due, (row) => row.key, (row) => {
      const title = pick(row.title);
      return h('li', {}, h('div', { class: 'grow' }, bdi(title.text, title.language)),
        h('span', { class: row.isNow ? 'chip' : 'chip plain' }, t(row.isNow ? 'now' : 'next')));
    });
  }
}

define('programme-staff', ProgrammeStaff);
define('programme-now', ProgrammeNow);
export default {
  order: 30, title: 'title', icon: 'list', element: 'programme-staff', now: 'programme-now', key: 'p', roles: ['editor'],
};
