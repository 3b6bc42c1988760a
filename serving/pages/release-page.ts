// The page of one release: what it holds, how good it is, what it cost, who let it out, and where to go from here.
import { costText } from '../../domain/slo/cost.ts'
import { add, shapeOf } from '../../domain/geometry.ts'
import { holesIn, type LayerName, type Release } from '../../domain/release.ts'
import type { FoundFault } from '../../domain/releases/faults.ts'
import { ownFolders } from '../../storage/static-layout.ts'
import type { AlignedSection } from '../../domain/releases/alignment.ts'
import type { Decision } from '../../storage/provenance/decisions.ts'
import { alignmentPlot, beforeAndAfter } from './alignment-plot.ts'
import { facts, figure, html, moment, page, section, shortDigest, table, type Html, type Part } from './html.ts'

/** Names of the figures that the manifest holds, in the order in which they are shown. */
export const QUALITY: readonly (readonly [keyof Release['quality'], string])[] = [
  ['voiSplit', 'VOI split, bits (0 is best)'],
  ['voiMerge', 'VOI merge, bits (0 is best)'],
  ['arand', 'adapted Rand error (0 is best)'],
  ['voiSumInner', 'VOI without the borders of objects, bits'],
  ['arandInner', 'adapted Rand error without the borders'],
  ['voiSumFragments', 'VOI of the best agglomeration of the fragments, bits'],
  ['erlUm', 'expected run length, µm'],
  ['nerl', 'the same as a share of what the truth has (1 is best)'],
  ['synapsePrecision', 'synapse precision'],
  ['synapseRecall', 'synapse recall'],
  ['synapseF1', 'synapse F1 (1 is best)'],
  ['partnerAccuracy', 'synapses with both partners right'],
  ['segments', 'segments'],
  ['objects', 'true objects'],
  ['stitchResidualPx', 'median residual of stitching, px'],
  ['alignResidualPx', 'median residual of alignment, px'],
]
const HOLES = 100

/** @param most that are shown */
export const holes = (r: Release, most: number): Part => {
  const shown = r.holes.slice(0, most)
  const more = holesIn(r) - shown.length
  if (shown.length === 0) return 'none declared'
  const where = r.holeCount === undefined ? 'in the manifest' : 'in the index'
  return [
    ...shown.map(h => html`<div class="warn">${h.stage}, ${h.what}: ${h.reason}</div>`),
    more > 0 ? `and ${figure(more)} more, ${where}` : null,
  ]
}

/** What is known of a release beside its manifest. */
export interface ReleaseFacts {
  /** That name it now. */
  readonly channels: readonly string[]
  readonly decisions: readonly Decision[]
  readonly currency: string
  /** Of the evaluation; undefined where that cannot be read. */
  readonly worst: readonly FoundFault[] | undefined
  /** Undefined where it cannot be read. */
  readonly alignment: readonly AlignedSection[] | undefined
}

/** Each opens where it is to be seen, with the segments that it is about. */
const worstFaults = (r: Release, worst: readonly FoundFault[]): Html =>
  table(
    ['', 'bits', 'parts', 'voxel'],
    worst.map(({ kind, id, parts, bits, at }) => {
      const voxel = r.offset ? add(at, r.offset) : at
      const segments = kind === 'merge' ? [id] : parts.filter(p => p !== '0')
      return [
        kind === 'merge' ? `segment ${id} merges objects` : `object ${id} is split into segments`,
        bits.toFixed(4),
        parts.join(', '),
        html`<a href="/view/${r.dataset}/${r.release}?segments=${segments.join(',')}&amp;at=${voxel.join(',')}"
          >${voxel.join(', ')}</a
        >`,
      ]
    }),
  )

export function releasePage(
  r: Release,
  { channels, decisions, currency, worst, alignment }: ReleaseFacts,
  origin: string,
): string {
  const name = `${r.dataset}/${r.release}`
  const shape = shapeOf(r.bounds)
  const microns = shape.map((n, a) => figure((n * r.voxelSizeNm[a]!) / 1000)).join(' × ')
  return page(
    `Release ${name}`,
    html`<a href="/">Datasets</a> · <a href="/view/${name}">view</a> · <a href="/lineage/${name}">lineage</a> ·
      <a href="/neuron/${name}">neurons</a> · <a href="/slo/${name}">service levels</a> ·
      <a href="/release/${name}.json">manifest (JSON)</a>`,
    html`<p>
        <a class="button" href="/view/${name}">View</a> ${channels.map(c => html`<span class="tag ${c}">${c}</span> `)}
      </p>
      <div class="card">
        ${facts([
          ['size', `${shape.map(figure).join(' × ')} voxels of ${r.voxelSizeNm.join(' × ')} nm: ${microns} µm`],
          ['holes', holes(r, HOLES)],
          ['cost', costText(r.cost, currency, r.bounds, r.voxelSizeNm)],
          ['approval', r.approver],
          ...decisions.map(
            d =>
              [
                d.decision === 'approve' ? 'approved' : 'rejected',
                `${moment(d.at)} by ${d.author}: ${d.reason}`,
              ] as const,
          ),
          [
            'made by',
            html`<a href="/slo/${r.run.workflowId}"><code>${r.run.workflowId}</code></a
              >, code <code>${r.codeRevision}</code>`,
          ],
          ['patch of', r.parent && html`<a href="/release/${r.dataset}/${r.parent}">${r.parent}</a>`],
          ['content digest', html`<code>${r.digest}</code>`],
        ])}
      </div>
      ${section(
        'Quality',
        null,
        html`${Object.keys(r.quality).length === 0 ? 'Nothing was measured.' : null}
        ${facts(QUALITY.map(([k, label]) => [label, r.quality[k] === undefined ? null : figure(r.quality[k])]))}`,
      )}
      ${
        worst?.length === 0
          ? null
          : section(
              'Worst merges and splits',
              'Against the truth that the run was scored with; what each adds to VOI without borders.',
              worst ? worstFaults(r, worst) : 'The evaluation cannot be read.',
            )
      }
      ${
        alignment?.some(s => s.residualPx !== null)
          ? section(
              'Alignment',
              'Median of each section, in pixels: what its matches with the two before it are off, and how far it was moved. Each opens there.',
              html`${alignmentPlot(r, alignment)}${beforeAndAfter(r, alignment)}`,
            )
          : null
      }
      ${section(
        'Layers',
        null,
        table(
          [],
          Object.keys(r.layers).map(layer => [
            layer,
            ownFolders(r).some(l => l.layer === layer)
              ? html`<code>precomputed://${origin}/r/${name}/${layer}</code>`
              : null,
            html`<span class="soft">${shortDigest(r.layerDigests[layer as LayerName] ?? '')}</span>`,
          ]),
          3,
        ),
      )}`,
  )
}
