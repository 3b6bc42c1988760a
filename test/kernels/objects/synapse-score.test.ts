// Scores of found synapses against true ones.
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { scoreSynapses } from '../../../kernels/synapse/score.ts'

const at = (x: number, pre = 1, post = 2) => ({ x, y: 0, z: 0, pre, post })

const synapse = fc.record({ x: fc.nat(60), y: fc.nat(60), z: fc.nat(9), pre: fc.nat(4), post: fc.nat(4) })

describe('scoreSynapses', () => {
  it('is perfect for the truth itself in any order, moved a little', () => {
    const truth = fc.uniqueArray(synapse, { minLength: 1, selector: s => `${s.x >> 3} ${s.y >> 3}`, maxLength: 12 })
    fc.assert(
      fc.property(truth, fc.nat(11), (list, turn) => {
        const spread = list.map(s => ({ ...s, x: (s.x >> 3) * 40, y: (s.y >> 3) * 40 }))
        const found = [...spread.slice(turn), ...spread.slice(0, turn)].map(s => ({ ...s, x: s.x + 3 }))
        expect(scoreSynapses(found, spread, 15)).toEqual({
          synapsePrecision: 1,
          synapseRecall: 1,
          synapseF1: 1,
          partnerAccuracy: 1,
        })
      }),
    )
  })

  it('matches one to one: never more hits than either side has, F1 the same both ways', () => {
    fc.assert(
      fc.property(fc.array(synapse, { maxLength: 12 }), fc.array(synapse, { maxLength: 12 }), (a, b) => {
        const s = scoreSynapses(a, b, 15)
        const hits = b.length ? s.synapseRecall * b.length : 0
        expect(hits).toBeLessThanOrEqual(Math.min(a.length, b.length) + 1e-9)
        expect(Math.abs(hits - Math.round(hits))).toBeLessThan(1e-9)
        if (a.length) expect(s.synapsePrecision * a.length).toBeCloseTo(hits, 9)
        expect(s.partnerAccuracy).toBeLessThanOrEqual(1)
      }),
    )
  })

  it('matches the nearest first, and counts the rest as wrong or missed', () => {
    const s = scoreSynapses([at(4, 8, 9), at(1), at(100)], [at(0), at(30)], 15)
    expect(s).toEqual({ synapsePrecision: 1 / 3, synapseRecall: 1 / 2, synapseF1: 0.4, partnerAccuracy: 1 })
  })

  it('takes a pair at the largest distance and none beyond it', () => {
    expect(scoreSynapses([at(15)], [at(0)], 15).synapseF1).toBe(1)
    expect(scoreSynapses([at(15.01)], [at(0)], 15).synapseF1).toBe(0)
  })

  it('wants both partners right, in the right direction', () => {
    const truth = [at(0), at(50), at(100), at(150)]
    const found = [at(0), at(50, 2, 1), at(100, 1, 3), at(150, 3, 2)]
    expect(scoreSynapses(found, truth, 15)).toMatchObject({ synapseF1: 1, partnerAccuracy: 0.25 })
  })

  it('has an answer where there is nothing', () => {
    expect(scoreSynapses([], [], 15)).toMatchObject({ synapseF1: 1 })
    expect(scoreSynapses([at(0)], [], 15)).toMatchObject({ synapsePrecision: 0, synapseF1: 0 })
    expect(scoreSynapses([], [at(0)], 15)).toMatchObject({ synapseRecall: 0, synapseF1: 0 })
  })

  it('does not count what it finds where the truth lists nothing, unless it matches', () => {
    const listed = { min: [0, -5, -5], max: [60, 5, 5] } as const
    const s = (x: number) => scoreSynapses([at(20), at(x)], [at(20), at(62)], 5, listed)
    expect(s(90)).toMatchObject({ synapsePrecision: 1, synapseRecall: 0.5 })
    expect(s(40)).toMatchObject({ synapsePrecision: 0.5, synapseRecall: 0.5 })
    expect(s(61)).toMatchObject({ synapsePrecision: 1, synapseRecall: 1 })
  })
})
