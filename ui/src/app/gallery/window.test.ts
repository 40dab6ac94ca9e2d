import { describe, expect, test } from 'vitest';

import { at, stack, visible } from './window';

describe('a window on a long stack', () => {
  const heights = Array.from({ length: 5000 }, (_, place) => 50 + (place % 7) * 30);
  const tower = stack(heights);

  test('shows what a search through all of it would show', () => {
    for (const from of [-500, 0, 49, 50, 12_345, 300_000, tower.tops.at(-1)! - 10]) {
      const to = from + 900;
      const plain = heights.flatMap((height, place) => {
        const top = tower.tops[place]!;
        return top + height > from && top < to ? [place] : [];
      });
      const [first, end] = visible(tower, from, to);
      expect([first, end], `from ${from}`).toEqual([plain[0], plain.at(-1)! + 1]);
    }
  });

  test('shows nothing of nothing', () => {
    expect(visible(stack([]), 0, 900)).toEqual([0, 0]);
    expect(visible(tower, 900, 900)).toEqual([0, 0]);
  });

  test('says which thing is at a height, also beyond both ends', () => {
    expect(at(tower.tops, -10)).toBe(0);
    expect(at(tower.tops, 49.9)).toBe(0);
    expect(at(tower.tops, 50)).toBe(1);
    expect(at(tower.tops, 1e9)).toBe(heights.length - 1);
  });
});
