/** What a file says of itself; only what there is. */
export interface Metadata {
  title?: string;
  description?: string;
  tags?: string[];
  taken_at?: string;
  /** How far the clock that told `taken_at` was from UTC, as +02:00. */
  taken_offset?: string;
  location?: { lat: number; lon: number };
  /** What `location` is called. */
  place?: string;
  camera?: string;
  lens?: string;
  author?: string;
  keywords?: string[];
  /** What programs found in the content. */
  machine_tags?: { tag: string; by: string; confidence: number; count?: number; likeness?: string }[];
  width?: number;
  height?: number;
  modified_at?: string;
  orientation?: number;
  duration_ms?: number;
  pages?: number;
  custom?: Record<string, unknown>;
}

export interface Place {
  id: string;
  height: number | null;
  position: number | null;
}

/** A file as `/v1/files` shows it. */
export interface WeftFile {
  id: string;
  sha256: string;
  size: number;
  media_type: string;
  name: string;
  metadata: Metadata;
  version: number;
  owner: string;
  /** Accounts and collections that may see it beside its owner; null: whoever reads the network. */
  readers: string[] | null;
  created_at: string;
  updated_at: string;
  transaction: Place;
}

export interface FileVersion {
  version: number;
  name: string | null;
  metadata: Metadata | null;
  author: string;
  height: number;
  time: string;
  erased_height: number | null;
}

export type Facets = Record<string, Record<string, number>>;

export interface FilePage {
  items: WeftFile[];
  next_cursor: string | null;
  total: number;
  total_exact: boolean;
  height: number;
  facets: Facets;
}

export interface Timeline {
  months: { month: string; count: number }[];
  undated: number;
  height: number;
}

/** A merge patch (RFC 7396): null takes a field away. */
export type Patch = { [Name in keyof Metadata]?: Metadata[Name] | null };

const SQUARE = 1;

/** Width over height of the upright picture; a card of what is none is square. */
export function ratioOf(file: WeftFile): number {
  const { width, height } = file.metadata;
  return width && height ? Math.min(Math.max(width / height, 0.4), 3.2) : isPicture(file) ? 1.4 : SQUARE;
}

/** What the clock showed when it was taken: that of the camera if its zone is known, else the time as it stands. */
export function clockOf({ taken_at, taken_offset = '+00:00' }: Metadata): string {
  if (!taken_at) return '';
  const [hours, minutes] = taken_offset.slice(1).split(':').map(Number);
  const east = (taken_offset.startsWith('-') ? -1 : 1) * (hours! * 60 + minutes!);
  return new Date(Date.parse(taken_at) + east * 60_000).toISOString().slice(0, 19);
}

/** Whether nodes draw a thumbnail of it. */
export function isPicture(file: WeftFile): boolean {
  return /^(image|video)\//.test(file.media_type);
}

/** Whether browsers show it themselves. */
export function isShown(file: WeftFile): boolean {
  return /^image\/(jpeg|png|webp|gif|avif|bmp)$/.test(file.media_type);
}

/** The words under which people know it. */
export function titleOf(file: WeftFile): string {
  return file.metadata.title ?? file.name;
}
