// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Serambi authors
//
// A chart of bars as SVG, without a library. A picture for eyes only: the table beside it says the
// same to everybody.

const SVG = 'http://www.w3.org/2000/svg';
const WIDTH = 640;
const HEIGHT = 220;
const FOOT = 28;
const HEAD = 24;
const LABELS_MOST = 16;

function node(name, attributes, text) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  if (text !== undefined) element.textContent = text;
  return element;
}

/** bars: [{label, value, text}], value null: no bar. Runs as the page reads. */
export function barChart(bars) {
  const svg = node('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: 'chart', 'aria-hidden': 'true' });
  const most = Math.max(1e-9, ...bars.map((bar) => bar.value ?? 0));
  const step = WIDTH / Math.max(1, bars.length);
  const every = Math.ceil(bars.length / LABELS_MOST);
  const isTurned = document.documentElement.dir === 'rtl';
  svg.append(node('line', { x1: 0, x2: WIDTH, y1: HEIGHT - FOOT, y2: HEIGHT - FOOT, class: 'axis' }));
  bars.forEach((bar, at) => {
    const place = isTurned ? bars.length - 1 - at : at;
    const middle = (place + 0.5) * step;
    const height = ((bar.value ?? 0) / most) * (HEIGHT - FOOT - HEAD);
    svg.append(node('rect', {
      x: middle - Math.min(26, step * 0.36), width: Math.min(52, step * 0.72), y: HEIGHT - FOOT - height, height, rx: 3, class: 'bar',
    }));
    if (at % every !== 0) return;
    if (bar.value !== null) svg.append(node('text', { x: middle, y: HEIGHT - FOOT - height - 6, class: 'value' }, bar.text));
    svg.append(node('text', { x: middle, y: HEIGHT - 8, class: 'foot' }, bar.label));
  });
  return svg;
}
