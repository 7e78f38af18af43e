'use strict'

const { callbackOrPromise, splitCallback } = require('./call')

const isModule = ({ pm2_env }) => pm2_env?.pmx_module === true

/** The numbers of processes, and the processes by number. */
function numbered(processes) {
  const details = Object.fromEntries(processes.map((process) => [process.pm_id, process]))
  return [processes.map(({ pm_id }) => pm_id), details]
}

/** The calls below pm2's functions, which programs reach as `pm2.Client`: the daemon's methods, and what is listed. */
class Client {
  #invoke

  /** `invoke(verb, args, done)` runs a verb. */
  constructor(invoke) {
    this.#invoke = invoke
  }

  /** Calls a method of the daemon, such as `getMonitorData`. */
  executeRemote(...given) {
    const { args, callback } = splitCallback(given)
    return callbackOrPromise(callback, (done) => this.#invoke('executeRemote', args, done))
  }

  /** Every process. */
  getAllProcess(callback) {
    return this.#listed(callback, (processes) => [processes])
  }

  /** The numbers of all processes. */
  getAllProcessId(callback) {
    return this.#listed(callback, (processes) => [numbered(processes)[0]])
  }

  /** The same without modules. */
  getAllProcessIdWithoutModules(callback) {
    return this.#listed(callback, (processes) => [numbered(processes.filter((process) => !isModule(process)))[0]])
  }

  /** The numbers of the processes of a name; a callback also gets the processes by number. */
  getProcessIdByName(name, ...given) {
    return this.#listed(given.at(-1), (processes) => numbered(processes.filter((process) => process.name === name)))
  }

  /** The same for a namespace. */
  getProcessIdsByNamespace(namespace, ...given) {
    const isMeant = ({ pm2_env }) => pm2_env.namespace === namespace
    return this.#listed(given.at(-1), (processes) => numbered(processes.filter(isMeant)))
  }

  /** The processes of a name. */
  getProcessByName(name, callback) {
    return this.#listed(callback, (processes) => [processes.filter((process) => process.name === name)])
  }

  /** The processes of a name, or the one of a number. */
  getProcessByNameOrId(nameOrId, callback) {
    const isMeant = ({ name, pm_id }) => name === nameOrId || String(pm_id) === String(nameOrId)
    return this.#listed(callback, (processes) => [processes.filter(isMeant)])
  }

  #listed(callback, choose) {
    return callbackOrPromise(callback, (done) =>
      this.#invoke('list', [], (error, processes) => (error ? done(error) : done(null, ...choose(processes)))),
    )
  }
}

module.exports = { Client }
