import { Timeline, WeftFile } from '../file/file';

/** As many may share a section with other months of their year, and with other years. */
const FEW = 30;
const VERY_FEW = 16;

/** The photos of a month, or of some with few: how many is known from the beginning, they come as they are seen. */
export interface Section {
  key: string;
  /** The first and the last month, YYYY-MM; empty for photos without a time. */
  from: string;
  to: string;
  count: number;
  items: WeftFile[];
  /** Where the next page begins; null when all are here, undefined before the first. */
  cursor: string | null | undefined;
}

/** A section a month; months that have few photos share one, within a year or, if they have very few, beyond it. */
export function sectionsOf(timeline: Timeline): Section[] {
  const found: Section[] = [];
  const add = (from: string, to: string, count: number): void => {
    found.push({ key: `${from} ${to}`, from, to, count, items: [], cursor: undefined });
  };
  for (const { month, count } of timeline.months) {
    const last = found.at(-1);
    const most = last && last.from.slice(0, 4) === month.slice(0, 4) ? FEW : VERY_FEW;
    if (last && last.count + count <= most) {
      found.pop();
      add(month, last.to, last.count + count);
    } else {
      add(month, month, count);
    }
  }
  if (timeline.undated) add('', '', timeline.undated);
  return found;
}

/** Narrow a query to a section. */
export function bound(query: URLSearchParams, section: Section): void {
  if (!section.from) {
    query.set('undated', 'true');
    return;
  }
  const [year, number] = section.to.split('-').map(Number) as [number, number];
  const days = new Date(Date.UTC(year, number, 0)).getUTCDate();
  const [from, to] = [`${section.from}-01`, `${section.to}-${days}`];
  const [asked, until] = [query.get('taken_from') ?? '', query.get('taken_to') ?? ''];
  query.set('taken_from', asked > from ? asked : from);
  query.set('taken_to', until && until < to ? until : to);
  query.set('sort', '-taken_at');
}
