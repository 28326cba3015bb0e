// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Serambi authors
//
// Forms of the console: what is wrong stands beside its field, what was typed stays.

import { fill, h, say } from './dom.js';

let lastId = 0;

/** A labelled control: {label, control, hint}. Has complain(text) and the control as .control. */
export function field({ label, control, hint }) {
  lastId += 1;
  const id = `field-${lastId}`;
  control.id = id;
  const problem = h('p', { class: 'problem', id: `${id}-problem`, hidden: true });
  const help = hint && h('p', { class: 'hint', id: `${id}-hint` }, hint);
  control.setAttribute('aria-describedby', [help && `${id}-hint`, `${id}-problem`].filter(Boolean).join(' '));
  const node = h('div', { class: 'field' }, h('label', { for: id }, label), help, control, problem);
  node.control = control;
  node.complain = (text) => {
    problem.hidden = !text;
    say(problem, text ?? '');
    if (text) control.setAttribute('aria-invalid', 'true');
    else control.removeAttribute('aria-invalid');
    return Boolean(text);
  };
  return node;
}

/**
 * A form: {fields, submit, act, t}. act() is called at submit and may throw an error of the api;
 * it is shown above the button, or by act itself beside a field. While it runs the button is busy.
 */
export function form({ fields, submit, act, t, extra, className = 'form' }) {
  const problem = h('p', { class: 'problem', role: 'alert', hidden: true });
  const button = h('button', { class: 'primary' }, submit);
  const node = h('form', {
    class: className,
    novalidate: true,
    onsubmit: async (event) => {
      event.preventDefault();
      if (button.getAttribute('aria-busy')) return;
      problem.hidden = true;
      for (const one of fields) one.complain?.(null);
      button.setAttribute('aria-busy', 'true');
      try {
        await act();
      } catch (error) {
        if (!error.code) globalThis.reportError?.(error);
        problem.hidden = false;
        say(problem, t.message(error));
      } finally {
        button.removeAttribute('aria-busy');
        node.querySelector('[aria-invalid]')?.focus();
      }
    },
  }, fields, problem, h('div', { class: 'actions' }, button, extra));
  node.complain = (text) => {
    problem.hidden = false;
    say(problem, text);
  };
  return node;
}

/** A group of controls under one caption. */
export function group(caption, ...children) {
  return h('fieldset', { class: 'field' }, h('legend', {}, caption), children);
}

/** A box to tick, or with {type: 'radio'} one to choose; as a label, whose .control it is. */
export function choice({ label, name, value, checked, type = 'checkbox', onchange }) {
  const control = h('input', { type, name, value, onchange });
  control.defaultChecked = Boolean(checked); // What reset() comes back to.
  return h('label', { class: 'choice' }, control, h('span', {}, label));
}

/** A select: options are [value, label]. */
export function select(options, value, onchange) {
  const control = h('select', { onchange });
  setOptions(control, options, value);
  return control;
}

export function setOptions(control, options, value) {
  fill(control, options.map(([key, label]) => {
    const option = h('option', { value: key }, label);
    option.defaultSelected = key === value;
    return option;
  }));
}
