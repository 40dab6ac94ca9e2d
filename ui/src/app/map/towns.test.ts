import { expect, test } from 'vitest';

import { Towns } from './towns';

const TOWNS = new Towns([
  { name: 'São Paulo', lat: -23.5, lon: -46.6 },
  { name: 'Porto Alegre', lat: -30, lon: -51.2 },
  { name: 'Porto', lat: 41.1, lon: -8.6 },
]);

test('a town is found by the beginning of its name, without accents, its whole name before others', () => {
  expect(TOWNS.find('sao').map(({ name }) => name)).toEqual(['São Paulo']);
  expect(TOWNS.find('PORTO').map(({ name }) => name)).toEqual(['Porto', 'Porto Alegre']);
  expect(TOWNS.find(' ')).toEqual([]);
});
