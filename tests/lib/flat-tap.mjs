// SPDX-License-Identifier: Apache-2.0
// A reporter for node's test runner: TAP without nesting, so that each subtest is counted.
import { inspect } from 'node:util';

const clean = (text) => String(text).replace(/#/g, '').replace(/\s+/g, ' ').trim();

export default async function* report(source) {
  let count = 0;
  yield 'TAP version 13\n';
  for await (const { type, data } of source) {
    if (type === 'test:diagnostic') yield `# ${clean(data.message)}\n`; // what a test counted, and how long all took
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    // A file that is run as a whole is reported as a test named by its path.
    if (data.file && data.name === data.file) continue;
    count++;
    const note = data.skip !== undefined ? ` # SKIP ${clean(data.skip)}` : data.todo !== undefined ? ` # TODO ${clean(data.todo)}` : '';
    yield `${type === 'test:pass' ? 'ok' : 'not ok'} ${count} - ${clean(data.name)}${note}\n`;
    if (type === 'test:fail') yield inspect(data.details?.error, { depth: 4 }).replace(/^/gm, '# ') + '\n';
  }
  yield `1..${count}\n`;
}
