import { expect, test } from 'vitest';

import { EVERYTHING, isEverything, queryOf, readSearch, writeSearch } from './search';

test('a search stands whole in the address of the page', () => {
  const search = { ...EVERYTHING, q: 'sea "long walk"', tags: ['a', 'b'], camera: 'NIKON', from: '2008-01-01', collection: 'ab' };
  expect(readSearch(writeSearch(search))).toEqual(search);
  expect(isEverything(search)).toBe(false);
  expect(isEverything(readSearch({}))).toBe(true);
});

test('words are found while they are typed', () => {
  const q = (text: string): string | null => queryOf({ ...EVERYTHING, q: text }).get('q');
  expect(q('bea')).toBe('bea*');
  expect(q('two wor')).toBe('two wor*');
  expect(q('"long wa')).toBe('"long wa"');
  expect(q('"long walk"')).toBe('"long walk"');
  expect(q('done*')).toBe('done*');
  expect(q('  ')).toBeNull();
});
