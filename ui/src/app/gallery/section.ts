import { Timeline, WeftFile } from '../file/file';

const FEW = 30;

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

/** A section a month; months of one year that have few photos share one. */
export function sectionsOf(timeline: Timeline): Section[] {
  const found: Section[] = [];
  const add = (from: string, to: string, count: number): void => {
    found.push({ key: `${from} ${to}`, from, to, count, items: [], cursor: undefined });
  };
  for (const { month, count } of timeline.months) {
    const last = found.at(-1);
    if (last && last.to.slice(0, 4) === month.slice(0, 4) && last.count + count <= FEW) {
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
