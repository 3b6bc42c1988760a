// The lineage pages: the stage diagram of a release, and the record of one artifact with links to what it was made from.
import type { ArtifactRef, Lineage } from '../../domain/lineage.ts'
import type { Release } from '../../domain/release.ts'
import { countOf } from '../../storage/release-index.ts'
import type { ReleaseRecords } from '../../storage/release-records.ts'
import { busy, lineageDiagram, makes } from './stage-diagram.ts'
import { duration } from '../../domain/slo/cost.ts'
import { bytes, facts, figure, type Html, html, page, section, shortDigest, table } from './html.ts'
import { holes } from './release-page.ts'
import {
  extentText,
  type ArtifactView,
  type LineageSummary,
  type StageSummary,
  type Variant,
} from '../../domain/provenance/lineage-summary.ts'

/** Longest list of artifacts that a page shows; `?json` has them all. */
const LIST = 300

const artifactHref = (ref: { stage: string; recipe: string }, release: Release): string =>
  `/lineage/artifact/${ref.stage}/${ref.recipe}?release=${release.dataset}/${release.release}`

const listVariants = <T>(list: readonly Variant<T>[], show: (value: T) => Html | string): Html =>
  html`${list.map(
    v =>
      html`<div>
        ${show(v.value)} ${list.length > 1 ? html`<span class="soft">(${figure(v.artifacts)} artifacts)</span>` : null}
      </div>`,
  )}`

/** The history of a run in Temporal's own page, where that is known. */
export const workflowLink = (run: { workflowId: string; runId: string }, ui: string | undefined): Html => {
  const name = html`<code>${run.workflowId}</code>`
  if (ui === undefined) return name
  return html`<a href="${ui}/${encodeURIComponent(run.workflowId)}/${run.runId}">${name}</a>`
}

const json = (value: unknown): Html => html`<code>${JSON.stringify(value)}</code>`
const times = (s: Lineage['seconds']): string =>
  `kernels ${duration(s.kernel)}, inference ${duration(s.inference)}, store ${duration(s.io)}`
const first = (of: number): string | null => (of > LIST ? `The first ${LIST} of ${of}.` : null)

function stageCard(s: StageSummary, { records, artifacts }: ReleaseRecords, release: Release): Html {
  const refs = artifacts[s.stage] ?? []
  const all = countOf(release, s.stage)
  return html`<div class="card" id="${s.stage}">
    <h2>${s.stage}</h2>
    <p class="soft">${makes(s.stage)}</p>
    ${facts([
      ['stage version', listVariants(s.versions, String)],
      ['parameters', listVariants(s.parameters, json)],
      ['model', s.models.length > 0 ? listVariants(s.models, m => html`<code>sha256 ${m}</code>`) : null],
      ['code revision', listVariants(s.codeRevisions, r => html`<code>${r}</code>`)],
      ['runtime', listVariants(s.runtimes, json)],
      ['time', html`${times(s.seconds)}; ${figure(s.retries)} ${s.retries === 1 ? 'retry' : 'retries'}`],
      ['made', `${s.start} to ${s.end}`],
    ])}
    <details ${refs.length <= 4 ? 'open' : ''}>
      <summary>${figure(all)} ${all === 1 ? 'artifact' : 'artifacts'}</summary>
      ${table(
        ['recipe', 'covers', 'content', 'stored', 'cost', 'figures'],
        refs.slice(0, LIST).map(ref => {
          const r = records.get(ref.recipe)
          return [
            html`<a href="${artifactHref(ref, release)}">${shortDigest(ref.recipe)}</a>`,
            r ? extentText(r.recipe.extent) : html`<span class="warn">its record cannot be read</span>`,
            shortDigest(ref.content),
            r && bytes(r.bytes),
            r && figure(r.cost),
            r && Object.keys(r.summary).length > 0 ? html`<span class="soft">${json(r.summary)}</span>` : null,
          ]
        }),
        3,
      )}
      ${refs.length > LIST ? html`<p class="soft">The first ${LIST}; add ?json to the address for all.</p>` : null}
      ${all > refs.length ? html`<p class="soft">The figures are those of the first ${figure(refs.length)}.</p>` : null}
    </details>
  </div>`
}

