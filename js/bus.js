'use strict'

const { EventEmitter } = require('node:events')

/** `*` stands for one or more characters, everything else for itself; a RegExp is taken as it is. */
function toMatcher(pattern) {
  if (pattern instanceof RegExp) return new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, ''))
  if (!pattern.includes('*')) return undefined
  const escaped = pattern.replace(/[\\^$.|?+()[\]{}]/g, '\\$&').replaceAll('*', '(.+)')
  return new RegExp(`^${escaped}$`, 's')
}

/** The daemon's events: `on(pattern, listener)`, where each `*`'s text comes before the payload. */
class Bus {
  #entries = []
  #close

  constructor(close) {
    this.#close = close
    /** Emits `connect` and `close`. */
    this.sock = new EventEmitter()
  }

  /** Calls `listener` with every event that matches `pattern`. */
  on(pattern, listener) {
    if (typeof listener !== 'function') throw new TypeError(`expected a function as listener, got ${typeof listener}`)
    const text = pattern instanceof RegExp ? pattern : String(pattern)
    // A new array: an event being delivered goes to those who listened when it came.
    this.#entries = [...this.#entries, { key: String(pattern), text, matcher: toMatcher(text), listener }]
    return this
  }

  /** The same for the next matching event only. */
  once(pattern, listener) {
    const first = (...args) => {
      this.off(pattern, first)
      listener(...args)
    }
    return this.on(pattern, first)
  }

  /** Forgets the listeners of `pattern`, or just one of them. */
  off(pattern, listener) {
    const key = String(pattern)
    this.#entries = this.#entries.filter((entry) => entry.key !== key || (listener && entry.listener !== listener))
    return this
  }

  /** Forgets every listener of `pattern`; without one, all. */
  removeAllListeners(pattern) {
    if (pattern !== undefined) return this.off(pattern)
    this.#entries = []
    return this
  }

  /** Ends the subscription: no listener is called any more. */
  close() {
    this.#entries = []
    this.#close()
    this.sock.emit('close')
  }

  /** Calls the listeners of one event; its payload is parsed only if there is one. */
  deliver(topic, payload) {
    let packet
    for (const { text, matcher, listener } of this.#entries) {
      const match = matcher ? matcher.exec(topic) : text === topic
      if (!match) continue
      packet ??= { value: JSON.parse(payload) }
      this.#call(listener, matcher ? match.slice(1) : [], packet.value)
    }
  }

  // One listener that throws must not cost the others their event.
  #call(listener, captured, packet) {
    try {
      listener.call(this, ...captured, packet)
    } catch (error) {
      process.nextTick(() => {
        throw error
      })
    }
  }
}

Bus.prototype.addListener = Bus.prototype.on
Bus.prototype.removeListener = Bus.prototype.off

module.exports = { Bus }
