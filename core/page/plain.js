// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Serambi authors
//
// For browsers that know no modules (of about 2016): announcements and tutorials to read, nothing
// live. Written in the JavaScript of that time.
(function () {
  'use strict';
  var root = document.documentElement;
  var wanted = String(navigator.language || 'id').slice(0, 2).toLowerCase();
  var language = { id: 'id', en: 'en', ar: 'ar' }[wanted] || 'id';

  function get(path, use) {
    var request = new XMLHttpRequest();
    request.open('GET', path);
    request.onload = function () {
      if (request.status === 200) use(JSON.parse(request.responseText));
    };
    request.send();
  }

  function add(parent, tag, text, className) {
    var element = document.createElement(tag);
    if (text) element.textContent = text;
    if (className) element.className = className;
    parent.appendChild(element);
    return element;
  }

  function pick(texts) {
    return texts[language] || texts.id || texts.en || texts.ar || '';
  }

  function section(main, title) {
    var part = add(main, 'section', '', 'part');
    add(part, 'h2', title);
    return part;
  }

  function show(words) {
    var header = add(add(document.body, 'header', '', 'porch'), 'div', '', 'wide');
    var main = add(document.body, 'main', '', 'wide');
    add(header, 'span', words.core.brand, 'brand');
    if (words.announcements) {
      get('/api/announcements/', function (answer) {
        var part = section(main, words.announcements.title);
        answer.announcements.forEach(function (item) {
          add(add(part, 'div', '', 'card note ' + item.urgency), 'p', pick(item.text), 'text');
        });
        if (answer.announcements.length === 0) add(part, 'p', words.announcements['public.none']);
      });
    }
    if (words.tutorials) {
      get('/api/tutorials/', function (answer) {
        var part = section(main, words.tutorials['public.title']);
        answer.tutorials.forEach(function (item) {
          add(add(part, 'p'), 'a', pick(item.title)).href = '/media/' + item.media + '.mp4';
        });
      });
    }
    add(section(main, words.core['contact.title']), 'p', words.core['contact.text']);
  }

  root.lang = language;
  root.dir = language === 'ar' ? 'rtl' : 'ltr';
  get('/a/' + root.getAttribute('data-version') + '/words/' + language + '.json', show);
}());