/** The lineage of a release. `at` is the answer to a question about one voxel, if one was asked. */
export function lineagePage(
  release: Release,
  summary: LineageSummary,
  found: ReleaseRecords,
  at: { voxel: string; artifacts: readonly { layer: string; ref: ArtifactRef | null }[] } | null,
  temporalUi: string | undefined,
): string {
  const name = `${release.dataset}/${release.release}`
  const seconds = summary.stages.reduce((n, s) => n + busy(s), 0)
  return page(
    `Lineage of ${name}`,
    html`<a href="/">Datasets</a> · <a href="/view/${name}">view</a> · <a href="/lineage/${name}?json">JSON</a>`,
    html`
      <div class="card">
        ${facts([
          ['content digest', html`<code>${release.digest}</code>`],
          [
            'parent',
            release.parent === null
              ? 'none'
              : html`<a href="/lineage/${release.dataset}/${release.parent}">${release.parent}</a>`,
          ],
          ['run', html`${workflowLink(release.run, temporalUi)} <span class="soft">run ${release.run.runId}</span>`],
          ['code revision', html`<code>${release.codeRevision}</code>`],
          ['approval', release.approver],
          ['cost', html`${figure(release.cost)} <span class="soft">for ${duration(seconds)} of computing</span>`],
          ['holes', holes(release, release.holes.length)],
          [
            'raw inputs',
            found.whole ? html`${figure(summary.rawInputs)} <span class="soft">read from the raw archive</span>` : null,
          ],
        ])}
      </div>
      ${
        summary.missing.length > 0
          ? html`<p class="warn">
              ${figure(summary.missing.length)} lineage records that the release names cannot be read. Run an audit; the
              artifacts concerned are marked below.
            </p>`
          : null
      }
      <div class="card">${lineageDiagram(summary)}</div>
      <form class="card">
        Which artifacts hold the voxel
        <input
          name="at"
          placeholder="x,y,z"
          size="16"
          pattern="\\s*-?\\d+\\s*,\\s*-?\\d+\\s*,\\s*-?\\d+\\s*"
          value="${at?.voxel ?? ''}"
        />
        ? <span class="soft">(in voxels of the dataset)</span>
        ${at && html`<a href="/neuron/${name}?find=${at.voxel}">The neuron there</a>`}
        ${at?.artifacts.map(
          a =>
            html`<div>
              ${a.layer}:
              ${a.ref ? html`<a href="${artifactHref(a.ref, release)}">${a.ref.stage} <code>${a.ref.recipe}</code></a>` : 'no artifact: outside or a hole'}
            </div>`,
        )}
      </form>
      ${summary.stages.map(s => stageCard(s, found, release))}
    `,
  )
}

/** The record of one artifact. */
export function artifactPage(release: Release, view: ArtifactView, temporalUi: string | undefined): string {
  const { lineage: r, inputs, usedBy } = view
  const name = `${release.dataset}/${release.release}`
  const link = (ref: ArtifactRef): Html =>
    html`<a href="${artifactHref(ref, release)}">${ref.stage} ${shortDigest(ref.recipe)}</a>`
  return page(
    `${r.recipe.stage}, ${extentText(r.recipe.extent)}`,
    html`<a href="/">Datasets</a> · <a href="/lineage/${name}">lineage of ${name}</a> ·
      <a href="/lineage/artifact/${r.recipe.stage}/${r.recipeId}?json">JSON</a>`,
    html`
      <div class="card">
        ${facts([
          ['recipe', html`<code>${r.recipeId}</code>`],
          ['content', html`<code>${r.content}</code>`],
          ['stage version', r.recipe.version],
          ['parameters', json(r.recipe.parameters)],
          ['model', r.recipe.model === null ? 'none' : html`<code>sha256 ${r.recipe.model}</code>`],
          ['seed', r.recipe.seed],
          ['code revision', html`<code>${r.codeRevision}</code>`],
          ['runtime', json(r.runtime)],
          [
            'workflow',
            html`${workflowLink(r, temporalUi)} <span class="soft">run ${r.runId}, attempt ${r.attempt}</span>`,
          ],
          ['made', `${r.start} to ${r.end}`],
          ['time', times(r.seconds)],
          ['cost', figure(r.cost)],
          ['voxels', figure(r.voxels)],
          ['figures', json(r.summary)],
        ])}
      </div>
      ${section(
        'Made from',
        null,
        html`${inputs.length === 0 ? 'Nothing: it is a source.' : null}
          ${table(
            [],
            inputs
              .slice(0, LIST)
              .map(i => [
                html`<code>${i.name}</code>`,
                i.ref ? link(i.ref) : html`<span class="soft">raw archive</span> <code>${i.content}</code>`,
              ]),
            2,
          )}
          <p class="soft">
            ${first(inputs.length)} Over all steps it rests on ${figure(view.rawBehind)}
            ${view.rawBehind === 1 ? 'object' : 'objects'} of the raw archive.
          </p>`,
      )}
      ${section(
        'Used by',
        null,
        html`${usedBy.length === 0 ? 'No other artifact of this release.' : usedBy.slice(0, LIST).map(ref => html`<div>${link(ref)}</div>`)}
          <p class="soft">${first(usedBy.length)}</p>`,
      )}
      ${section(
        'Holds',
        null,
        html`${table(
            [],
            r.outputs.slice(0, LIST).map(o => [html`<code>${o.path}</code>`, shortDigest(o.sha256), bytes(o.bytes)]),
            2,
          )}
          <p class="soft">${first(r.outputs.length)}</p>`,
      )}
    `,
  )
}
