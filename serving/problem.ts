// What a reader is told when a request cannot be answered: what is wrong, and what to do.
import { errorTable, isHillockError } from '../domain/errors.ts'

/** An answer other than 200, with advice. */
export class Problem extends Error {
  readonly status: number
  readonly todo: string
  constructor(status: number, message: string, todo: string) {
    super(message)
    this.status = status
    this.todo = todo
  }
}

export const notFound = (message: string, todo: string): Problem => new Problem(404, message, todo)

/** Any error as a problem: a damaged or missing object is the server's fault (500), a key that is none is the reader's. */
export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error
  if (isHillockError(error)) return new Problem(500, `${error.type}: ${error.message}`, errorTable[error.type].todo)
  const { statusCode, message } = error as { statusCode?: number; message: string }
  if (statusCode !== undefined && statusCode < 500) return new Problem(statusCode, message, 'correct the request')
  return new Problem(500, message, 'this is a defect of the server: its log has the details')
}
