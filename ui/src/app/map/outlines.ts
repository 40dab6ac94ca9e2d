import { FeatureCollection, Geometry, Position } from 'geojson';
import * as L from 'leaflet';
import { feature } from 'topojson-client';
import { GeometryCollection, Topology } from 'topojson-specification';

import { Nodes } from '../node/nodes';
import { middleOf, ringsOf } from './ring';

interface Country {
  name: string;
}

const LETTER_PIXELS = 6;

/** A country's name, how wide it is in pixels, and how much room it has in degrees. */
interface Name {
  marker: L.Marker;
  width: number;
  room: number;
}

/** Land, borders and names of countries (Natural Earth), which came with this page: maps ask nobody for tiles. */
export async function addOutlines(map: L.Map, nodes: Nodes): Promise<void> {
  const world = await nodes.json<Topology<{ countries: GeometryCollection<Country> }>>('/countries-50m.json');
  const countries = feature(world, world.objects.countries) as FeatureCollection<Geometry, Country>;
  const names = countries.features.map(({ geometry, properties }) => {
    const rings = ringsOf(geometry);
    const outline = rings.map((ring) => ring.map(([lon, lat]): L.LatLngTuple => [lat!, lon!]));
    L.polygon(outline, { className: 'land', weight: 1, interactive: false }).addTo(map);
    return nameOf(properties.name, rings);
  });
  const show = (): void => {
    const pixels = map.options.crs!.scale(map.getZoom()) / 360;
    // A name that does not fit into its country would stand in another.
    for (const { marker, width, room } of names) {
      if (room * pixels > width) marker.addTo(map);
      else marker.remove();
    }
  };
  map.on('zoomend', show);
  show();
}

/** Lines every few degrees: where there is nothing but land, they say how far one has gone. */
export function addGraticule(map: L.Map): void {
  const lines = L.layerGroup().addTo(map);
  const pane = map.createPane('lines');
  pane.style.zIndex = '410';
  pane.style.pointerEvents = 'none';
  const draw = (): void => {
    const step = [30, 30, 20, 10, 5, 5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01][Math.min(Math.floor(map.getZoom()), 13)]!;
    const box = map.getBounds().pad(0.3);
    lines.clearLayers();
    const add = (from: L.LatLngTuple, to: L.LatLngTuple): void => {
      L.polyline([from, to], { className: 'graticule', weight: 1, interactive: false, pane: 'lines' }).addTo(lines);
    };
    const [south, north] = [Math.max(-85, box.getSouth()), Math.min(85, box.getNorth())];
    for (let lon = Math.ceil(box.getWest() / step) * step; lon <= box.getEast(); lon += step) add([south, lon], [north, lon]);
    for (let lat = Math.ceil(south / step) * step; lat <= north; lat += step) add([lat, box.getWest()], [lat, box.getEast()]);
  };
  map.on('moveend', draw);
  draw();
}

function nameOf(name: string, rings: Position[][]): Name {
  const { middle, room } = middleOf(rings);
  const icon = L.divIcon({ className: 'country', html: textElement(name), iconSize: [0, 0] });
  return { marker: L.marker(middle, { icon, interactive: false, keyboard: false }), width: name.length * LETTER_PIXELS, room };
}

function textElement(text: string): HTMLElement {
  const element = document.createElement('span');
  element.textContent = text;
  return element;
}
