// The page of one release: what it holds, how good it is, what it cost, who let it out, and where to go from here.
import { costText } from '../domain/slo/cost.ts'
import { shapeOf } from '../domain/geometry.ts'
import type { LayerName, Release } from '../domain/release.ts'
import type { Decision } from '../storage/provenance/decisions.ts'
import { figure, html, page } from './html.ts'

/** Names of the figures that the manifest holds, in the order in which they are shown. */
const QUALITY: readonly (readonly [keyof Release['quality'], string])[] = [
  ['voiSplit', 'VOI split, bits (0 is best)'],
  ['voiMerge', 'VOI merge, bits (0 is best)'],
  ['arand', 'adapted Rand error (0 is best)'],
  ['synapsePrecision', 'synapse precision'],
  ['synapseRecall', 'synapse recall'],
  ['synapseF1', 'synapse F1 (1 is best)'],
  ['partnerAccuracy', 'synapses with both partners right'],
  ['segments', 'segments'],
  ['objects', 'true objects'],
  ['stitchResidualPx', 'median residual of stitching, px'],
  ['alignResidualPx', 'median residual of alignment, px'],
]
const SERVED = ['em', 'segmentation', 'synapses']
const HOLES = 100
const day = (ms: number): string => `${new Date(ms).toISOString().slice(0, 16).replace('T', ' ')} UTC`

/** What is known of a release beside its manifest. */
export interface ReleaseFacts {
  /** That name it now. */
  readonly channels: readonly string[]
  readonly decisions: readonly Decision[]
  readonly currency: string
}

export function releasePage(r: Release, { channels, decisions, currency }: ReleaseFacts, origin: string): string {
  const name = `${r.dataset}/${r.release}`
  const shape = shapeOf(r.bounds)
  const microns = shape.map((n, a) => figure((n * r.voxelSizeNm[a]!) / 1000)).join(' × ')
  return page(
    `Release ${name}`,
    html`<a href="/">Datasets</a> · <a href="/view/${name}">view</a> · <a href="/lineage/${name}">lineage</a> ·
      <a href="/slo/${name}">service levels</a> · <a href="/release/${name}.json">manifest (JSON)</a>`,
    html`<p>
        <a class="button" href="/view/${name}">View</a> ${channels.map(c => html`<span class="tag ${c}">${c}</span> `)}
      </p>
      <div class="card">
        <dl>
          <dt>size</dt>
          <dd>${shape.map(figure).join(' × ')} voxels of ${r.voxelSizeNm.join(' × ')} nm: ${microns} µm</dd>
          <dt>holes</dt>
          <dd>
            ${r.holes.length === 0 ? 'none declared' : null}
            ${r.holes.slice(0, HOLES).map(h => html`<div class="warn">${h.stage}, ${h.what}: ${h.reason}</div>`)}
            ${r.holes.length > HOLES ? `and ${figure(r.holes.length - HOLES)} more, in the manifest` : null}
          </dd>
          <dt>cost</dt>
          <dd>${costText(r.cost, currency, r.bounds, r.voxelSizeNm)}</dd>
          <dt>approval</dt>
          <dd>${r.approver}</dd>
          ${decisions.map(
            d =>
              html`<dt>${d.decision === 'approve' ? 'approved' : 'rejected'}</dt>
                <dd>${day(d.at)} by ${d.author}: ${d.reason}</dd>`,
          )}
          <dt>made by</dt>
          <dd>
            <a href="/slo/${r.run.workflowId}"><code>${r.run.workflowId}</code></a
            >, code <code>${r.codeRevision}</code>
          </dd>
          ${
            r.parent === null
              ? null
              : html`<dt>patch of</dt>
                  <dd><a href="/release/${r.dataset}/${r.parent}">${r.parent}</a></dd>`
          }
          <dt>content digest</dt>
          <dd><code>${r.digest}</code></dd>
        </dl>
      </div>
      <h2>Quality</h2>
      <div class="card">
        ${Object.keys(r.quality).length === 0 ? 'Nothing was measured.' : null}
        <dl>
          ${QUALITY.map(([k, label]) =>
            r.quality[k] === undefined
              ? null
              : html`<dt>${label}</dt>
                  <dd>${figure(r.quality[k])}</dd>`,
          )}
        </dl>
      </div>
      <h2>Layers</h2>
      <div class="card">
        <table>
          ${Object.keys(r.layers).map(
            layer =>
              html`<tr>
                <td>${layer}</td>
                <td>
                  ${SERVED.includes(layer) ? html`<code>precomputed://${origin}/r/${name}/${layer}</code>` : null}
                </td>
                <td class="soft">
                  <code title="${r.layerDigests[layer as LayerName]}"
                    >${r.layerDigests[layer as LayerName]?.slice(0, 12)}</code
                  >
                </td>
              </tr>`,
          )}
        </table>
      </div>`,
  )
}
