import { WeftFile, ratioOf } from '../file/file';
import { monthText } from '../shell/words';
import { Grid, Row, estimate, heightOfRows, justify } from './justify';
import { Section } from './section';
import { Stack, stack, visible } from './window';

export const HEAD = 60;
const FOOT = 28;

/** A section with its photos laid out. */
export interface Shelf {
  section: Section;
  rows: Row[];
  /** Of all its photos, those that are not here yet by estimate. */
  height: number;
}

export interface Tile {
  file: WeftFile;
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface Heading {
  key: string;
  text: string;
  count: number;
  y: number;
}

/** What shows of a gallery, and what must be fetched for it. */
export interface View {
  headings: Heading[];
  tiles: Tile[];
  /** Section and how many of its photos should be here. */
  wanted: [string, number][];
}

export interface Shelves {
  shelves: Shelf[];
  stack: Stack;
  height: number;
}

/** Lays out sections; photos that did not change are not laid out again. */
export class Shelving {
  private kept = new Map<string, { items: WeftFile[]; grid: Grid; rows: Row[] }>();

  arrange(sections: readonly Section[], grid: Grid): Shelves {
    const shelves = sections.map((section) => this.fill(section, grid));
    const tops = stack(shelves.map((shelf) => shelf.height));
    return { shelves, stack: tops, height: tops.tops.at(-1) ?? 0 };
  }

  private fill(section: Section, grid: Grid): Shelf {
    const { items, key } = section;
    const before = this.kept.get(key);
    const isSame = before?.items === items && before.grid.width === grid.width && before.grid.rowHeight === grid.rowHeight;
    const rows = isSame ? before.rows : justify(items.map(ratioOf), grid);
    this.kept.set(key, { items, grid, rows });
    const missing = Math.max(0, section.count - items.length);
    const height = HEAD + heightOfRows(rows) + (missing ? grid.gap + estimate(missing, grid) : 0) + FOOT;
    return { section, rows, height };
  }
}

/** What lies between two heights. */
export function look({ shelves, stack: tops }: Shelves, from: number, to: number): View {
  const view: View = { headings: [], tiles: [], wanted: [] };
  const [first, end] = visible(tops, from, to);
  for (const [place, shelf] of shelves.slice(first, end).entries()) {
    const { section, rows } = shelf;
    const top = tops.tops[first + place]!;
    view.headings.push({
      key: section.key,
      text: nameOf(section),
      count: section.count,
      y: top,
    });
    for (const row of rows) {
      const y = top + HEAD + row.y;
      if (y + row.height < from || y > to) continue;
      for (const box of row.boxes) {
        view.tiles.push({ file: section.items[box.index]!, x: box.x, y, width: box.width, height: row.height });
      }
    }
    const isWhole = section.cursor !== undefined && section.items.length >= section.count;
    if (!isWhole) {
      const share = Math.min(1, Math.max(0.01, (to - top) / shelf.height));
      view.wanted.push([section.key, Math.ceil(share * section.count)]);
    }
  }
  return view;
}

/** The month that a section holds, or the year or years of several. */
export function nameOf({ from, to }: Section): string {
  if (!to) return 'Without a date';
  if (from === to) return monthText(to);
  const [first, last] = [from.slice(0, 4), to.slice(0, 4)];
  return first === last ? last : `${first} – ${last}`;
}
