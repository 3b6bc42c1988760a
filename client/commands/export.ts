// `hillock export RELEASE TARGET`: a plain static layout, for hosting without a server of ours.
import { openStore } from '../../storage/stores/open-store.ts'
import { bucket, findRelease } from '../catalogue.ts'
import { exportRelease, SUMS } from '../export.ts'
import { say, ticker, type JsonOption } from '../report.ts'

export async function exportTo(name: string, target: string, o: JsonOption): Promise<void> {
  const objects = bucket()
  const { tick, end } = ticker()
  const done = await exportRelease(objects, await findRelease(objects, name), openStore(target), tick)
  end()
  say(
    o,
    { target, ...done },
    `${done.files} files with ${(done.bytes / 1e6).toFixed(1)} MB, ${done.written} of them written now; ${SUMS} lists them all`,
  )
}
