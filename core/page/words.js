// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Serambi authors
//
// Words in three languages: catalogues, plurals, numbers, times, and the choice of a language.

export const LANGUAGES = ['id', 'en', 'ar'];

/** The chosen language, else the first of the browser's that we have, else Indonesian. */
export function chooseLanguage(chosen, wanted = []) {
  const known = [chosen, ...wanted].map((tag) => String(tag ?? '').toLowerCase().split('-')[0]);
  // Browsers of before 2000 habits: "in" is an old code of Indonesian; Malay readers follow it.
  return known.map((tag) => ({ in: 'id', ms: 'id' })[tag] ?? tag)
    .find((tag) => LANGUAGES.includes(tag)) ?? 'id';
}

export function directionOf(language) {
  return language === 'ar' ? 'rtl' : 'ltr';
}

/**
 * The words of one owner ("queue"; else "core") as a function: t('key', {n: 3, name: 'x'}).
 * A key "ahead" with n is looked up as "ahead#one", "ahead#few" ... by the language's plural rule.
 * Texts put into a sentence are isolated, so that a Latin number cannot turn an Arabic sentence.
 */
export function createWords(catalogue, language, owner) {
  const locale = language === 'ar' ? 'ar-u-nu-latn' : language;
  const plural = new Intl.PluralRules(locale);
  const number = new Intl.NumberFormat(locale);
  const ago = new Intl.RelativeTimeFormat(locale);
  const own = catalogue[owner] ?? {};
  const core = catalogue.core ?? {};

  const find = (key) => own[key] ?? core[key];

  const t = (key, values = {}) => {
    const counted = typeof values.n === 'number'
      ? find(`${key}#${plural.select(values.n)}`) ?? find(`${key}#other`) : undefined;
    const text = counted ?? find(key) ?? key;
    return text.replace(/\{(\w+)\}/g, (whole, name) => {
      const value = values[name];
      if (value === undefined || value === null) return whole;
      return typeof value === 'number' ? number.format(value) : `\u2068${value}\u2069`;
    });
  };

  const format = (options) => {
    const formatter = new Intl.DateTimeFormat(locale, options);
    return (us) => formatter.format(new Date(us / 1000));
  };
  const time = format({ hour: '2-digit', minute: '2-digit' });
  const date = format({ weekday: 'long', day: 'numeric', month: 'long' });
  const dateTime = format({ day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' });

  t.language = language;
  t.has = (key) => find(key) !== undefined;
  t.number = (value) => number.format(value);
  t.time = time;
  t.date = date;
  t.dateTime = dateTime;
  /** The time alone today, with its day otherwise. */
  t.moment = (us) => (new Date(us / 1000).toDateString() === new Date().toDateString()
    ? time(us) : dateTime(us));
  /** 3:05, or 1:02:03. */
  t.duration = (us) => {
    const seconds = Math.round(us / 1e6);
    const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
    if (parts[0] === 0) parts.shift();
    return parts.map((part, at) => (at === 0 ? String(part) : String(part).padStart(2, '0')))
      .join(':');
  };
  t.bytes = (bytes) => {
    const mega = bytes / 1e6;
    return mega >= 1000 ? t('size.gb', { n: Math.round(mega / 100) / 10 })
      : t('size.mb', { n: Math.max(0.1, Math.round(mega * 10) / 10) });
  };
  /** What is left of a work, in words. */
  t.left = (seconds) => (seconds < 90 ? t('left.seconds', { n: Math.max(1, Math.round(seconds)) })
    : t('left.minutes', { n: Math.round(seconds / 60) }));
  /** How long ago something was, in minutes at the finest. */
  t.ago = (seconds) => {
    const [size, unit] = [[86400, 'day'], [3600, 'hour'], [60, 'minute']].find(([one]) => seconds >= one) ?? [];
    return unit ? ago.format(-Math.floor(seconds / size), unit) : t('ago.now');
  };
  /** The wait as a range: [5, 10]; null when nothing is known. */
  t.wait = (range) => {
    if (!range) return '';
    if (range[1] <= 0) return t('wait.now');
    if (range[0] <= 0) return t('wait.upto', { n: range[1] });
    if (range[0] === range[1]) return t('wait.about', { n: range[1] });
    return t('wait.range', { n: range[1], low: range[0] });
  };
  t.languageName = (code) => t(`language.${code}`);
  t.message = (error) => (error?.code && t.has(error.code) ? t(error.code) : t('error.unknown'));
  return t;
}

/** Of {"id":"..","en":".."}, the text of the wanted language, else of another: {text, language}. */
export function pick(texts, language) {
  for (const code of [language, ...LANGUAGES, ...Object.keys(texts ?? {})]) {
    if (texts?.[code]) return { text: texts[code], language: code };
  }
  return { text: '', language };
}
