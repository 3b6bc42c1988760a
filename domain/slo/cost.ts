// Costs and times as people read them: never a nought that is none, and beside the sum what a unit of tissue or of voxels costs.
import { product, shapeOf, type Box, type Vec3 } from '../geometry.ts'

/** Three digits: `12,300`, `0.00042`, `0`. */
export const amount = (n: number): string => n.toLocaleString('en-US', { maximumSignificantDigits: 3 })

/** `0.0042 USD = 4 USD per Gvoxel = 4,000,000 USD per mm³`. @param bounds in voxels of `voxelSizeNm` */
export function costText(cost: number, currency: string, bounds: Box, voxelSizeNm: Vec3): string {
  const perVoxel = cost / product(shapeOf(bounds))
  const parts = { '': cost, ' per Gvoxel': perVoxel * 1e9, ' per mm³': (perVoxel / product(voxelSizeNm)) * 1e18 }
  return Object.entries(parts)
    .map(([per, n]) => `${amount(n)} ${currency}${per}`)
    .join(' = ')
}

export const duration = (seconds: number): string => {
  if (seconds < 59.5) return `${Number(seconds.toPrecision(2))} s`
  const [whole, minutes] = [Math.round(seconds), Math.round(seconds / 60)]
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`
  return minutes < 2880
    ? `${Math.floor(minutes / 60)} h ${minutes % 60} min`
    : `${Math.floor(minutes / 1440)} d ${Math.round((minutes % 1440) / 60)} h`
}
