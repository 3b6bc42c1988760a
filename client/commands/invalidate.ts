// `hillock invalidate`: marks sections, boxes and artifacts that are wrong, lists the marks, lifts them.
import { checkExclude } from '../../domain/run-file/check.ts'
import { configError } from '../../domain/errors.ts'
import { add, boxName } from '../../domain/geometry.ts'
import { boxOf } from '../numbers.ts'
import type { DataMark } from '../../domain/plan/marks.ts'
import { artifactStore } from '../../storage/artifacts.ts'
import { liftDataMark, listDataMarks, putDataMark } from '../../storage/marks.ts'
import type { ObjectStore } from '../../storage/object-store.ts'
import { listMarks } from '../../storage/quarantine.ts'
import { listReleases } from '../../storage/releases.ts'
import { bucket, datasets, readRelease } from '../catalogue.ts'
import { say as print, type JsonOption } from '../report.ts'
import { operator } from './operate.ts'

interface Options extends JsonOption {
  readonly dataset?: string
  readonly section?: string
  readonly box?: string
  readonly artifact?: string
  readonly damaged?: boolean
  readonly reason?: string
  readonly list?: boolean
  readonly lift?: string
}

/** The marks lie in the bucket: nothing has to be running. */
export async function invalidate(o: Options): Promise<void> {
  const objects = bucket()
  const by = operator()
  const asked = (['section', 'box', 'artifact', 'list', 'lift'] as const).filter(k => o[k] !== undefined)
  if (asked.length !== 1) throw configError('say one of --section, --box, --artifact, --list and --lift')
  if (o.list) return list(objects, o)
  if (o.lift !== undefined) return lift(objects, o.lift, { by, reason: o.reason ?? 'by hand' }, o)
  if (!o.reason) throw configError('--reason: say why, for the record and for the plan')
  const why = { reason: o.reason, by }
  if (o.artifact !== undefined) {
    const ref = artifactNamed(o.artifact)
    const mark = await artifactStore(objects).quarantine(ref, { kind: o.damaged ? 'damaged' : 'bad', ...why })
    return say(o, { mark }, `${mark.stage}/${mark.recipe} is marked ${mark.kind}: no run takes it any more`)
  }
  if (o.damaged) throw configError('--damaged: only an artifact can be that')
  const dataset = o.dataset ?? ''
  const what = o.section === undefined ? { box: boxOf(o.box!) } : { section: sectionOf(o.section) }
  await checkWithin(objects, dataset, what)
  const mark = await putDataMark(objects, { dataset, what, ...why })
  return say(o, { mark }, `${mark.id}: ${whatOf(mark)} of ${dataset} is left out by every run from now on`)
}

const say = (o: Options, value: object, text: string): void =>
  print(o, value, `${text}; \`hillock plan FILE\` says what that changes`)

const whatOf = ({ what }: DataMark): string =>
  'section' in what ? `section ${what.section}` : `box ${boxName(what.box)}`

function artifactNamed(text: string): { stage: string; recipe: string } {
  const found = /^([a-z-]+)\/([0-9a-f]{64})(\.\d+)?$/.exec(text)
  if (!found) throw configError(`${text}: name an artifact as stage/recipe, as \`hillock lineage --json\` lists them`)
  return { stage: found[1]!, recipe: found[2]! }
}

function sectionOf(text: string): number {
  if (!/^-?\d+$/.test(text)) throw configError(`--section ${text}: a whole number`)
  return Number(text)
}

/** @throws HillockError ConfigError for a dataset without any release, or for what lies outside of it. */
async function checkWithin(objects: ObjectStore, dataset: string, what: DataMark['what']): Promise<void> {
  const [first] = dataset ? await listReleases(objects, dataset) : []
  if (first === undefined)
    throw configError(
      `--dataset ${dataset || '(none)'}: there is no release of it; there are: ${(await datasets(objects)).join(', ') || 'none'}. Before the first release \`exclude\` in the run file does the same`,
    )
  const { bounds, offset = [0, 0, 0] } = (await readRelease(objects, dataset, first))!
  const reason = 'mark'
  checkExclude(
    'section' in what ? { sections: [{ ...what, reason }], boxes: [] } : { sections: [], boxes: [{ ...what, reason }] },
    { min: add(bounds.min, offset), max: add(bounds.max, offset) },
  )
}

async function list(objects: ObjectStore, o: Options): Promise<void> {
  const [data, artifacts] = await Promise.all([listDataMarks(objects, o.dataset), listMarks(objects)])
  const lines = [
    ...data.map(m => `${m.id}  ${whatOf(m)} of ${m.dataset}: ${m.reason} (${m.by}, ${m.at})`),
    ...artifacts.map(m => `${m.id}  ${m.kind}: ${m.reason} (${m.by}, ${m.at})`),
  ]
  print(o, { data, artifacts }, lines.length === 0 ? 'nothing is marked' : lines)
}

async function lift(objects: ObjectStore, id: string, why: { by: string; reason: string }, o: Options): Promise<void> {
  const done = id.includes('/')
    ? await artifactStore(objects).lift(artifactNamed(id), why)
    : await liftDataMark(objects, id, why)
  if (!done) throw configError(`--lift ${id}: no such mark stands; \`hillock invalidate --list\` names them`)
  say(o, { lifted: id }, `${id} is lifted`)
}
