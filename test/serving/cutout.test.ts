// Cut-outs are read in pieces that follow each other in the file and fit in memory, however wide their planes are.
import { describe, expect, it } from 'vitest'
import { shapeOf, voxels, type Box, type Vec3 } from '../../domain/geometry.ts'
import { slabsOf } from '../../serving/api/volumes.ts'

describe('the pieces of a cut-out', () => {
  it.each<[string, Vec3, Vec3]>([
    ['small', [60, 61, 62], [150, 100, 196]],
    ['deep', [0, 0, 5], [512, 512, 900]],
    ['wide', [7, 3, 60], [4103, 4099, 124]],
    ['a plane', [0, 0, 9], [32768, 32000, 10]],
  ])('%s', (_, min, max) => {
    const box: Box = { min, max }
    const [nx, ny] = shapeOf(box)
    const pieces = [...slabsOf(box, 64)]
    let before = 0
    for (const { min: from, max: to } of pieces) {
      expect(from[0] - min[0] + nx * (from[1] - min[1] + ny * (from[2] - min[2]))).toBe(before)
      expect([from[0], to[0]]).toEqual([min[0], max[0]])
      // Several planes are whole.
      if (to[2] - from[2] > 1) expect([from[1], to[1]]).toEqual([min[1], max[1]])
      const n = voxels({ min: from, max: to })
      expect(n).toBeLessThanOrEqual(2 ** 26)
      before += n
    }
    expect(before).toBe(voxels(box))
  })

  it('are whole chunks deep where that fits', () => {
    const pieces = [...slabsOf({ min: [0, 0, 5], max: [128, 128, 400] }, 64)]
    expect(pieces.map(p => p.max[2])).toEqual([400])
    const wider = [...slabsOf({ min: [0, 0, 5], max: [512, 512, 200] }, 64)]
    expect(wider.map(p => p.max[2])).toEqual([64, 128, 192, 200])
  })
})
