// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Serambi authors
//
// Words of a receipt as dots, for letters that a printer's code pages cannot join: the browser draws
// them as it draws the page.

import { h } from '../core/dom.js';

// As receipt.h: 58 mm of paper, and no more rows than that.
const DOTS = 384;
const ROWS_MOST = 320;
const LINE_ROWS = 46;
const DARK = 128;

/** lines of text in that direction as base64 of one bit a dot, rows of DOTS / 8 bytes. */
export function drawLines(lines, direction) {
  const height = Math.min(ROWS_MOST, lines.length * LINE_ROWS);
  const canvas = h('canvas', { width: DOTS, height });
  const pen = canvas.getContext('2d', { willReadFrequently: true });
  pen.fillStyle = '#fff';
  pen.fillRect(0, 0, DOTS, height);
  pen.fillStyle = '#000';
  pen.direction = direction;
  pen.textAlign = 'center';
  pen.textBaseline = 'middle';
  lines.forEach((text, at) => {
    pen.font = `600 ${at === 0 ? 30 : 26}px "Noto Sans Arabic", "Noto Sans", sans-serif`;
    pen.fillText(text, DOTS / 2, (at + 0.5) * LINE_ROWS, DOTS - 8);
  });
  const { data } = pen.getImageData(0, 0, DOTS, height);
  const bits = new Uint8Array((DOTS / 8) * height);
  for (let dot = 0; dot < DOTS * height; dot += 1) {
    if (data[dot * 4] < DARK) bits[dot >> 3] |= 0x80 >> (dot & 7);
  }
  return btoa(Array.from(bits, (byte) => String.fromCharCode(byte)).join(''));
}
