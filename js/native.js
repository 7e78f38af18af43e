'use strict'

const path = require('node:path')
const { locate } = require('./binaries')
const { fromNative } = require('./errors')
const { Lane } = require('./lane')
const { run } = require('./run')
const { Subscription } = require('./subscription')
const { single } = require('./verbs')

const { addon, executable } = locate()
const { NativeClient, NativeEvents, NativeLane } = require(addon)

/**
 * One session with a daemon. Verbs that are one call of it go from this thread, and its events come there; every other
 * verb is run by the addon on a thread of its own, which delivers replies in batches of (id, error, result).
 */
class Client {
  #handlers = new Map()
  #home
  #lane
  #lastId = 0
  #native

  constructor(options) {
    this.#home = options.home
    this.#native = new NativeClient({ binary: executable, node: process.execPath, ...options }, (batch) =>
      this.#deliver(batch),
    )
    const invoke = (verb, args, callback) => this.#invoke(verb, args, undefined, callback)
    this.#lane = new Lane(NativeLane, path.join(this.#home, 'rpc.sock'), invoke)
  }

  #deliver(batch) {
    for (let at = 0; at < batch.length; at += 3) {
      const handler = this.#handlers.get(batch[at])
      this.#handlers.delete(batch[at])
      if (handler) run(handler, batch[at + 1], batch[at + 2])
    }
  }

  #add(handler) {
    // Ids are u32 in the addon; one still in use is passed over.
    do this.#lastId = (this.#lastId + 1) >>> 0
    while (this.#handlers.has(this.#lastId))
    this.#handlers.set(this.#lastId, handler)
    return this.#lastId
  }

  #invoke(verb, args, env, callback) {
    const id = this.#add((error, result) =>
      callback(error === null ? null : fromNative(error), result === null ? undefined : JSON.parse(result)),
    )
    this.#native.invoke(id, verb, args, env)
  }

  /**
   * Runs a verb with `args`, a JSON array; calls back once with `(error | null, result)`. `env` is for verbs that look
   * at it.
   */
  invoke(verb, args, env, callback) {
    if (single.has(verb)) this.#lane.call(verb, args, callback)
    else this.#invoke(verb, args, env, callback)
  }

  /** Every event from the daemon; reconnects for ever. `onReady` is called when first connected. */
  subscribe(onReady, onEvent) {
    return new Subscription(NativeEvents, path.join(this.#home, 'pub.sock'), onReady, onEvent)
  }

  /** Ends the connections; a later call connects again. */
  close(callback) {
    this.#lane.close()
    this.#invoke('disconnect', '[]', undefined, callback)
  }
}

module.exports = { Client }
