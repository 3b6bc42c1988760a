// The network of the rehearsal: each host a network namespace behind one bridge where root may make them, else a loopback address.
import { spawnSync } from 'node:child_process'

export interface Network {
  readonly is: string
  /** Of the machine with Temporal and the bucket. */
  readonly address: string
  /** Address of a host, and what its commands begin with. */
  host(name: string): { readonly address: string; readonly enter: readonly string[] }
  remove(): void
}

/** @param id tells rehearsals on one machine apart: a number below 250 */
export function network(id: number): Network {
  const hosts: string[] = []
  const join = (name: string, subnet: string): string => `${subnet}.${hosts.push(name) + 1}`
  const bridge = `hlk${id}`
  const [loopback, subnet] = [`127.231.${id}`, `10.231.${id}`]
  const ip = (...args: string[]): boolean => spawnSync('ip', args, { stdio: 'ignore' }).status === 0
  const space = (name: string): string => `${bridge}-${name}`
  const remove = (): void => {
    for (const name of hosts) ip('netns', 'del', space(name))
    ip('link', 'del', bridge)
  }
  // A trial, for root may be one of a container that may not.
  const may = ip('netns', 'add', space('trial')) && ip('link', 'add', bridge, 'type', 'bridge')
  ip('netns', 'del', space('trial'))
  if (!may)
    return {
      is: 'loopback addresses (network namespaces are for root)',
      address: `${loopback}.1`,
      host: name => ({ address: join(name, loopback), enter: [] }),
      remove: () => {},
    }
  const must = (...args: string[]): void => {
    if (!ip(...args)) throw new Error(`ip ${args.join(' ')}: failed`)
  }
  must('addr', 'add', `${subnet}.1/24`, 'dev', bridge)
  must('link', 'set', bridge, 'up')
  return {
    is: 'network namespaces behind one bridge',
    address: `${subnet}.1`,
    host(name) {
      const address = join(name, subnet)
      const at = space(name)
      must('netns', 'add', at)
      must('link', 'add', `${bridge}${name}`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', at)
      must('link', 'set', `${bridge}${name}`, 'master', bridge, 'up')
      must('-n', at, 'addr', 'add', `${address}/24`, 'dev', 'eth0')
      for (const link of ['eth0', 'lo']) must('-n', at, 'link', 'set', link, 'up')
      const named = ['unshare', '--uts', 'sh', '-c', 'hostname "$0"; exec "$@"', name]
      return { address, enter: ['ip', 'netns', 'exec', at, ...named] }
    },
    remove,
  }
}
