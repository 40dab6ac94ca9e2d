import {
  ChangeDetectionStrategy,
  Component,
  DestroyRef,
  ElementRef,
  ViewEncapsulation,
  afterNextRender,
  inject,
  signal,
  viewChild,
} from '@angular/core';
import { Router, RouterLink } from '@angular/router';
import * as L from 'leaflet';

import { WeftFile, titleOf } from '../file/file';
import { Files } from '../file/files';
import { EVERYTHING, writeSearch } from '../file/search';
import { Thumbnail } from '../gallery/thumbnail';
import { Events } from '../node/events';
import { Nodes } from '../node/nodes';
import { Problem } from '../node/problem';
import { Sources } from '../node/source';
import { Failure } from '../shell/failure';
import { countText, numberText, takenDayText } from '../shell/words';
import { addTowns } from './names';
import { addGraticule, addOutlines } from './outlines';
import { Pins } from './pins';
import { Town, Towns } from './towns';

const SHOWN = 1000;
const LISTED = 60;
const FIRST_ZOOM = 7;
const TOWN_ZOOM = 11;
const KEPT_VIEW = 'weft.map';
const WORLD = '-180,-90,180,90';

/** Photos where they were taken. Moving the map is a search: what lies in it stands beside it. */
@Component({
  selector: 'weft-map',
  imports: [RouterLink, Thumbnail, Failure],
  templateUrl: './map.html',
  styleUrls: ['./leaflet.css', './map.css'],
  encapsulation: ViewEncapsulation.None,
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class MapPage {
  private readonly files = inject(Files);
  private readonly router = inject(Router);
  private readonly nodes = inject(Nodes);
  private readonly sources = inject(Sources);
  private readonly canvas = viewChild.required<ElementRef<HTMLElement>>('canvas');
  private asked = 0;
  protected readonly items = signal<WeftFile[]>([]);
  protected readonly total = signal(0);
  protected readonly box = signal('');
  protected readonly problem = signal<Problem | null>(null);
  protected readonly isReady = signal(false);
  protected readonly listed = LISTED;
  protected readonly titleOf = titleOf;
  protected readonly takenDayText = takenDayText;
  protected readonly countText = countText;
  protected readonly numberText = numberText;
  protected readonly towns = signal<Towns | null>(null);
  protected readonly found = signal<Town[]>([]);
  protected readonly word = signal('');
  protected look: () => void = () => undefined;
  protected show: (town: Town) => void = () => undefined;

  constructor() {
    const destroyed = inject(DestroyRef);
    const events = inject(Events);
    afterNextRender(() => {
      const map = L.map(this.canvas().nativeElement, {
        attributionControl: false,
        worldCopyJump: true,
        minZoom: 2,
        maxZoom: 17,
        zoomSnap: 0.5,
      });
      destroyed.onDestroy(() => map.remove());
      destroyed.onDestroy(events.listen((event) => event.contract === 'files' && this.look()));
      void this.begin(map);
    });
  }

  protected boxSearch(): Record<string, unknown> {
    return writeSearch({ ...EVERYTHING, bbox: this.box() });
  }

  protected onPlace(text: string): void {
    this.found.set(this.towns()?.find(text) ?? []);
    this.word.set('');
  }

  protected goTo(event: Event, text: string): void {
    event.preventDefault();
    const [town] = this.towns()?.find(text) ?? [];
    if (town) this.show(town);
    this.word.set(town ? '' : `No town of ten thousand people is named ${text}.`);
  }

  private async begin(map: L.Map): Promise<void> {
    await this.place(map);
    L.control.scale({ imperial: false }).addTo(map);
    addGraticule(map);
    const pins = new Pins(map, {
      show: (picture, file) => this.sources.show(picture, this.files.thumbnail(file)),
      open: (file) => void this.router.navigate(['/photo', file.id]),
    });
    this.look = () => void this.search(map, pins);
    map.on('moveend', () => {
      sessionStorage.setItem(KEPT_VIEW, JSON.stringify([map.getCenter().lat, map.getCenter().lng, map.getZoom()]));
      this.look();
    });
    this.look();
    this.show = (town) => {
      this.found.set([]);
      map.setView([town.lat, town.lon], TOWN_ZOOM);
    };
    try {
      await addOutlines(map, this.nodes);
      this.towns.set(await Towns.load(this.nodes));
      addTowns(map, this.towns()!);
    } catch (error) {
      this.problem.set(Problem.from(error));
    }
  }

  /** Where the reader was before; else where the photos are. */
  private async place(map: L.Map): Promise<void> {
    const kept = JSON.parse(sessionStorage.getItem(KEPT_VIEW) ?? 'null') as [number, number, number] | null;
    if (kept) {
      map.setView([kept[0], kept[1]], kept[2]);
      return;
    }
    map.setView([25, 10], 2);
    try {
      const page = await this.files.find(new URLSearchParams({ bbox: WORLD, limit: String(SHOWN) }));
      const points = page.items.map(({ metadata }) => [metadata.location!.lat, metadata.location!.lon] as L.LatLngTuple);
      if (points.length) map.fitBounds(L.latLngBounds(points), { maxZoom: FIRST_ZOOM, padding: [60, 60], animate: false });
    } catch (error) {
      this.problem.set(Problem.from(error));
    }
  }

  private async search(map: L.Map, pins: Pins): Promise<void> {
    const asked = ++this.asked;
    const box = boxOf(map.getBounds());
    const query = new URLSearchParams({ bbox: box, limit: String(SHOWN), sort: '-taken_at' });
    try {
      const page = await this.files.find(query);
      if (asked !== this.asked) return;
      this.box.set(box);
      this.items.set(page.items);
      this.total.set(page.total);
      this.problem.set(null);
      this.isReady.set(true);
      pins.show(page.items);
    } catch (error) {
      if (asked === this.asked) this.problem.set(Problem.from(error));
    }
  }
}

/** As nodes read it: a box wider than the world is the world, one over the antimeridian begins east of its end. */
function boxOf(bounds: L.LatLngBounds): string {
  const clamp = (value: number, most: number): number => Math.max(-most, Math.min(most, value));
  const round = (value: number): string => value.toFixed(5);
  const wrap = (lon: number): number => ((((lon + 180) % 360) + 360) % 360) - 180;
  const isWorld = bounds.getEast() - bounds.getWest() >= 360;
  const [west, east] = isWorld ? [-180, 180] : [wrap(bounds.getWest()), wrap(bounds.getEast())];
  return [west, clamp(bounds.getSouth(), 90), east, clamp(bounds.getNorth(), 90)].map(round).join(',');
}
