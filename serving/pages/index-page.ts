// The front page: every dataset with its channels, releases, quality figures and links.
import { shapeOf } from '../../domain/geometry.ts'
import { holesIn, type Channel, type Quality, type Release } from '../../domain/release.ts'
import { figure, type Html, html, page, type Part, shortDigest, table } from './html.ts'
import { holes } from './release-page.ts'

export interface DatasetListing {
  readonly dataset: string
  readonly channels: readonly { channel: Channel; release: string }[]
  readonly releases: readonly Release[]
  /** Names of those whose manifest cannot be read. */
  readonly damaged: readonly string[]
}

const QUALITY: readonly [keyof Quality, string, string][] = [
  ['voiSplit', 'VOI split', 'bits; 0 is best: one object cut into several'],
  ['voiMerge', 'VOI merge', 'bits; 0 is best: several objects joined into one'],
  ['arand', 'ARAND', 'adapted Rand error; 0 is best'],
  ['synapseF1', 'synapse F1', '1 is best'],
  ['segments', 'segments', ''],
]

/** Holes that are shown of each release. */
const HOLES = 20

const row = (release: Release, { channels }: DatasetListing): Part[] => {
  const name = `${release.dataset}/${release.release}`
  const named = channels.filter(c => c.release === release.release)
  return [
    html`<a href="/release/${name}"><code>${release.release}</code></a>
      ${named.map(({ channel: c }) => html`<span class="tag ${c}">${c}</span> `)}
      ${release.parent === null ? null : html`<div class="soft">patches ${release.parent}</div>`}`,
    shortDigest(release.digest),
    ...QUALITY.map(([k]) => (release.quality[k] === undefined ? '–' : figure(release.quality[k]))),
    holesIn(release) === 0
      ? '0'
      : html`<details>
          <summary class="warn">${figure(holesIn(release))}</summary>
          ${holes(release, HOLES)}
        </details>`,
    figure(release.cost),
    html`<a class="button" href="/view/${name}">View</a> <a href="/lineage/${name}">lineage</a>`,
  ]
}

/** Releases of a dataset with what names them, their quality and the ways into them. */
export const releaseTable = (releases: readonly Release[], d: DatasetListing): Html =>
  table(
    [
      'release',
      'content',
      ...QUALITY.map(([, label, hint]) => html`<span title="${hint}">${label}</span>`),
      'holes',
      'cost',
      '',
    ],
    releases.map(r => row(r, d)),
    2,
  )

const dataset = (d: DatasetListing): Html => {
  const first = d.releases[0]
  return html`<h2><a href="/releases/${d.dataset}">${d.dataset}</a></h2>
    <div class="card">
      ${first ? html`<p class="soft">${shapeOf(first.bounds).map(figure).join(' × ')} voxels of ${first.voxelSizeNm.join(' × ')} nm</p>` : html`<p>No release yet.</p>`}
      ${releaseTable(d.releases, d)}
      ${d.damaged.map(
        r =>
          html`<p class="warn">
            The manifest of <code>${r}</code> is damaged: <code>hillock verify ${d.dataset}/${r}</code> says how.
          </p>`,
      )}
    </div>`
}

export const indexPage = (datasets: readonly DatasetListing[]): string =>
  page(
    'Releases',
    html`Connectomes with their lineage`,
    datasets.length === 0
      ? html`<div class="card">
          This bucket holds no dataset yet. Start a reconstruction with <code>hillock run</code>; its release will be
          listed here.
        </div>`
      : html`${datasets.map(dataset)}
          <p class="soft">
            Neuroglancer and cloud-volume read any layer at <code>precomputed://…/r/DATASET/RELEASE/LAYER</code>; the
            page of a release lists its layers. <a href="/?json">This list as JSON.</a>
          </p>`,
    '/',
  )
