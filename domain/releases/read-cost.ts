// What reading a layer costs as it is chunked, and would cost in larger or smaller chunks: from reads that were measured.

/** Reads of one mip of a layer in one layout. A view is what one reader asked for without a pause. */
export interface Reads {
  readonly layer: string
  readonly mip: number
  readonly requests: number
  readonly bytes: number
  readonly views: number
}

/** Bytes that a connection brings in the time in which a request waits for its answer: 10 ms at 25 MB/s. */
export const REQUEST_BYTES = 2 ** 18

/** Whether reads of that name are of the analysis layout. */
export const isZarr = (layer: string): boolean => /^zarr|\.zarr$/.test(layer)

/**
 * Bytes that a view costs, a request counted as `REQUEST_BYTES`, in chunks whose edges are 2^`scale` as long.
 * People look at planes, which cross a quarter of the chunks when edges double; analyses (`zarr`, and its labels) read boxes.
 */
export function viewCost({ layer, requests, bytes, views }: Reads, scale: number): number {
  const axes = isZarr(layer) ? 3 : 2
  const chunks = Math.max(1, (requests / views) * 2 ** (-axes * scale))
  return chunks * ((bytes / requests) * 8 ** scale + REQUEST_BYTES)
}

/** -1, 0 or 1: whether all those reads together would have cost least with edges half as long, as they are, or twice as long. */
export function bestScale(reads: readonly Reads[]): -1 | 0 | 1 {
  const cost = (scale: number): number => reads.reduce((sum, r) => sum + r.views * viewCost(r, scale), 0)
  return ([0, -1, 1] as const).reduce((best, s) => (cost(s) < cost(best) ? s : best))
}
