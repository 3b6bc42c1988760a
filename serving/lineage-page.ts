// The lineage pages: the stage diagram of a release, and the record of one artifact with links to what it was made from.
import type { ArtifactRef, Lineage } from '../domain/lineage.ts'
import type { Release } from '../domain/release.ts'
import { busy, makes, stageDiagram } from './stage-diagram.ts'
import { bytes, duration, figure, type Html, html, page, shortDigest } from './html.ts'
import {
  extentText,
  type ArtifactView,
  type LineageSummary,
  type StageSummary,
  type Variant,
} from '../domain/provenance/lineage-summary.ts'

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
const workflowLink = (run: { workflowId: string; runId: string }, ui: string | undefined): Html => {
  const name = html`<code>${run.workflowId}</code>`
  if (ui === undefined) return name
  return html`<a href="${ui}/namespaces/default/workflows/${encodeURIComponent(run.workflowId)}/${run.runId}"
    >${name}</a
  >`
}

const json = (value: unknown): Html => html`<code>${JSON.stringify(value)}</code>`

function stageCard(
  s: StageSummary,
  refs: readonly ArtifactRef[],
  records: ReadonlyMap<string, Lineage>,
  release: Release,
): Html {
  const listed = refs.slice(0, LIST)
  return html`<div class="card" id="${s.stage}">
    <h2>${s.stage}</h2>
    <p class="soft">${makes(s.stage)}</p>
    <dl>
      <dt>stage version</dt>
      <dd>${listVariants(s.versions, v => String(v))}</dd>
      <dt>parameters</dt>
      <dd>${listVariants(s.parameters, json)}</dd>
      ${
        s.models.length > 0
          ? html`<dt>model</dt>
              <dd>${listVariants(s.models, m => html`<code>sha256 ${m}</code>`)}</dd>`
          : null
      }
      <dt>code revision</dt>
      <dd>${listVariants(s.codeRevisions, r => html`<code>${r}</code>`)}</dd>
      <dt>runtime</dt>
      <dd>${listVariants(s.runtimes, json)}</dd>
      <dt>time</dt>
      <dd>
        kernels ${duration(s.seconds.kernel)}, inference ${duration(s.seconds.inference)}, store
        ${duration(s.seconds.io)}; ${figure(s.retries)} ${s.retries === 1 ? 'retry' : 'retries'}
      </dd>
      <dt>made</dt>
      <dd>${s.start} to ${s.end}</dd>
    </dl>
    <details ${refs.length <= 4 ? 'open' : ''}>
      <summary>${figure(refs.length)} ${refs.length === 1 ? 'artifact' : 'artifacts'}</summary>
      <table>
        <tr>
          <th>recipe</th>
          <th>covers</th>
          <th>content</th>
          <th class="n">stored</th>
          <th class="n">cost</th>
          <th>figures</th>
        </tr>
        ${listed.map(ref => {
          const r = records.get(ref.recipe)
          return html`<tr>
            <td><a href="${artifactHref(ref, release)}">${shortDigest(ref.recipe)}</a></td>
            <td>${r ? extentText(r.recipe.extent) : html`<span class="warn">its record cannot be read</span>`}</td>
            <td>${shortDigest(ref.content)}</td>
            <td class="n">${r ? bytes(r.bytes) : null}</td>
            <td class="n">${r ? figure(r.cost) : null}</td>
            <td class="soft">${r && Object.keys(r.summary).length > 0 ? json(r.summary) : null}</td>
          </tr>`
        })}
      </table>
      ${refs.length > LIST ? html`<p class="soft">The first ${LIST}; add ?json to the address for all.</p>` : null}
    </details>
  </div>`
}

