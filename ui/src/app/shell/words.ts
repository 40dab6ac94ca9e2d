/** Dates, numbers and sizes as the reader's language writes them. */
const LANGUAGE = navigator.languages;
const NUMBER = new Intl.NumberFormat(LANGUAGE);
const MONTH = new Intl.DateTimeFormat(LANGUAGE, { month: 'long', year: 'numeric', timeZone: 'UTC' });
const TAKEN = new Intl.DateTimeFormat(LANGUAGE, { dateStyle: 'full', timeStyle: 'short', timeZone: 'UTC' });
const TAKEN_DAY = new Intl.DateTimeFormat(LANGUAGE, { dateStyle: 'medium', timeZone: 'UTC' });
const MOMENT = new Intl.DateTimeFormat(LANGUAGE, { dateStyle: 'medium', timeStyle: 'medium' });
const RELATIVE = new Intl.RelativeTimeFormat(LANGUAGE, { numeric: 'auto' });
const DEGREES = new Intl.NumberFormat(LANGUAGE, { minimumFractionDigits: 4, maximumFractionDigits: 4 });
const UNITS = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'];

export function numberText(value: number): string {
  return NUMBER.format(value);
}

export function countText(count: number, one: string, many = `${one}s`): string {
  return `${NUMBER.format(count)} ${count === 1 ? one : many}`;
}

/** `2008-10` as October 2008. */
export function monthText(month: string): string {
  return MONTH.format(new Date(`${month}-15T00:00:00Z`));
}

/** When a photo was taken. Cameras rarely know their zone: their clock is shown as it stood. */
export function takenText(time: string): string {
  return TAKEN.format(new Date(time));
}

export function takenDayText(time: string): string {
  return TAKEN_DAY.format(new Date(time));
}

/** A time of the ledger, on the reader's clock. */
export function momentText(time: string | number): string {
  return MOMENT.format(new Date(time));
}

export function agoText(time: number, now: number): string {
  const seconds = Math.round((time - now) / 1000);
  if (seconds > -60) return RELATIVE.format(Math.min(seconds, 0), 'second');
  if (seconds > -3600) return RELATIVE.format(Math.round(seconds / 60), 'minute');
  return RELATIVE.format(Math.round(seconds / 3600), 'hour');
}

export function sizeText(bytes: number): string {
  const power = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), UNITS.length - 1);
  const unit = UNITS[power]!;
  const digits = power > 0 && bytes / 1000 ** power < 10 ? 1 : 0;
  const format = new Intl.NumberFormat(LANGUAGE, { style: 'unit', unit, maximumFractionDigits: digits });
  return format.format(bytes / 1000 ** power);
}

/** Hours, minutes and seconds of a video. */
export function lengthText(milliseconds: number): string {
  const seconds = Math.round(milliseconds / 1000);
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  const parts = hours ? [hours, minutes, seconds % 60] : [minutes, seconds % 60];
  return parts.map((part, place) => (place ? String(part).padStart(2, '0') : part)).join(':');
}

export function placeText({ lat, lon }: { lat: number; lon: number }): string {
  return `${DEGREES.format(Math.abs(lat))}° ${lat < 0 ? 'S' : 'N'}, ${DEGREES.format(Math.abs(lon))}° ${lon < 0 ? 'W' : 'E'}`;
}

/** The beginning of a digest, as people compare it. */
export function short(digest: string): string {
  return digest.slice(0, 12);
}
