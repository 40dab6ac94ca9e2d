/** Things of given heights one below the other. */
export interface Stack {
  /** Where each begins, and last where all end. */
  tops: Float64Array;
}

export function stack(heights: readonly number[]): Stack {
  const tops = new Float64Array(heights.length + 1);
  heights.forEach((height, index) => (tops[index + 1] = tops[index]! + height));
  return { tops };
}

/** The first and the one behind the last thing that shows between `from` and `to`. */
export function visible({ tops }: Stack, from: number, to: number): [number, number] {
  const count = tops.length - 1;
  if (count === 0 || to <= from) return [0, 0];
  const first = Math.min(at(tops, from), count - 1);
  let end = first;
  while (end < count && tops[end]! < to) end++;
  return [first, end];
}

/** Which thing is at a height: the last that begins at or above it. */
export function at(tops: Float64Array, y: number): number {
  let low = 0;
  let high = tops.length - 2;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (tops[middle]! <= y) low = middle;
    else high = middle - 1;
  }
  return Math.max(0, low);
}
