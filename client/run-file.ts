// Reading a run file: YAML, `--set a.b=c`, ${HILLOCK_DATA}, paths relative to the file, the bucket that it is for.
import { existsSync, readFileSync, statSync } from 'node:fs'
import { isAbsolute, resolve } from 'node:path'
import { parse } from 'yaml'
import { parseRunConfig, setPath, type RunConfig } from '../domain/config.ts'
import { configError, isHillockError } from '../domain/errors.ts'
import { folderOf, inputs, isShared, noSecret, within } from '../storage/foreign/inputs.ts'
import { checkout, chooseBucket, dataRoot } from '../worker/home.ts'
import { affinityModelFor, withAffinityModel } from './affinity-model.ts'

/**
 * The bucket that the file names becomes the one of this home; it is no part of what is reconstructed, so recipes and releases do not hold it.
 * @param sets overrides of the form `a.b.c=value`, the value read as YAML.
 * @throws HillockError ConfigError that names the file and the path in it.
 */
export const readRunFile = (file: string, sets: readonly string[] = []): RunConfig => configIn(textOf(file), file, sets)

/**
 * The same, where the file may be named by a URL; its paths are then relative to that.
 * @throws HillockError ConfigError also where it needs an affinity model, names none, and none is for its voxels
 */
export const readRunFileAt = async (file: string, sets: readonly string[] = []): Promise<RunConfig> =>
  withAffinityModel(
    isShared(file)
      ? configIn(new TextDecoder().decode(await inputs().read(file, 'ConfigError')), file, sets)
      : readRunFile(file, sets),
  )

function configIn(text: string, file: string, sets: readonly string[]): RunConfig {
  const yaml = (what: string, value: string): unknown => {
    try {
      return parse(value) as unknown
    } catch (e) {
      // Below the first line stands the place in the text once more.
      const [why] = (e as Error).message.replace(/; please use YAML\.\w+\(\)/, '').split('\n')
      throw configError(`${what} is not valid YAML: ${why!.replace(/:$/, '')}`)
    }
  }
  const tree = yaml(file, text)
  if (tree === null || typeof tree !== 'object' || Array.isArray(tree))
    throw configError(`${file}: a run file is a set of keys (dataset:, voxelSizeNm:, source:, ...)`)
  for (const s of sets) {
    const at = s.indexOf('=')
    if (at < 1 || s.slice(0, at).split('.').includes('__proto__'))
      throw configError(`--set ${s}: give it as path=value, for example --set stages.agglomerate.threshold=0.4`)
    setPath(tree as Record<string, unknown>, s.slice(0, at), yaml(`--set ${s}`, s.slice(at + 1)))
  }
  const folder = folderOf(file)
  const { bucket, ...config } = parseRunConfig(tree, file)
  if (bucket !== undefined) chooseBucket(isShared(bucket) ? bucket : within(folder, bucket))
  return resolvePaths(config, folder, file)
}

/** Far more than anybody writes: startRun takes 32 KiB of it, lists of tiles have files of their own. */
const LARGEST = 4 << 20

/** @throws HillockError ConfigError for what is no file of text: a folder, a pipe, a device, something large or binary. */
function textOf(file: string): string {
  const fail = (why: string): never => {
    throw configError(`${file}: ${why}`)
  }
  try {
    const stat = statSync(file)
    if (stat.isDirectory()) return fail('this is a folder; name the run file in it')
    // Reading a pipe would wait for whoever writes to it, a device may never end.
    if (!stat.isFile()) return fail('this is no file but a pipe, a socket or a device; write the run file to a file')
    if (stat.size > LARGEST) return fail(`${Math.round(stat.size / 1e6)} MB: a run file is a page of YAML`)
    const text = new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(file))
    return text.includes('\0') ? fail('this is no text; a run file is a page of YAML') : text
  } catch (e) {
    const { code, message } = e as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return fail('no such run file')
    if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA') return fail('this is no text in UTF-8')
    if (isHillockError(e)) throw e
    return fail(`cannot be read: ${message}`)
  }
}

function resolvePaths(config: RunConfig, folder: string, file: string): RunConfig {
  const path = (p: string, key: string): string => {
    if (isShared(p)) {
      // Of a volume `import` asks first whether what follows the ? is meant.
      noSecret(key === 'source.volume.url' ? p.replace(/\?.*/s, '') : p)
      return p
    }
    const usesData = p.includes('${HILLOCK_DATA}')
    const full = p.replace('${HILLOCK_DATA}', dataRoot())
    const found = within(folder, full)
    if (isShared(found)) return found
    if (!existsSync(found))
      throw configError(
        `${file}: ${key}: ${found} does not exist` +
          (usesData
            ? `; this run needs real data under HILLOCK_DATA (now ${dataRoot()}): docs/data.md says where to get it`
            : ''),
      )
    const stat = statSync(found)
    if (!stat.isFile() && !stat.isDirectory())
      throw configError(`${file}: ${key}: ${found} is no file but a pipe, a socket or a device`)
    return found
  }
  const { source } = config
  /** A pattern names no file itself. */
  const stack = (p: string): string =>
    !isShared(p) && /[*?[{]/.test(p.replace('${HILLOCK_DATA}', '')) && !existsSync(within(folder, p))
      ? within(folder, p.replace('${HILLOCK_DATA}', dataRoot()))
      : path(p, 'source.stack')
  const truth = config.evaluate.truth
  const modelAt = (given: string, key: string): string => {
    if (isShared(given)) return noSecret(given)
    const found = isAbsolute(given) ? given : [within(folder, given), resolve(checkout, given)].find(existsSync)
    if (found) return found
    if (isShared(folder)) return within(folder, given)
    throw configError(`${file}: ${key}: ${given} is neither beside the run file nor in the checkout`)
  }
  const model = config.model === undefined ? affinityModelFor(config) : modelAt(config.model, 'model')
  const models = Object.entries(config.models ?? {}).map(([role, given]) => [role, modelAt(given!, `models.${role}`)])
  return {
    ...config,
    ...(model !== undefined && { model }),
    ...(models.length > 0 && { models: Object.fromEntries(models) }),
    source:
      'stack' in source
        ? { stack: stack(source.stack) }
        : 'volume' in source
          ? { volume: { ...source.volume, url: path(source.volume.url, 'source.volume.url') } }
          : 'layout' in source
            ? { layout: path(source.layout, 'source.layout') }
            : 'tiles' in source
              ? // A missing tile is not an error of the run file: ingest sets it aside by name.
                {
                  tiles: source.tiles.map(t => ({
                    ...t,
                    file: isShared(t.file)
                      ? noSecret(t.file)
                      : within(folder, t.file.replace('${HILLOCK_DATA}', dataRoot())),
                  })),
                }
              : source,
    evaluate:
      truth && truth !== 'phantom' ? { ...config.evaluate, truth: path(truth, 'evaluate.truth') } : config.evaluate,
  }
}
