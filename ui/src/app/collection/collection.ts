/** Files put together under a name, as `/v1/collections` shows it. People know it as an album. */
export interface Collection {
  id: string;
  name: string;
  owner: string;
  /** Others who may add and remove files. */
  writers: string[];
  /** How many. */
  files: number;
  version: number;
  created_at: string;
  updated_at: string;
}

export interface CollectionPage {
  items: Collection[];
  next_cursor: string | null;
}

/** By name, as the reader's language sorts; of equal names the older first. */
export function byName(one: Collection, other: Collection): number {
  const order = one.name.localeCompare(other.name, navigator.languages, { numeric: true, sensitivity: 'base' });
  return order || one.created_at.localeCompare(other.created_at) || one.id.localeCompare(other.id);
}
