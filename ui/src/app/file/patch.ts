import { Patch, WeftFile, clockOf } from './file';

/** What differs from what is there. An empty field takes away from one photo, and leaves several alone. */
export function patchOf(file: WeftFile, given: FormData, isOne: boolean): Patch {
  const text = (name: string): string => String(given.get(name) ?? '').trim();
  const { metadata } = file;
  const patch: Patch = {};
  if (isOne && text('title') !== (metadata.title ?? '')) patch.title = text('title') || null;
  const before = metadata.tags ?? [];
  const named = text('tags').split(',').map((tag) => tag.trim()).filter(Boolean);
  const tags = [...new Set(isOne ? named : [...before, ...named])];
  if (tags.join('\n') !== before.join('\n')) patch.tags = tags.length ? tags : null;
  const taken = text('taken');
  if (taken !== clockOf(metadata) && (taken || isOne)) {
    patch.taken_at = taken ? `${taken.length === 16 ? `${taken}:00` : taken}${metadata.taken_offset ?? 'Z'}` : null;
  }
  const [lat, lon] = [text('lat'), text('lon')];
  if (lat && lon) {
    const place = { lat: Number(lat), lon: Number(lon) };
    if (place.lat !== metadata.location?.lat || place.lon !== metadata.location.lon) patch.location = place;
  } else if (isOne && metadata.location) {
    patch.location = null;
  }
  return patch;
}
