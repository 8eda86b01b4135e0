// One place through which every state change of a media machine goes: it logs the edge and tells the listener.

export type EdgeLog = (machine: string, from: string, to: string, detail: string) => void

/** Edges are rare (a handful per connection), so they may go to the console of a page in production. */
const logEdgeToConsole: EdgeLog = (machine, from, to, detail) => {
  // eslint-disable-next-line no-console -- one line per edge: what a host can send us when a broadcast went wrong
  console.debug(`[${machine}] ${from} -> ${to}${detail ? ` (${detail})` : ''}`)
}

export class MachineState<S extends { readonly name: string }> {
  private current: S
  private silenced = false

  constructor(
    private readonly machine: string,
    initial: S,
    private readonly onState: (state: S) => void,
    private readonly logEdge: EdgeLog = logEdgeToConsole,
  ) {
    this.current = initial
  }

  get(): S {
    return this.current
  }

  is(...names: S['name'][]): boolean {
    return names.includes(this.current.name)
  }

  set(next: S, why = ''): void {
    if (this.silenced) return
    if (next.name !== this.current.name) this.logEdge(this.machine, this.current.name, next.name, why)
    this.current = next
    this.onState(next)
  }

  /** The last edge of a machine's life: nothing is told to anybody afterwards. */
  finish(last: S, why = ''): void {
    this.set(last, why)
    this.silenced = true
  }
}
