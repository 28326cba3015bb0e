// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Serambi authors
//
// Pictures as one path each, drawn with a line of 2 in a box of 24. Always beside a word.

export const icons = {
  porch: 'M3 21h18M4 9h16M5 9l2-5h10l2 5M5 21V9M19 21V9M9 21v-6a3 3 0 0 1 6 0v6',
  dot: 'M12 11v2',
  home: 'M4 11l8-7 8 7M6 10v10h12V10M10 20v-6h4v6',
  megaphone: 'M4 10v4h3l8 4V6L7 10H4ZM18 9a4 4 0 0 1 0 6M8 14l1 6h2',
  film: 'M4 5h16v14H4ZM10 9l5 3-5 3Z',
  list: 'M4 6h10M4 12h10M4 18h6M18 10v8M15 15l3 3 3-3',
  people: 'M9 11a3.500 3.500 0 1 0 0-7 3.500 3.500 0 0 0 0 7ZM2 20c0-4 3-6 7-6s7 2 7 6M16 4.500a3.500 3.500 0 0 1 0 6M18 14.500c2.500.7 4 2.600 4 5.500',
  ticket: 'M4 7h16v3a2 2 0 0 0 0 4v3H4v-3a2 2 0 0 0 0-4ZM14 7v2M14 11v2M14 15v2',
  screen: 'M3 5h18v11H3ZM8 20h8M12 16v4',
  sound: 'M4 10v4h3l5 4V6l-5 4H4ZM15 9a4 4 0 0 1 0 6M17.500 6.500a8 8 0 0 1 0 11',
  gear: 'M12 15a3 3 0 1 0 0-6 3 3 0 0 0 0 6ZM12 3v3M12 18v3M3 12h3M18 12h3M5.600 5.600l2.100 2.100M16.300 16.300l2.100 2.100M5.600 18.400l2.100-2.100M16.300 7.700l2.100-2.100',
  play: 'M8 5l11 7-11 7Z',
  back: 'M20 12H5M11 6l-6 6 6 6',
  clock: 'M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18ZM12 7v5l3 2',
  up: 'M12 19V5M6 11l6-6 6 6',
  down: 'M12 5v14M6 13l6 6 6-6',
  plus: 'M12 5v14M5 12h14',
  close: 'M6 6l12 12M18 6L6 18',
  upload: 'M12 16V4M7 9l5-5 5 5M4 20h16',
  check: 'M5 12l5 5L20 7',
  grip: 'M9 6h.01M15 6h.01M9 12h.01M15 12h.01M9 18h.01M15 18h.01',
  leave: 'M14 4h5v16h-5M10 12h9M4 12h9M8 8l-4 4 4 4',
};
