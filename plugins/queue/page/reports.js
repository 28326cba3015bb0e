// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Serambi authors
//
// Waits, services, missed calls and overtaking of the days chosen: a chart, the same as a table, and
// a file. Loaded when it is opened.

import { Part, bdi, define, fill, h } from '../core/dom.js';
import { choice, field, group, select } from '../core/form.js';
import { barChart } from './chart.js';

const GROUPS = ['day', 'hour', 'service', 'counter'];
const FIGURES = ['issued', 'served', 'no_show', 'left', 'wait_mean_s', 'wait_max_s', 'service_mean_s', 'overtaken_mean', 'overtaken_max'];
const DAYS = 7;

/** The local date some days ago, "2026-11-23". */
function dayAgo(days) {
  const date = new Date(Date.now() - days * 86400e3);
  return [date.getFullYear(), date.getMonth() + 1, date.getDate()].map((part) => String(part).padStart(2, '0')).join('-');
}

class QueueReports extends Part {
  start() {
    const { t } = this.app;
    this.by = 'day';
    this.figure = 'issued';
    const input = (days) => h('input', { type: 'date', value: dayAgo(days), onchange: () => this.read() });
    this.from = field({ label: t('report.from'), control: input(DAYS - 1) });
    this.to = field({ label: t('report.to'), control: input(0) });
    this.figureBox = select(FIGURES.map((one) => [one, t(`report.${one}`)]), this.figure, () => {
      this.figure = this.figureBox.value;
      this.show();
    });
    this.out = h('div', { class: 'stack', 'aria-live': 'polite' });
    this.file = h('a', { class: 'button', download: true, href: '#' }, t('report.csv'));
    fill(this, h('div', { class: 'report-form' }, this.from, this.to,
      field({ label: t('report.figure'), control: this.figureBox })),
    group(t('report.by'), GROUPS.map((one) => choice({
      label: t(`report.by.${one}`), name: 'report-by', value: one, type: 'radio', checked: one === this.by,
      onchange: () => {
        this.by = one;
        this.read();
      },
    }))), this.out, h('div', { class: 'actions' }, this.file));
    this.read();
  }

  async read() {
    const { t, api } = this.app;
    const asked = `by=${this.by}&from=${this.from.control.value}&to=${this.to.control.value}`;
    this.asked = asked;
    this.file.href = `/api/queue/reports/csv?${asked}`;
    this.from.complain(null);
    try {
      const report = await api('GET', `queue/reports?${asked}`);
      if (this.asked !== asked) return;
      this.report = report;
      this.show();
    } catch (error) {
      if (this.asked === asked) this.from.complain(t.message(error));
    }
  }

  words(figure, value) {
    const { t } = this.app;
    if (value === null) return '–';
    if (figure.endsWith('_s')) return t.duration(value * 1e6);
    return t.number(Math.round(value * 10) / 10);
  }

  show() {
    const { t } = this.app;
    const { rows, few } = this.report;
    const bars = rows.map((row) => ({ label: this.by === 'day' ? row.key.slice(5) : row.key, value: row[this.figure], text: this.words(this.figure, row[this.figure]) }));
    fill(this.out, rows.length === 0 ? h('p', { class: 'empty' }, t('report.none')) : [
      barChart(bars),
      h('div', { class: 'wide-table', tabindex: '0', role: 'region', 'aria-label': t('report.title') }, h('table', {},
        h('caption', {}, t('report.title')),
        h('thead', {}, h('tr', {}, h('th', { scope: 'col' }, t(`report.by.${this.by}`)),
          FIGURES.map((one) => h('th', { scope: 'col' }, t(`report.${one}`))))),
        h('tbody', {}, rows.map((row) => h('tr', {}, h('th', { scope: 'row' }, bdi(row.key || '–')),
          FIGURES.map((one) => h('td', { class: 'number' }, this.words(one, row[one])))))))),
      h('p', { class: 'small quietly' }, t('report.few', { n: few })),
    ]);
  }
}

define('queue-reports', QueueReports);
