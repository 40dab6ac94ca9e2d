import { Geometry, Position } from 'geojson';

/** All rings of a country, holes among them, none of which crosses the antimeridian. */
export function ringsOf(geometry: Geometry): Position[][] {
  const polygons = geometry.type === 'Polygon' ? [geometry.coordinates] : geometry.type === 'MultiPolygon' ? geometry.coordinates : [];
  return polygons.flat().flatMap(cutRing);
}

/** The parts of a closed ring within 180° of Greenwich: drawn as it is, a step from 179° to -179° would go around the world. */
export function cutRing(ring: Position[]): Position[][] {
  const unrolled = unroll(ring);
  const [west, east] = rangeOf(unrolled, 0);
  const parts: Position[][] = [];
  for (let turn = Math.floor((west + 180) / 360); 360 * turn - 180 < east; turn++) {
    const part = cut(cut(unrolled, 360 * turn - 180, 1), 360 * turn + 180, -1);
    parts.push(part.map(([lon, lat]) => [lon! - 360 * turn, lat!]));
  }
  return parts;
}

/** The middle of the largest of these rings as latitude and longitude, and how many degrees wide it is. */
export function middleOf(rings: Position[][]): { middle: [number, number]; room: number } {
  let best: { size: number; middle: [number, number]; room: number } = { size: -1, middle: [0, 0], room: 0 };
  for (const ring of rings) {
    const [[west, east], [south, north]] = [rangeOf(ring, 0), rangeOf(ring, 1)];
    const size = (east - west) * (north - south);
    if (size > best.size) best = { size, middle: [(south + north) / 2, (west + east) / 2], room: east - west };
  }
  return best;
}

/** The ring with longitudes that go on beyond 180°; one around a pole is closed over the pole. */
function unroll(ring: Position[]): Position[] {
  let turns = 0;
  const points = ring.map(([lon, lat], place) => {
    const step = place ? lon! - ring[place - 1]![0]! : 0;
    if (Math.abs(step) > 180) turns -= Math.sign(step);
    return [lon! + 360 * turns, lat!];
  });
  if (!turns) return points;
  const [first, last] = [points[0]!, points.at(-1)!];
  const pole = 90 * Math.sign(first[1]!);
  return [...points, [last[0]!, pole], [first[0]!, pole], first];
}

/** What of a closed ring lies east (`side` 1) or west (-1) of a meridian. */
function cut(ring: Position[], meridian: number, side: 1 | -1): Position[] {
  const isKept = ([lon]: Position): boolean => side * (lon! - meridian) >= 0;
  const kept = ring.flatMap((point, place) => {
    const before = ring[place - 1] ?? point;
    const crossing = isKept(before) === isKept(point) ? [] : [crossingOf(before, point, meridian)];
    return isKept(point) ? [...crossing, point] : crossing;
  });
  // A ring that begins on the other side was opened by this.
  return kept.length && !isKept(ring[0]!) ? [...kept, kept[0]!] : kept;
}

function crossingOf([lon, lat]: Position, [toLon, toLat]: Position, meridian: number): Position {
  return [meridian, lat! + ((toLat! - lat!) * (meridian - lon!)) / (toLon! - lon!)];
}

/** The least and the most of a coordinate: 0 for longitudes, 1 for latitudes. */
function rangeOf(ring: Position[], axis: 0 | 1): [number, number] {
  const values = ring.map((point) => point[axis]!);
  return [Math.min(...values), Math.max(...values)];
}
