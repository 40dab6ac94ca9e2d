import * as L from 'leaflet';
import Supercluster from 'supercluster';

import { WeftFile, titleOf } from '../file/file';
import { countText } from '../shell/words';

const NEAR_PIXELS = 72;
const ZOOM_MAX = 16;

interface Point {
  file: WeftFile;
}

export interface PinDeeds {
  show: (picture: HTMLImageElement, file: WeftFile) => () => void;
  open: (file: WeftFile) => void;
}

/** Photos where they were taken; those too near each other to be seen apart are one pin with their number. */
export class Pins {
  private readonly layer: L.LayerGroup;
  private readonly shown: (() => void)[] = [];
  private index = new Supercluster<Point, { file?: WeftFile }>();

  constructor(
    private readonly map: L.Map,
    private readonly deeds: PinDeeds,
  ) {
    this.layer = L.layerGroup().addTo(map);
    map.on('zoomend', () => this.draw());
  }

  show(files: readonly WeftFile[]): void {
    this.index = new Supercluster<Point>({ radius: NEAR_PIXELS, maxZoom: ZOOM_MAX });
    this.index.load(
      files.map((file) => {
        const { lat, lon } = file.metadata.location!;
        return { type: 'Feature', properties: { file }, geometry: { type: 'Point', coordinates: [lon, lat] } };
      }),
    );
    this.draw();
  }

  private draw(): void {
    this.layer.clearLayers();
    for (const release of this.shown.splice(0)) release();
    for (const found of this.index.getClusters([-180, -90, 180, 90], Math.round(this.map.getZoom()))) {
      const [lon, lat] = found.geometry.coordinates as [number, number];
      const place: L.LatLngTuple = [lat, lon];
      if ('cluster' in found.properties && found.properties.cluster) this.addMany(place, found.properties.cluster_id, found.properties.point_count);
      else this.addOne(place, (found.properties as Point).file);
    }
  }

  private addOne(place: L.LatLngTuple, file: WeftFile): void {
    this.add(place, file, 54, 0, titleOf(file)).on('click', () => this.deeds.open(file));
  }

  private addMany(place: L.LatLngTuple, cluster: number, count: number): void {
    const [first] = this.index.getLeaves(cluster, 1);
    const size = Math.min(84, 58 + 6 * Math.log2(count));
    this.add(place, first!.properties.file, size, count, countText(count, 'photo')).on('click', () => {
      const zoom = Math.min(this.index.getClusterExpansionZoom(cluster), ZOOM_MAX + 1);
      const isTogether = zoom > ZOOM_MAX;
      // Photos of the very same place do not come apart however near one goes.
      if (isTogether && this.map.getZoom() > ZOOM_MAX) this.deeds.open(first!.properties.file);
      else this.map.setView(place, zoom);
    });
  }

  private add(place: L.LatLngTuple, file: WeftFile, size: number, count: number, title: string): L.Marker {
    const pin = document.createElement('span');
    pin.className = 'pin';
    pin.style.width = pin.style.height = `${size}px`;
    const picture = document.createElement('img');
    picture.alt = '';
    this.shown.push(this.deeds.show(picture, file));
    pin.append(picture);
    if (count) {
      const badge = document.createElement('b');
      badge.textContent = String(count);
      pin.append(badge);
    }
    const icon = L.divIcon({ className: '', html: pin, iconSize: [0, 0] });
    return L.marker(place, { icon, title, alt: title, riseOnHover: true }).addTo(this.layer);
  }
}
