import type { LatLngBounds } from 'leaflet';

import { Nodes } from '../node/nodes';

export interface Town {
  name: string;
  lat: number;
  lon: number;
}

const FOUND_MAX = 6;

/** Towns of the world by the number of their people, which came with this page: nobody is asked where a place is. */
export class Towns {
  private readonly folded: string[];

  constructor(private readonly all: readonly Town[]) {
    this.folded = all.map((town) => fold(town.name));
  }

  static async load(nodes: Nodes): Promise<Towns> {
    const rows = await nodes.json<[string, number, number][]>('/places.json');
    return new Towns(rows.map(([name, lat, lon]) => ({ name, lat: lat / 1000, lon: lon / 1000 })));
  }

  /** Towns whose name begins so, whatever its accents; the largest first, an equal name before all. */
  find(text: string): Town[] {
    const wanted = fold(text.trim());
    if (!wanted) return [];
    const exact: Town[] = [];
    const begun: Town[] = [];
    this.folded.forEach((name, place) => {
      if (name === wanted) exact.push(this.all[place]!);
      else if (begun.length < FOUND_MAX && name.startsWith(wanted)) begun.push(this.all[place]!);
    });
    return [...exact, ...begun].slice(0, FOUND_MAX);
  }

  /** The largest towns in a part of the world that do not stand in each other's way. */
  choose(bounds: LatLngBounds, most: number, isFree: (town: Town) => boolean): Town[] {
    const chosen: Town[] = [];
    for (const town of this.all) {
      if (!bounds.contains([town.lat, town.lon]) || !isFree(town)) continue;
      chosen.push(town);
      if (chosen.length === most) break;
    }
    return chosen;
  }
}

function fold(text: string): string {
  return text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();
}
