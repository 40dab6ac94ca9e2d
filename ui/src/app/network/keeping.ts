import { numberText } from '../shell/words';

/** How a node keeps the content of files, as far as `GET /v1/blobs` is shown; counts of what it found since it started. */
export interface Keeping {
  missing: number;
  lost: number;
  moving: number;
  erasing: number;
  damaged: number;
  repaired: number;
}

/** Whether content is not where it should be. */
export function isLacking({ missing, lost }: Keeping): boolean {
  return missing + lost > 0;
}

/** What is to be done yet. */
export function dueText({ missing, lost, moving, erasing }: Keeping): string {
  const parts = [
    missing && `${numberText(missing)} missing, being fetched`,
    lost && `${numberText(lost)} gone from the bucket`,
    moving && `${numberText(moving)} on the way to ${moving === 1 ? 'its' : 'their'} holders`,
    erasing && `${numberText(erasing)} yet to be erased from the bucket`,
  ];
  return parts.filter(Boolean).join(', ') || 'nothing missing';
}

/** What was wrong and what the node looked after by itself; empty when nothing was. */
export function foundText({ damaged, repaired }: Keeping): string {
  const parts = [damaged && `${numberText(damaged)} found damaged`, repaired && `${numberText(repaired)} made again`];
  const found = parts.filter(Boolean).join(', ');
  return found && `Since it started: ${found}`;
}
