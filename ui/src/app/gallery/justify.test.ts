import { describe, expect, test } from 'vitest';

import { Grid, estimate, heightOfRows, justify } from './justify';

const GRID: Grid = { width: 1000, rowHeight: 200, gap: 4 };
const ratios = (count: number): number[] => Array.from({ length: count }, (_, place) => 0.6 + ((place * 7919) % 23) / 10);

describe('a justified grid', () => {
  test('holds every picture once, in order', () => {
    const rows = justify(ratios(997), GRID);
    expect(rows.flatMap((row) => row.boxes.map((box) => box.index))).toEqual(Array.from({ length: 997 }, (_, i) => i));
  });

  test('fills the width of every row but the last, each picture at its own ratio', () => {
    const given = ratios(500);
    for (const row of justify(given, GRID).slice(0, -1)) {
      const last = row.boxes.at(-1)!;
      expect(last.x + last.width).toBeCloseTo(GRID.width, 6);
      for (const box of row.boxes) expect(box.width / row.height).toBeCloseTo(given[box.index]!, 6);
      expect(row.height).toBeGreaterThan(110);
      expect(row.height).toBeLessThan(360);
    }
  });

  test('puts rows below each other without overlap', () => {
    const rows = justify(ratios(300), GRID);
    rows.slice(1).forEach((row, place) => expect(row.y).toBeCloseTo(rows[place]!.y + rows[place]!.height + GRID.gap, 6));
    expect(heightOfRows(rows)).toBeCloseTo(rows.at(-1)!.y + rows.at(-1)!.height, 6);
  });

  test('does not blow up a few pictures to fill the width', () => {
    const [row] = justify([1.5, 1], GRID);
    expect(row!.height).toBe(GRID.rowHeight);
    expect(row!.boxes.at(-1)!.x + row!.boxes.at(-1)!.width).toBeLessThan(GRID.width);
  });

  test('shows a panorama no wider than the page', () => {
    const [row] = justify([12], GRID);
    expect(row!.boxes[0]!.width).toBeCloseTo(GRID.width, 6);
  });

  test('is as long as was estimated before its pictures came, within a third', () => {
    const height = heightOfRows(justify(Array.from({ length: 1000 }, () => 1.4), GRID));
    expect(Math.abs(estimate(1000, GRID) / height - 1)).toBeLessThan(0.33);
    expect(estimate(0, GRID)).toBe(0);
    expect(heightOfRows(justify([], GRID))).toBe(0);
  });
});
