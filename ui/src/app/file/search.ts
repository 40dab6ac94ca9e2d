import { Params } from '@angular/router';

/** What is searched for, as it stands in the page's address. */
export interface Search {
  q: string;
  tags: string[];
  type: string;
  camera: string;
  from: string;
  to: string;
  bbox: string;
  /** The id of a collection. */
  collection: string;
}

export const EVERYTHING: Search = { q: '', tags: [], type: '', camera: '', from: '', to: '', bbox: '', collection: '' };

export function readSearch(params: Params): Search {
  const one = (name: string): string => String(params[name] ?? '');
  const tags: string | string[] = (params['tag'] as string | string[] | undefined) ?? [];
  return {
    q: one('q'),
    tags: Array.isArray(tags) ? tags : [tags],
    type: one('type'),
    camera: one('camera'),
    from: one('from'),
    to: one('to'),
    bbox: one('bbox'),
    collection: one('collection'),
  };
}

/** The page's address for a search; what is not asked for is not in it. */
export function writeSearch(search: Search): Params {
  return {
    q: search.q || null,
    tag: search.tags.length ? search.tags : null,
    type: search.type || null,
    camera: search.camera || null,
    from: search.from || null,
    to: search.to || null,
    bbox: search.bbox || null,
    collection: search.collection || null,
  };
}

export function isEverything(search: Search): boolean {
  return Object.values(writeSearch(search)).every((value) => value === null);
}

/** The parameters of `GET /v1/files`. */
export function queryOf(search: Search): URLSearchParams {
  const query = new URLSearchParams();
  const words = closeQuotes(search.q.trim());
  if (words) query.set('q', words);
  for (const tag of search.tags) query.append('tag', tag);
  if (search.type) query.set('media_type', search.type);
  if (search.camera) query.set('camera', search.camera);
  if (search.from) query.set('taken_from', search.from);
  if (search.to) query.set('taken_to', search.to);
  if (search.bbox) query.set('bbox', search.bbox);
  if (search.collection) query.set('collection', search.collection);
  return query;
}

/** People see hits while they type: the word that they are in is the beginning of one, a phrase is open. */
function closeQuotes(text: string): string {
  if (text.split('"').length % 2 === 0) return `${text}"`;
  return /[\p{L}\p{N}]$/u.test(text) ? `${text}*` : text;
}
