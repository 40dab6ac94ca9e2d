/** A tile in a row: which picture, and where. */
export interface Box {
  index: number;
  x: number;
  width: number;
}

/** Pictures side by side, filling the width at one height. */
export interface Row {
  y: number;
  height: number;
  boxes: Box[];
}

export interface Grid {
  width: number;
  /** The height that rows should have, as near as the width allows. */
  rowHeight: number;
  gap: number;
}

/**
 * Rows of pictures that fill the width exactly, each at its own ratio, in the given order. Only the last row may
 * be shorter than the width: few pictures are not blown up to fill it.
 */
export function justify(ratios: readonly number[], grid: Grid): Row[] {
  const rows: Row[] = [];
  let first = 0;
  let ratio = 0;
  let y = 0;
  const close = (end: number, height: number, isLast: boolean): void => {
    const boxes = place(ratios, first, end, height, grid, isLast);
    rows.push({ y, height, boxes });
    y += height + grid.gap;
    first = end;
    ratio = 0;
  };
  for (let index = 0; index < ratios.length; index++) {
    const added = ratio + ratios[index]!;
    const height = heightOf(added, index + 1 - first, grid);
    if (height > grid.rowHeight) {
      ratio = added;
      continue;
    }
    const before = heightOf(ratio, index - first, grid);
    // Whichever comes nearer to the wished height: with this picture, or without it.
    if (index > first && before - grid.rowHeight < grid.rowHeight - height) {
      close(index, before, false);
      ratio = ratios[index]!;
      if (heightOf(ratio, 1, grid) <= grid.rowHeight) close(index + 1, heightOf(ratio, 1, grid), false);
    } else {
      close(index + 1, height, false);
    }
  }
  if (first < ratios.length) close(ratios.length, Math.min(grid.rowHeight, heightOf(ratio, ratios.length - first, grid)), true);
  return rows;
}

/** How high `count` pictures not seen yet will probably be. */
export function estimate(count: number, grid: Grid, ratio = 1.4): number {
  if (count === 0) return 0;
  const perRow = Math.max(1, grid.width / (ratio * grid.rowHeight + grid.gap));
  return Math.ceil(count / perRow) * (grid.rowHeight + grid.gap) - grid.gap;
}

export function heightOfRows(rows: readonly Row[]): number {
  const last = rows.at(-1);
  return last ? last.y + last.height : 0;
}

function heightOf(ratio: number, count: number, grid: Grid): number {
  return (grid.width - grid.gap * (count - 1)) / ratio;
}

function place(
  ratios: readonly number[],
  first: number,
  end: number,
  height: number,
  grid: Grid,
  isLast: boolean,
): Box[] {
  const boxes: Box[] = [];
  let x = 0;
  for (let index = first; index < end; index++) {
    const isAtEdge = index === end - 1 && !isLast;
    const width = isAtEdge ? grid.width - x : ratios[index]! * height;
    boxes.push({ index, x, width });
    x += width + grid.gap;
  }
  return boxes;
}