/** The lineage of a release. `at` is the answer to a question about one voxel, if one was asked. */
export function lineagePage(
  release: Release,
  summary: LineageSummary,
  records: ReadonlyMap<string, Lineage>,
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
        <dl>
          <dt>content digest</dt>
          <dd><code>${release.digest}</code></dd>
          <dt>parent</dt>
          <dd>
            ${
              release.parent === null
                ? 'none'
                : html`<a href="/lineage/${release.dataset}/${release.parent}">${release.parent}</a>`
            }
          </dd>
          <dt>run</dt>
          <dd>${workflowLink(release.run, temporalUi)} <span class="soft">run ${release.run.runId}</span></dd>
          <dt>code revision</dt>
          <dd><code>${release.codeRevision}</code></dd>
          <dt>approval</dt>
          <dd>${release.approver}</dd>
          <dt>cost</dt>
          <dd>${figure(release.cost)} <span class="soft">for ${duration(seconds)} of computing</span></dd>
          <dt>holes</dt>
          <dd>
            ${
              release.holes.length === 0
                ? 'none declared'
                : release.holes.map(h => html`<div class="warn">${h.stage}, ${h.what}: ${h.reason}</div>`)
            }
          </dd>
          <dt>raw inputs</dt>
          <dd>${figure(summary.rawInputs)} <span class="soft">read from the raw archive</span></dd>
        </dl>
      </div>
      ${
        summary.missing.length > 0
          ? html`<p class="warn">
              ${figure(summary.missing.length)} lineage records that the release names cannot be read. Run an audit; the
              artifacts concerned are marked below.
            </p>`
          : null
      }
      <div class="card">${stageDiagram(summary)}</div>
      <form class="card">
        Which artifacts hold the voxel
        <input
          name="at"
          placeholder="x,y,z"
          size="16"
          pattern="\\s*\\d+\\s*,\\s*\\d+\\s*,\\s*\\d+\\s*"
          value="${at?.voxel ?? ''}"
        />
        ? <span class="soft">(in voxels of the dataset)</span>
        ${at?.artifacts.map(
          a =>
            html`<div>
              ${a.layer}:
              ${a.ref ? html`<a href="${artifactHref(a.ref, release)}">${a.ref.stage} <code>${a.ref.recipe}</code></a>` : 'no artifact: outside or a hole'}
            </div>`,
        )}
      </form>
      ${summary.stages.map(s => stageCard(s, release.stages[s.stage] ?? [], records, release))}
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
        <dl>
          <dt>recipe</dt>
          <dd><code>${r.recipeId}</code></dd>
          <dt>content</dt>
          <dd><code>${r.content}</code></dd>
          <dt>stage version</dt>
          <dd>${r.recipe.version}</dd>
          <dt>parameters</dt>
          <dd>${json(r.recipe.parameters)}</dd>
          <dt>model</dt>
          <dd>${r.recipe.model === null ? 'none' : html`<code>sha256 ${r.recipe.model}</code>`}</dd>
          <dt>seed</dt>
          <dd>${r.recipe.seed}</dd>
          <dt>code revision</dt>
          <dd><code>${r.codeRevision}</code></dd>
          <dt>runtime</dt>
          <dd>${json(r.runtime)}</dd>
          <dt>workflow</dt>
          <dd>${workflowLink(r, temporalUi)} <span class="soft">run ${r.runId}, attempt ${r.attempt}</span></dd>
          <dt>made</dt>
          <dd>${r.start} to ${r.end}</dd>
          <dt>time</dt>
          <dd>
            kernels ${duration(r.seconds.kernel)}, inference ${duration(r.seconds.inference)}, store
            ${duration(r.seconds.io)}
          </dd>
          <dt>cost</dt>
          <dd>${figure(r.cost)}</dd>
          <dt>voxels</dt>
          <dd>${figure(r.voxels)}</dd>
          <dt>figures</dt>
          <dd>${json(r.summary)}</dd>
        </dl>
      </div>
      <h2>Made from</h2>
      <div class="card">
        ${inputs.length === 0 ? 'Nothing: it is a source.' : null}
        <table>
          ${inputs.slice(0, LIST).map(
            i =>
              html`<tr>
                <td><code>${i.name}</code></td>
                <td>${i.ref ? link(i.ref) : html`<span class="soft">raw archive</span> <code>${i.content}</code>`}</td>
              </tr>`,
          )}
        </table>
        <p class="soft">
          ${inputs.length > LIST ? `The first ${LIST} of ${inputs.length}. ` : null}Over all steps it rests on
          ${figure(view.rawBehind)} ${view.rawBehind === 1 ? 'object' : 'objects'} of the raw archive.
        </p>
      </div>
      <h2>Used by</h2>
      <div class="card">
        ${usedBy.length === 0 ? 'No other artifact of this release.' : usedBy.slice(0, LIST).map(ref => html`<div>${link(ref)}</div>`)}
        ${usedBy.length > LIST ? html`<p class="soft">The first ${LIST} of ${usedBy.length}.</p>` : null}
      </div>
      <h2>Holds</h2>
      <div class="card">
        <table>
          ${r.outputs.slice(0, LIST).map(
            o =>
              html`<tr>
                <td><code>${o.path}</code></td>
                <td>${shortDigest(o.sha256)}</td>
                <td class="n">${bytes(o.bytes)}</td>
              </tr>`,
          )}
        </table>
        ${r.outputs.length > LIST ? html`<p class="soft">The first ${LIST} of ${r.outputs.length}.</p>` : null}
      </div>
    `,
  )
}
