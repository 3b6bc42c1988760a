// The error table: for each type whether it is retried, and what the operator sees and does.

export interface ErrorRow {
  readonly retry: boolean
  readonly means: string
  readonly todo: string
}

const table = {
  ConfigError: {
    retry: false,
    means: 'the run file, a command line or the configuration is wrong',
    todo: 'correct what is named and start again',
  },
  BadTileError: {
    retry: false,
    means: 'a tile is missing, truncated, corrupt, of wrong shape or depth, blank, or no image',
    todo: 'read the quarantine list; replace the file and run again, or accept the declared hole',
  },
  SourceError: {
    retry: false,
    means: 'so much of the source cannot be read or used that a run would make nothing of it',
    todo: 'mend what the message names (a folder that is away, rights, the grey values of 16-bit tiles), or raise the limit that it names',
  },
  SourceChanged: {
    retry: true,
    means: 'a source changed while it was read',
    todo: 'nothing while it is retried; once it is as it shall be, start the run again',
  },
  ProvenanceError: {
    retry: false,
    means: 'an artifact without complete lineage was offered, or outputs differ from what the record says',
    todo: 'nothing was committed; find the code that left the field out',
  },
  NondeterminismError: {
    retry: false,
    means: 'one recipe gave two different outputs',
    todo: 'compare the runtimes in both lineage records (CPU features, provider)',
  },
  ModelMismatch: {
    retry: false,
    means:
      'the model does not load, is not the one its card names, gives something else than its card says, or does not fit the data',
    todo: 'restore the model and its card, or name another in the run file',
  },
  MissingArtifact: {
    retry: false,
    means: 'an object that a lineage record names is gone or damaged',
    todo: 'mark the named artifact (`hillock invalidate --artifact stage/recipe --damaged`) and run again: it is made again',
  },
  PlanChanged: {
    retry: false,
    means: 'a plan no longer says what would be made',
    todo: 'look at the new plan, and run that',
  },
  QuarantinedArtifact: {
    retry: false,
    means: 'an artifact that was marked bad or damaged is wanted',
    todo: 'run again: it is made anew; where it comes out the same, change parameters or lift the mark (`hillock invalidate --list`)',
  },
  QuarantinedBlock: {
    retry: false,
    means: 'a block or region failed on every attempt and was set aside',
    todo: 'see its reason in the status; fix parameters or accept the declared hole',
  },
  GateRejected: {
    retry: false,
    means: 'a release candidate missed a threshold or was rejected',
    todo: 'read what the message and the candidate say; it stays in the bucket, and `hillock release publish --force --reason ...` publishes it all the same',
  },
  DatasetHeld: {
    retry: false,
    means: 'a rollback is under way that holds the dataset, so that nothing is built on what it takes back',
    todo: 'wait until the rollback named in the message has ended, then start again',
  },
  RefConflict: {
    retry: true,
    means: 'somebody else moved the channel at the same time',
    todo: 'nothing: it is read again and retried',
  },
  StoreError: {
    retry: true,
    means: 'the object store did not answer as it should',
    todo: 'nothing while it is retried; look at the bucket if it goes on',
  },
  StoreRefused: {
    retry: false,
    means: 'the bucket does not exist, or the owner of the bucket or of a source does not let this process in',
    todo: 'correct the address or the credentials as the message says, then start again: what was made is found',
  },
  ComputeLost: {
    retry: true,
    means: 'a kernel thread or the inference process died in the middle of a call',
    todo: 'nothing: the block is computed again',
  },
} as const satisfies Record<string, ErrorRow>

export type ErrorType = keyof typeof table
export const errorTable: Readonly<Record<ErrorType, ErrorRow>> = Object.freeze(table)

/** Whether one block or region may be at fault, so that the others go on without it; of any other type the run as a whole is. */
export const isLocal = (type: string): boolean =>
  !(type in table) || type === ('ComputeLost' satisfies ErrorType) || type === ('QuarantinedBlock' satisfies ErrorType)

/** Types that Temporal must not retry. */
export const nonRetryable: readonly ErrorType[] = (Object.keys(table) as ErrorType[]).filter(t => !table[t].retry)

/** An error with a row in the table; `details` name the things concerned. */
export class HillockError extends Error {
  readonly type: ErrorType
  readonly details: Readonly<Record<string, string | number>>
  constructor(type: ErrorType, message: string, details: Readonly<Record<string, string | number>> = {}) {
    super(message)
    this.name = type
    this.type = type
    this.details = details
  }
}

/** What whoever asks got wrong, with what to do. */
export const configError = (message: string): HillockError => new HillockError('ConfigError', message)

export const isHillockError = (e: unknown, type?: ErrorType): e is HillockError =>
  e instanceof HillockError && (type === undefined || e.type === type)
