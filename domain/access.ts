// Who may do what: four roles, each of which includes the one before, given for some datasets or for all.

export const ROLES = ['viewer', 'proofreader', 'operator', 'admin'] as const
export type Role = (typeof ROLES)[number]

/** Stands for every dataset. */
export const ALL = '*'

export interface Grant {
  readonly role: Role
  readonly datasets: readonly string[]
}

/** Somebody whom a token or an issuer has named; the name goes into every record of what is changed. */
export interface Identity {
  readonly name: string
  readonly grants: readonly Grant[]
}

/** @param dataset undefined: any at all. */
export const may = (who: Identity, role: Role, dataset: string | undefined): boolean =>
  who.grants.some(
    g =>
      ROLES.indexOf(g.role) >= ROLES.indexOf(role) &&
      (dataset === undefined || g.datasets.includes(ALL) || g.datasets.includes(dataset)),
  )
