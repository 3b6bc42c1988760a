// Verification: every byte that a release rests on, or that the bucket holds, against the digest that names it.
import { createHash, type KeyObject } from 'node:crypto'
import type { z } from 'zod'
import type { ArtifactRef, Output } from '../domain/lineage.ts'
import { differences, type Difference } from '../domain/provenance/differences.ts'
import { ArtifactMark, DataMark } from '../domain/plan/marks.ts'
import { Plan } from '../domain/plan/plan.ts'
import type { Digest } from '../domain/recipe.ts'
import { artifactStore } from '../storage/artifacts.ts'
import { readCacheNote } from '../storage/index-cache.ts'
import { eachBounded, mapBounded } from '../storage/bounded.ts'
import { Hold } from '../storage/holds.ts'
import { artifactKey, wrongFields } from '../storage/lineage-record.ts'
import type { ObjectStore } from '../storage/object-store.ts'
import { rawKey } from '../storage/raw.ts'
import { artifactName, Reach, type Wrong } from '../storage/provenance/reach.ts'
import { allArtifacts } from '../storage/release-index.ts'
import { listReleases, releaseKey, SIGNATURE } from '../storage/releases.ts'
import { getSealed } from '../storage/sealed.ts'
import { Token } from '../storage/tokens.ts'
import { proveSignature } from '../storage/provenance/signatures.ts'
import { datasets } from './catalogue.ts'
import { RecordCheck } from './proof/records.ts'
import { archivesOf, asManifest, proveChannel, proveRelease, type Archives } from './proof/release.ts'

export interface Finding extends Partial<Difference> {
  /** Key of the object, or what the release calls it. */
  readonly what: string
  readonly why: string
}

/** `releases/a/b.json: says something else ...: cost is 0, expected 0.2` */
export const line = ({ what, why, field, expected, found }: Finding): string =>
  `${what}: ${why}${field === undefined ? '' : `: ${field} is ${found}, expected ${expected}`}`

interface Options {
  /** Go on after the first finding. */
  readonly all: boolean
  /** Objects checked, and how many there are as far as is known. */
  readonly progress: (done: number, total: number, bytes: number) => void
  /** Releases, and what channels name, must be signed with the other half of this one. */
  readonly key?: KeyObject | undefined
}

/** Of documents that no release leads to. */
const shapes: Readonly<Record<string, z.ZodType>> = {
  marks: DataMark,
  quarantine: ArtifactMark,
  holds: Hold,
  plans: Plan,
  tokens: Token,
}

/** Ends the work at the first finding. */
class Enough extends Error {}

/** Objects read at a time, and the most of one that is in memory. */
const WIDTH = 12
const PIECE = 16 << 20

/** Digest of an object, read in pieces; undefined when there is none. */
async function hashed(objects: ObjectStore, key: string): Promise<{ sha256: Digest; bytes: number } | undefined> {
  const size = await objects.size(key)
  if (size === undefined) return undefined
  const hash = createHash('sha256')
  let bytes = 0
  for (let at = 0; at < size; at += PIECE) {
    const piece = await objects.getRange(key, at, Math.min(PIECE, size - at))
    if (!piece) return undefined
    hash.update(piece)
    bytes += piece.length
  }
  return { sha256: hash.digest('hex'), bytes }
}

class Verifier {
  readonly findings: Finding[] = []
  readonly unproven: Finding[] = []
  readonly checked = new Set<string>()
  bytes = 0
  private total = 0
  private readonly objects: ObjectStore
  private readonly options: Options

  constructor(objects: ObjectStore, options: Options) {
    this.objects = objects
    this.options = options
  }

  readonly wrong: Wrong = (what, why, at) => {
    if (this.findings.some(f => f.what === what && f.why === why && f.field === at?.field)) return
    this.findings.push({ what, why, ...at })
    if (!this.options.all) throw new Enough()
  }

  private readonly open = (what: string, why: string): void => void this.unproven.push({ what, why })

  private sound(key: string, bytes: number): void {
    this.checked.add(key)
    this.bytes += bytes
    this.options.progress(this.checked.size, Math.max(this.total, this.checked.size), this.bytes)
  }

  /** An object whose digest, and perhaps size, is known. */
  private async object(key: string, digest: Digest, by: string, bytes?: number): Promise<void> {
    if (this.checked.has(key)) return
    const found = await hashed(this.objects, key)
    if (!found) this.wrong(key, `is gone (${by})`)
    else if (found.sha256 !== digest) this.wrong(key, `is damaged: its digest is ${found.sha256} (${by})`)
    else {
      for (const d of differences(found.bytes, bytes ?? found.bytes, 'bytes'))
        this.wrong(key, `is of another size (${by})`, d)
      this.sound(key, found.bytes)
    }
  }

  private async artifact(ref: Pick<ArtifactRef, 'stage' | 'recipe'>): Promise<void> {
    const key = (path: string): string => artifactKey(ref.stage, ref.recipe, path)
    const record = await artifactStore(this.objects)
      .lineage(ref.stage, ref.recipe)
      .catch((e: unknown) => this.wrong(key('lineage.json'), (e as Error).message))
    if (!record) return
    this.sound(key('lineage.json'), 0)
    await mapBounded(record.outputs, WIDTH, (o: Output) =>
      this.object(key(o.path), o.sha256, `output of ${artifactName(ref)}`, o.bytes),
    )
  }

