import { expect, test } from 'vitest';

import { WeftFile, clockOf } from './file';
import { patchOf } from './patch';

const file = (metadata: WeftFile['metadata']): WeftFile => ({ metadata }) as WeftFile;
const form = (values: Record<string, string>): FormData => {
  const given = new FormData();
  for (const [name, value] of Object.entries(values)) given.set(name, value);
  return given;
};
const SEA = file({ title: 'Sea', tags: ['a', 'b'], taken_at: '2008-10-22T16:28:39Z', location: { lat: 1, lon: 2 } });
const AS_IS = { title: 'Sea', tags: 'a, b', taken: '2008-10-22T16:28:39', lat: '1', lon: '2' };

test('nothing is sent of what did not change', () => {
  expect(patchOf(SEA, form(AS_IS), true)).toEqual({});
});

test('what was changed is sent, what was emptied is taken away', () => {
  const changed = form({ ...AS_IS, title: '', tags: 'b, c, c', taken: '2009-01-01T10:00', lat: '', lon: '' });
  expect(patchOf(SEA, changed, true)).toEqual({
    title: null,
    tags: ['b', 'c'],
    taken_at: '2009-01-01T10:00:00Z',
    location: null,
  });
});

test('of several photos an empty field changes nothing, and tags are added', () => {
  expect(patchOf(SEA, form({ tags: 'c', taken: '', lat: '', lon: '' }), false)).toEqual({ tags: ['a', 'b', 'c'] });
});

test('a time is shown and sent back on the clock of the camera', () => {
  const abroad = file({ taken_at: '2008-10-22T23:28:39Z', taken_offset: '-09:30' });
  expect(clockOf(abroad.metadata)).toBe('2008-10-22T13:58:39');
  expect(patchOf(abroad, form({ taken: '2008-10-22T13:58:39' }), true)).toEqual({});
  expect(patchOf(abroad, form({ taken: '2008-10-22T14:00' }), true)).toEqual({ taken_at: '2008-10-22T14:00:00-09:30' });
});
