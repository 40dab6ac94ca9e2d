import { ChangeDetectionStrategy, Component, computed, input } from '@angular/core';

const SHAPES = {
  photos: 'M4 6.5A2.5 2.5 0 0 1 6.5 4h11A2.5 2.5 0 0 1 20 6.5v11a2.5 2.5 0 0 1-2.5 2.5h-11A2.5 2.5 0 0 1 4 17.5zM4.5 17l4.300-4.700a1.5 1.5 0 0 1 2.200 0l2.600 2.800 1.400-1.400a1.5 1.5 0 0 1 2.100 0l2.600 2.600M15.5 9.200h.01',
  albums: 'M6 9h12a2 2 0 0 1 2 2v7a2 2 0 0 1-2 2H6a2 2 0 0 1-2-2v-7a2 2 0 0 1 2-2zM6.5 6h11M9 3h6',
  map: 'M9 4 3.5 6.200v13.600L9 17.600m0-13.600 6 2.400M9 4v13.600m6-11.200 5.5-2.200v13.600L15 20m0-13.600V20m0 0-6-2.400',
  ledger: 'M12 3.5 19.5 7.800v8.400L12 20.5l-7.5-4.300V7.800zM12 12l7.300-4.200M12 12 4.700 7.800M12 12v8.300',
  network: 'M12 5.5a1.800 1.800 0 1 0 0-.01M5.5 18.5a1.800 1.800 0 1 0 0-.01M18.5 18.5a1.800 1.800 0 1 0 0-.01M11 7 6.400 16.700M13 7l4.600 9.700M7.600 18.5h8.800',
  search: 'M10.800 17.100a6.300 6.300 0 1 0 0-12.600 6.300 6.300 0 0 0 0 12.600zM15.5 15.5 20 20',
  filter: 'M4 7h10M18 7h2M16 7a2 2 0 1 0 0-.01M4 17h2M10 17h10M8 17a2 2 0 1 0 0-.01',
  add: 'M12 5v14M5 12h14',
  remove: 'M5 12h14',
  lock: 'M7 11h10a1.5 1.5 0 0 1 1.5 1.5v6A1.5 1.5 0 0 1 17 20H7a1.5 1.5 0 0 1-1.5-1.5v-6A1.5 1.5 0 0 1 7 11zM8.5 11V8a3.5 3.5 0 0 1 7 0v3',
  check: 'm5.5 12.5 4.200 4.200L18.5 7.5',
  close: 'm6 6 12 12M18 6 6 18',
  back: 'M19 12H5m6-6-6 6 6 6',
  left: 'm14.5 5-7 7 7 7',
  right: 'm9.5 5 7 7-7 7',
  edit: 'M4 20h4L19 9a2.100 2.100 0 0 0-3-3L5 17zM14 8l3 3',
  erase: 'M5 7h14M10 7V4.5h4V7M7 7l.8 12.5h8.400L17 7M10.5 11v5M13.5 11v5',
  download: 'M12 4v11m-4.5-4.5L12 15l4.5-4.5M5 19.5h14',
  shield: 'M12 3.5 5 6.200v5.300c0 4.300 2.900 7.400 7 9 4.100-1.600 7-4.700 7-9V6.200zM8.800 12l2.300 2.300 4.200-4.600',
  tag: 'M4 11.5V5a1 1 0 0 1 1-1h6.5L20 12.5 12.5 20zM8.200 8.200h.01',
  alert: 'M12 4 2.800 19.5h18.400zM12 10v4.200M12 17h.01',
} as const;

export type IconName = keyof typeof SHAPES;

/** A drawn sign beside words; screen readers pass over it. */
@Component({
  selector: 'weft-icon',
  template: `<svg viewBox="0 0 24 24" aria-hidden="true" focusable="false" [style.width.px]="size()" [style.height.px]="size()">
    <path [attr.d]="shape()" />
  </svg>`,
  styles: `
    :host { display: inline-grid; place-items: center; }
    path { fill: none; stroke: currentColor; stroke-width: 1.7; stroke-linecap: round; stroke-linejoin: round; }
  `,
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class Icon {
  readonly name = input.required<IconName>();
  readonly size = input<number | string>(20);
  protected readonly shape = computed(() => SHAPES[this.name()]);
}
