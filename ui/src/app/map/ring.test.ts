import { readFileSync } from 'node:fs';

import { FeatureCollection, Geometry, Position } from 'geojson';
import { feature } from 'topojson-client';
import { GeometryCollection, Topology } from 'topojson-specification';
import { expect, test } from 'vitest';

import { cutRing, middleOf, ringsOf } from './ring';

const BOX: Position[] = [
  [170, 60],
  [-170, 60],
  [-170, 70],
  [170, 70],
  [170, 60],
];

/** West, east, south and north of a ring. */
function boundsOf(ring: Position[]): number[] {
  const [lons, lats] = [ring.map(([lon]) => lon!), ring.map(([, lat]) => lat!)];
  return [Math.min(...lons), Math.max(...lons), Math.min(...lats), Math.max(...lats)];
}

test('a ring over the antimeridian is cut into its parts on either side', () => {
  const begunInTheWest = [...BOX.slice(1), BOX[1]!];
  for (const ring of [BOX, [...BOX].reverse(), begunInTheWest]) {
    const parts = cutRing(ring).map(boundsOf);
    expect(parts).toHaveLength(2);
    expect(parts).toContainEqual([170, 180, 60, 70]);
    expect(parts).toContainEqual([-180, -170, 60, 70]);
  }
});

test('a ring that only touches the antimeridian stays as it is', () => {
  const island: Position[] = [
    [179, 1],
    [180, 2],
    [180, 1],
    [179, 1],
  ];
  expect(cutRing(island)).toEqual([island]);
});

test('a ring around a pole is closed over the pole', () => {
  const ice: Position[] = [
    [0, -70],
    [120, -75],
    [-120, -65],
    [0, -70],
  ];
  expect(cutRing(ice).map(boundsOf)).toEqual([
    [0, 180, -90, -70],
    [-180, 0, -90, -65],
  ]);
});

test('no outline of the page goes over half of the world, and names stand in their countries', () => {
  const text = readFileSync('node_modules/world-atlas/countries-50m.json', 'utf-8');
  const world = JSON.parse(text) as Topology<{ countries: GeometryCollection<{ name: string }> }>;
  const countries = feature(world, world.objects.countries) as FeatureCollection<Geometry, { name: string }>;
  const wide: string[] = [];
  const middles = new Map<string, number[]>();
  for (const { geometry, properties } of countries.features) {
    const rings = ringsOf(geometry);
    middles.set(properties.name, middleOf(rings).middle);
    for (const ring of rings) {
      if (ring.some(([lon, lat], place) => lat !== -90 && Math.abs(lon! - (ring[place - 1]?.[0] ?? lon!)) > 180)) wide.push(properties.name);
    }
  }
  expect(wide).toEqual([]);
  const [russia, fiji] = [middles.get('Russia')!, middles.get('Fiji')!];
  expect(russia.map((degrees) => Math.round(degrees / 10))).toEqual([6, 10]);
  expect(fiji.map(Math.round)).toEqual([-18, 178]);
});
