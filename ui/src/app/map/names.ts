import * as L from 'leaflet';

import { Town, Towns } from './towns';

const FROM_ZOOM = 5;
const SHOWN_MAX = 40;
const WIDE = 108;
const HIGH = 26;

/** Writes the largest towns of what shows onto a map, as many as have room. */
export function addTowns(map: L.Map, towns: Towns): void {
  const layer = L.layerGroup().addTo(map);
  const draw = (): void => {
    layer.clearLayers();
    if (map.getZoom() < FROM_ZOOM) return;
    const taken: L.Point[] = [];
    const isFree = (town: Town): boolean => {
      const point = map.latLngToContainerPoint([town.lat, town.lon]);
      if (taken.some((other) => Math.abs(other.x - point.x) < WIDE && Math.abs(other.y - point.y) < HIGH)) return false;
      taken.push(point);
      return true;
    };
    for (const town of towns.choose(map.getBounds(), SHOWN_MAX, isFree)) {
      const text = document.createElement('span');
      text.textContent = town.name;
      const icon = L.divIcon({ className: 'town', html: text, iconSize: [0, 0] });
      L.marker([town.lat, town.lon], { icon, interactive: false, keyboard: false }).addTo(layer);
    }
  };
  map.on('moveend', draw);
  draw();
}
