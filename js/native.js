'use strict'

const { locate } = require('./binaries')

const { addon, executable } = locate()
const { NativeClient } = require(addon)

/** Runs one callback; what it throws is an uncaught exception of its own, as it would be from a socket's event. */
function run(handler, first, second) {
  try {
    handler(first, second)
  } catch (error) {
    process.nextTick(() => {
      throw error
    })
  }
}

/**
 * One session with a daemon: callbacks over the addon, which delivers replies and events in batches of
 * (id, first, second).
 */
class Client {
  #handlers = new Map()
  #lastId = 0
  #native

  constructor(options) {
    this.#native = new NativeClient({ binary: executable, node: process.execPath, ...options }, (batch) =>
      this.#deliver(batch),
    )
  }

  #deliver(batch) {
    for (let at = 0; at < batch.length; at += 3) {
      const handler = this.#handlers.get(batch[at])
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

  /** Runs a verb; calls back once with `(errorJson | null, resultJson | null)`. `env` is for verbs that look at it. */
  invoke(verb, args, env, callback) {
    const id = this.#add((error, result) => {
      this.#handlers.delete(id)
      callback(error, result)
    })
    this.#native.invoke(id, verb, args, env)
  }

  /** Every event from the daemon; reconnects for ever. `onReady` is called when first connected. */
  subscribe(onReady, onEvent) {
    const id = this.#add((topic, payload) => (topic === null ? onReady() : onEvent(topic, payload)))
    this.#native.subscribe(id)
    return {
      close: () => {
        if (this.#handlers.delete(id)) this.#native.unsubscribe(id)
      },
    }
  }

  /** Ends the connection; a later call connects again. */
  close(callback) {
    this.invoke('disconnect', '[]', undefined, callback)
  }
}

module.exports = { Client }
