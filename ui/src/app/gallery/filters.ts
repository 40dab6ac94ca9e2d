import { ChangeDetectionStrategy, Component, computed, inject, signal } from '@angular/core';
import { Router } from '@angular/router';

import { Collections } from '../collection/collections';
import { Search, writeSearch } from '../file/search';
import { Icon } from '../shell/icon';
import { countText, numberText } from '../shell/words';
import { Album } from './album';

interface Group {
  name: string;
  label: string;
  values: { value: string; text: string; count: number; isOn: boolean }[];
}

interface Chip {
  text: string;
  without: Search;
}

const SHOWN = 24;

/** What is searched for beside words: chips for what is asked, and what else could be, with counts. */
@Component({
  selector: 'weft-filters',
  imports: [Icon],
  templateUrl: './filters.html',
  styleUrl: './filters.css',
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class Filters {
  protected readonly album = inject(Album);
  private readonly collections = inject(Collections);
  private readonly router = inject(Router);
  protected readonly isOpen = signal(false);
  protected readonly countText = countText;
  protected readonly numberText = numberText;

  protected readonly chips = computed<Chip[]>(() => {
    const search = this.album.search();
    const chips: Chip[] = search.tags.map((tag) => ({
      text: tag,
      without: { ...search, tags: search.tags.filter((one) => one !== tag) },
    }));
    if (search.type) chips.push({ text: kindText(search.type), without: { ...search, type: '' } });
    if (search.camera) chips.push({ text: search.camera, without: { ...search, camera: '' } });
    if (search.from || search.to) {
      chips.push({ text: `${search.from || '…'} to ${search.to || 'now'}`, without: { ...search, from: '', to: '' } });
    }
    if (search.bbox) chips.push({ text: 'In a part of the map', without: { ...search, bbox: '' } });
    if (search.collection) {
      const name = this.collections.find(search.collection)?.name ?? '…';
      chips.push({ text: `Album ${name}`, without: { ...search, collection: '' } });
    }
    return chips;
  });

  protected readonly groups = computed<Group[]>(() => {
    const search = this.album.search();
    const isOn: Record<string, (value: string) => boolean> = {
      tags: (value) => search.tags.includes(value),
      media_type: (value) => search.type === value,
      camera: (value) => search.camera === value,
      year: (value) => search.from === `${value}-01-01` && search.to === `${value}-12-31`,
    };
    const labels = { tags: 'Tags', camera: 'Camera', year: 'Year', media_type: 'Kind' };
    const albums = (this.collections.all() ?? []).map(({ id, name, files }) => ({
      value: id,
      text: name,
      count: files,
      isOn: search.collection === id,
    }));
    const groups = Object.entries(labels)
      .map(([name, label]) => {
        const counts = Object.entries(this.album.facets()[name] ?? {});
        if (name === 'year') counts.sort(([one], [other]) => other.localeCompare(one));
        const values = counts.slice(0, SHOWN).map(([value, count]) => ({
          value,
          count,
          text: name === 'media_type' ? kindText(value) : value,
          isOn: isOn[name]!(value),
        }));
        return { name, label, values };
      });
    groups.splice(1, 0, { name: 'collection', label: 'Albums', values: albums.slice(0, SHOWN) });
    return groups.filter((group) => group.values.length > 0);
  });

  protected open(): void {
    this.isOpen.update((isOpen) => !isOpen);
    this.collections.want();
  }

  protected toggle(group: string, value: string, isOn: boolean): void {
    const search = this.album.search();
    const tags = isOn ? search.tags.filter((one) => one !== value) : [...search.tags, value];
    const changed: Record<string, Partial<Search>> = {
      tags: { tags },
      media_type: { type: isOn ? '' : value },
      camera: { camera: isOn ? '' : value },
      collection: { collection: isOn ? '' : value },
      year: isOn ? { from: '', to: '' } : { from: `${value}-01-01`, to: `${value}-12-31` },
    };
    this.ask({ ...search, ...changed[group] });
  }

  protected setDay(which: 'from' | 'to', event: Event): void {
    this.ask({ ...this.album.search(), [which]: (event.target as HTMLInputElement).value });
  }

  protected ask(search: Search): void {
    void this.router.navigate(['/'], { queryParams: writeSearch(search) });
  }
}

function kindText(type: string): string {
  const [kind, form] = type.split('/') as [string, string | undefined];
  return kind === 'image' || kind === 'video' ? (form ?? kind).toUpperCase().replace(/^X-/, '') : type;
}
