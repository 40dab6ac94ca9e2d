import {
  ChangeDetectionStrategy,
  Component,
  DestroyRef,
  ElementRef,
  ViewEncapsulation,
  afterNextRender,
  effect,
  inject,
  input,
} from '@angular/core';
import * as L from 'leaflet';

import { Nodes } from '../node/nodes';
import { addGraticule, addOutlines } from './outlines';

const ZOOM = 5;

/** Where one photo was taken. */
@Component({
  selector: 'weft-minimap',
  template: '',
  styleUrl: './leaflet.css',
  encapsulation: ViewEncapsulation.None,
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class MiniMap {
  readonly place = input.required<{ lat: number; lon: number }>();

  constructor() {
    const element = inject<ElementRef<HTMLElement>>(ElementRef).nativeElement;
    const map = L.map(element, { attributionControl: false, zoomControl: false, scrollWheelZoom: false, maxZoom: 12 });
    const dot = document.createElement('span');
    dot.className = 'dot';
    const icon = L.divIcon({ className: '', html: dot, iconSize: [0, 0] });
    const marker = L.marker([0, 0], { icon, interactive: false, keyboard: false }).addTo(map);
    effect(() => {
      const { lat, lon } = this.place();
      marker.setLatLng([lat, lon]);
      map.setView([lat, lon], ZOOM);
    });
    map.setView([0, 0], ZOOM);
    const nodes = inject(Nodes);
    afterNextRender(() => {
      // Only now has it a size.
      map.invalidateSize();
      map.setView([this.place().lat, this.place().lon], ZOOM);
      addGraticule(map);
      // A map without outlines still shows the place by its lines.
      addOutlines(map, nodes).catch(() => undefined);
    });
    inject(DestroyRef).onDestroy(() => map.remove());
  }
}
