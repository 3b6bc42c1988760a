// A TIFF of several pages as a stack: which of its pages are sections, and why it may be no stack.
import { unreadPage, type TiffPage } from './tiff.ts'

/** Pages of at most half the width and height of the largest are thumbnails, also where the file does not call them so. */
export function sectionNodes(pages: readonly TiffPage[]): TiffPage[] {
  const largest = pages.reduce<TiffPage | undefined>(
    (m, p) => (m && m.width * m.height >= p.width * p.height ? m : p),
    undefined,
  )
  return pages.filter(p => 2 * p.width > largest!.width || 2 * p.height > largest!.height)
}

/** Why its sections are no stack that can be read, if so. */
export function stackFault(sections: readonly TiffPage[]): string | undefined {
  const [first] = sections
  if (!first) return 'has no page'
  const { width, height, images } = first
  const odd = sections.findIndex(p => p.width !== width || p.height !== height)
  if (odd >= 0)
    return `has pages of different sizes: page ${odd} of ${sections[odd]!.width} x ${sections[odd]!.height} pixels, the first of ${width} x ${height}`
  if (images) return `is of several channels or times (${images}): save each as a stack of its own`
  return unreadPage(first)
}
