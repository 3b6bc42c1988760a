// What went wrong at Google Cloud Storage: worth another attempt, or for an operator, who is told what to do.
import { HillockError, isHillockError } from '../../domain/errors.ts'

/** Why another attempt may succeed: too many requests, the server failed, the connection did, or the bytes came wrong. */
export type Transient = 'throttled' | 'unavailable' | 'cut' | 'damaged'

export const transient = (kind: Transient, message: string, url: string): HillockError =>
  new HillockError('StoreError', message, { url, transient: kind })

export const transientOf = (e: unknown): Transient | undefined =>
  isHillockError(e, 'StoreError') ? (e.details['transient'] as Transient | undefined) : undefined

interface ClientError {
  readonly message: string
  readonly code?: number | string
  readonly status?: number
  readonly response?: { readonly status?: number }
  readonly errors?: readonly { readonly reason?: string }[]
}

/** HTTP status of what Google's client threw; undefined when there was no answer. */
export function statusOf(e: unknown): number | undefined {
  const { code, status, response } = e as ClientError
  const found = [status, response?.status, Number(code)].find(s => s !== undefined && s >= 100 && s < 600)
  // Failed resumable uploads have the status in the message alone.
  return found ?? (Number(/^Retry limit exceeded - status: (\d{3})/.exec((e as Error).message)?.[1]) || undefined)
}

/** @param what was tried, as in `read`. @param url of the object. @returns the error to throw. */
export function failure(what: string, url: string, e: unknown): Error {
  if (isHillockError(e) || (e as Error).name === 'AbortError' || e instanceof TypeError) return e as Error
  const status = statusOf(e)
  const { message, errors = [] } = e as ClientError
  const said = message.replaceAll(/\s+/g, ' ').slice(0, 300)
  const refused = (todo: string): HillockError =>
    new HillockError('StoreRefused', `could not ${what} ${url}: ${todo} (${said})`, { url })
  const again = (kind: Transient): HillockError =>
    transient(kind, `could not ${what} ${url}: ${status ?? ''} ${said}`, url)
  if (/Could not load the default credentials|invalid_grant|invalid_rapt/.test(message) || status === 401)
    return refused(
      'there are no valid credentials; run `gcloud auth application-default login`, or name a key file in GOOGLE_APPLICATION_CREDENTIALS',
    )
  if (status === undefined) return again('cut')
  const reasons = [said, ...errors.map(x => x.reason ?? '')].join(' ')
  if (status === 429 || (status === 403 && /rateLimitExceeded/i.test(reasons))) return again('throttled')
  if (status === 408 || status >= 500) return again('unavailable')
  if (status === 403)
    return refused(`these credentials may not do that; grant them roles/storage.objectUser on the bucket`)
  return new HillockError('StoreError', `could not ${what} ${url}: ${status} ${said}`, { url })
}

export const noBucket = (bucket: string): HillockError =>
  new HillockError(
    'StoreRefused',
    `there is no bucket gs://${bucket}, or these credentials may not see it; make it with \`gcloud storage buckets create gs://${bucket}\`, or correct its name`,
  )
