import { expect, test } from 'vitest';

import { bound, sectionsOf } from './section';

const timeline = (counts: Record<string, number>, undated = 0) => ({
  months: Object.entries(counts).map(([month, count]) => ({ month, count })),
  undated,
  height: 1,
});

test('months with few photos share a section, years with very few too, a full month stands alone', () => {
  const sections = sectionsOf(
    timeline({ '2010-03': 1, '2009-01': 2, '2008-12': 400, '2008-10': 9, '2008-02': 14, '2007-05': 1 }, 7),
  );
  expect(sections.map(({ from, to, count }) => [from, to, count])).toEqual([
    ['2009-01', '2010-03', 3],
    ['2008-12', '2008-12', 400],
    ['2008-02', '2008-10', 23],
    ['2007-05', '2007-05', 1],
    ['', '', 7],
  ]);
  expect(new Set(sections.map(({ key }) => key)).size).toBe(sections.length);
});

test('a section asks for its days, within the days that are searched for', () => {
  const [february] = sectionsOf(timeline({ '2008-02': 40 }));
  const query = new URLSearchParams({ taken_from: '2008-02-10' });
  bound(query, february!);
  expect(query.get('taken_from')).toBe('2008-02-10');
  expect(query.get('taken_to')).toBe('2008-02-29');
  const undated = new URLSearchParams();
  bound(undated, sectionsOf(timeline({}, 1))[0]!);
  expect(undated.toString()).toBe('undated=true');
});
