// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Serambi authors
//
// The first section: what every plugin has to say about this moment.

import { Part, define, fill, h } from './dom.js';

class CoreNow extends Part {
  start() {
    const { session, t } = this.app;
    const parts = this.plugins.filter((plugin) => plugin.now);
    fill(this, h('p', { class: 'quietly' }, t('now.hello', { name: session.user })), this.app.asOf(),
      h('div', { class: 'nowgrid' }, parts.map((plugin) => {
        const words = this.shell.words(plugin.id);
        const id = `now-${plugin.id}`;
        const mayOpen = !plugin.roles || session.role === 'admin' || plugin.roles.includes(session.role);
        return h('section', { class: 'card', 'aria-labelledby': id },
          h('h2', { id }, mayOpen ? h('a', { href: `#/${plugin.id}` }, words(plugin.title)) : words(plugin.title)),
          this.shell.mount(plugin.id, plugin.now));
      })));
  }
}

define('core-now', CoreNow);
