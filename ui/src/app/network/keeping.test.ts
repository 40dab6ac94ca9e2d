import { expect, test, vi } from 'vitest';

import { dueText, foundText, isLacking } from './keeping';

vi.hoisted(() => vi.stubGlobal('navigator', { languages: ['en'] }));

const WELL = { missing: 0, lost: 0, moving: 0, erasing: 0, damaged: 0, repaired: 0 };

test('a node that has all says so, and nothing of what never was', () => {
  expect(dueText(WELL)).toBe('nothing missing');
  expect(foundText(WELL)).toBe('');
  expect(isLacking(WELL)).toBe(false);
});

test('all that is to be done is named, and what is not there is lacking', () => {
  const busy = { ...WELL, missing: 2, lost: 1, moving: 1, erasing: 3 };
  expect(dueText(busy)).toBe(
    '2 missing, being fetched, 1 gone from the bucket, 1 on the way to its holders, 3 yet to be erased from the bucket',
  );
  expect(isLacking({ ...WELL, moving: 4 })).toBe(false);
  expect(isLacking({ ...WELL, lost: 1 })).toBe(true);
});

test('damage is told, and what was made again', () => {
  expect(foundText({ ...WELL, damaged: 1 })).toBe('Since it started: 1 found damaged');
  expect(foundText({ ...WELL, damaged: 1, repaired: 2 })).toBe('Since it started: 1 found damaged, 2 made again');
  expect(foundText({ ...WELL, repaired: 1 })).toBe('Since it started: 1 made again');
});
