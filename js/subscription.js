'use strict'

const { openWire } = require('./wire')

const FIRST_PAUSE = 100
const LONGEST_PAUSE = 5000

/** The daemon's events: waits for a daemon, and connects to it again, for ever. */
class Subscription {
  #Events
  #onEvent
  #onReady
  #path
  #pause = FIRST_PAUSE
  #timer
  #wire

  /** `Events` takes the events out of bytes. `onReady` is called when first connected, `onEvent` with each event. */
  constructor(Events, path, onReady, onEvent) {
    this.#Events = Events
    this.#path = path
    this.#onReady = onReady
    this.#onEvent = onEvent
    this.#connect()
  }

  #connect() {
    const events = new this.#Events()
    let isOpen = false
    this.#wire = openWire(this.#path, {
      opened: () => {
        isOpen = true
        this.#pause = FIRST_PAUSE
        this.#onReady?.()
        this.#onReady = undefined
      },
      received: (bytes) => this.#deliver(events.received(bytes)),
      closed: () => this.#again(isOpen),
    })
  }

  // At once after a connection has ended, then in growing pauses.
  #again(wasOpen) {
    if (!this.#onEvent) return
    this.#timer = setTimeout(() => this.#connect(), wasOpen ? 0 : this.#pause).unref()
    if (!wasOpen) this.#pause = Math.min(this.#pause * 1.5, LONGEST_PAUSE)
  }

  // A listener may close the subscription.
  #deliver(events) {
    for (let at = 0; at < events.length; at += 2) this.#onEvent?.(events[at], events[at + 1])
  }

  /** Ends it: nothing is called any more. */
  close() {
    this.#onEvent = undefined
    this.#onReady = undefined
    clearTimeout(this.#timer)
    this.#wire.destroy()
  }
}

module.exports = { Subscription }
