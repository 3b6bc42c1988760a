// Signs of life of a kernel that runs long: it counts them in memory that whoever waits for it can see.
let counter: Int32Array | undefined

/** Where the next kernel of this thread counts. */
export const tickIn = (where: Int32Array | undefined): void => {
  counter = where
}

/** To be called again and again, every second or more often. */
export function tick(): void {
  if (counter) Atomics.add(counter, 0, 1)
}