  /** A document that carries its own digest. */
  private async sealed(key: string): Promise<object | undefined> {
    const value = await getSealed(this.objects, key).catch((e: unknown) => this.wrong(key, (e as Error).message))
    if (value) this.sound(key, 0)
    return value ?? undefined
  }

  async release(dataset: string, name: string): Promise<void> {
    const key = releaseKey(dataset, name)
    const text = await this.sealed(key)
    const release = text && asManifest(text, key, this.wrong)
    if (!release) return
    const archives = await this.archives(dataset)
    await proveRelease(this.objects, [dataset, name], release, archives, this.wrong, this.open)
    if (this.options.key) await proveSignature(this.objects, release, this.options.key, this.wrong)

    const refs = await allArtifacts(this.objects, release).catch((e: unknown) => {
      this.wrong(key, (e as Error).message)
      return []
    })
    const records = new RecordCheck(this.objects, refs, this.wrong)
    const reach = new Reach(this.objects, this.wrong, (...heard) => records.history(...heard))
    await reach.release(release)
    const silent = await records.end()
    if (silent.length > 0)
      this.open(key, `no history in the bucket tells of ${silent.length} of its artifacts, ${silent[0]} among them`)
    for (const d of reach.pages) this.sound(rawKey(d), 0)
    // What histories mention may be a document of the raw archive.
    const mentioned = [...reach.mentioned].filter(d => !reach.raw.has(d) && !reach.pages.has(d))
    const there = await mapBounded(mentioned, WIDTH, async d => (await this.objects.size(rawKey(d))) !== undefined)
    const raw = [...reach.raw, ...mentioned.filter((_, i) => there[i]).map(d => [d, 'named in a history'] as const)]
    this.total += raw.length + reach.artifacts.size
    await mapBounded(raw, WIDTH, ([d, by]) => this.object(rawKey(d), d, by))
    await mapBounded([...reach.artifacts.values()], WIDTH, ref => this.artifact(ref))
  }

  private readonly known = new Map<string, Promise<Archives>>()
  private archives(dataset: string): Promise<Archives> {
    if (!this.known.has(dataset)) this.known.set(dataset, archivesOf(this.objects, dataset, this.wrong))
    return this.known.get(dataset)!
  }

  async channels(dataset: string): Promise<void> {
    for await (const key of this.objects.list(`refs/${dataset}/`)) {
      const channel = key.split('/')[2]!
      const named = await proveChannel(
        this.objects,
        dataset,
        channel,
        await this.archives(dataset),
        this.wrong,
        this.open,
      )
      if (named === undefined) continue
      this.sound(key, 0)
      const text = this.options.key && (await this.sealed(releaseKey(dataset, named)))
      const release = text && asManifest(text, releaseKey(dataset, named), this.wrong)
      if (release) await proveSignature(this.objects, release, this.options.key!, this.wrong)
    }
  }

  /** Every object of the bucket that no release has led to. */
  async rest(): Promise<void> {
    await eachBounded(this.objects.list(''), WIDTH, async key => {
      if (!this.checked.has(key)) await this.byItself(key, key.split('/'))
    })
  }

  private async byItself(key: string, parts: readonly string[]): Promise<void> {
    const [kind, , third, fourth] = parts
    const file = parts.at(-1)!
    if (kind === 'raw') return this.object(key, fourth!, 'the raw archive')
    if (kind === 'artifacts')
      return file === 'lineage.json' ? this.artifact({ stage: parts[1]!, recipe: third! }) : undefined
    if (kind === 'audits') return this.object(key, file.replace('.json', ''), 'its name')
    if (kind === 'memo') return this.cacheNote(key)
    if (kind === 'refs' || file.endsWith(SIGNATURE)) return
    if (kind === 'histories' && file !== 'index.json') return
    const value = await this.sealed(key)
    const shape = /\.(lifted|released|revoked)\.json$/.test(key) ? undefined : shapes[kind!]
    const parsed = value && shape?.safeParse(value)
    if (parsed?.success === false) this.wrong(key, `is not what it should be: ${wrongFields(parsed.error.issues)}`)
    if (kind === 'histories' && value) {
      const reach = new Reach(this.objects, this.wrong)
      await reach.archiveAt(key.slice(0, -'/index.json'.length))
    }
  }

  /** A note of the cache: it must lead to an index node. */
  private async cacheNote(key: string): Promise<void> {
    const page = await readCacheNote(this.objects, key).catch(() => undefined)
    if (page === undefined || (await this.objects.size(rawKey(page))) === undefined)
      this.wrong(key, 'leads to no page; the next run makes it again')
    else this.sound(key, (await this.objects.size(key)) ?? 0)
  }
}

/**
 * Objects and bytes that are what their digests say, what is wrong with others, and what nothing in the bucket proves (yet): an audit does.
 * @param release `dataset/name`; without it every object of the bucket
 */
export async function verify(
  objects: ObjectStore,
  release: { dataset: string; release: string } | undefined,
  options: Options,
) {
  const verifier = new Verifier(objects, options)
  try {
    if (release) {
      await verifier.channels(release.dataset)
      await verifier.release(release.dataset, release.release)
    } else {
      for (const dataset of await datasets(objects)) {
        await verifier.channels(dataset)
        for (const name of await listReleases(objects, dataset)) await verifier.release(dataset, name)
      }
      await verifier.rest()
    }
  } catch (e) {
    if (!(e instanceof Enough)) throw e
  }
  const { findings, checked, bytes, unproven } = verifier
  return { findings: options.all ? findings : findings.slice(0, 1), objects: checked.size, bytes, unproven }
}
