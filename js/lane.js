'use strict'

const { fromNative } = require('./errors')
const { run } = require('./run')
const { openWire } = require('./wire')

// What src/addon/lane.rs says of a call.
const DONE = 0
const FAILED = 1
const AGAIN = 2
const OVER = 3

/**
 * The short way to the daemon for verbs that are one call of it: on a connection of this thread's own. Calls are made
 * in the order in which they come. With no connection, the first call goes the long way, which finds the daemon or
 * launches it; once it is answered a connection is opened, and those that came meanwhile go there.
 */
class Lane {
  #invoke
  #isBusy = false
  #isClosing = false
  #line = []
  #Native
  #open
  #path

  /** `Native` knows the calls' bytes; `invoke(verb, args, callback)` is the long way. */
  constructor(Native, path, invoke) {
    this.#Native = Native
    this.#path = path
    this.#invoke = invoke
  }

  /** Runs a verb with `args`, a JSON array; calls back once with `(error | null, result)`. */
  call(verb, args, callback) {
    this.#isClosing = false
    const call = { verb, args, callback }
    if (this.#open && this.#line.length === 0) return this.#send(this.#open, call)
    this.#line.push(call)
    this.#advance()
  }

  /** Ends the connection once what was called is answered; a later call opens another. */
  close() {
    this.#isClosing = true
    if (this.#isBusy) return
    this.#open?.socket.end()
    this.#open = undefined
  }

  #send({ calls, native, socket }, call) {
    // No ticket is 0.
    const ticket = (calls.last = (calls.last % 0xffffffff) + 1)
    const frame = native.request(ticket, call.verb, call.args)
    // Wrong arguments, or too many bytes: the long way says what about them.
    if (frame === null) return this.#invoke(call.verb, call.args, call.callback)
    calls.set(ticket, call)
    socket.write(frame, 'latin1')
  }

  #advance() {
    if (this.#isBusy || this.#line.length === 0) return
    if (this.#open) {
      for (const call of this.#line.splice(0)) this.#send(this.#open, call)
      return
    }
    this.#isBusy = true
    const { verb, args, callback } = this.#line.shift()
    this.#invoke(verb, args, (error, result) => {
      if (error) this.#rest()
      else this.#connect()
      callback(error, result)
    })
  }

  #rest() {
    this.#isBusy = false
    this.#advance()
    if (this.#isClosing) this.close()
  }

  #connect() {
    const native = new this.#Native()
    const calls = Object.assign(new Map(), { last: 0 })
    let wasOpened = false
    const socket = openWire(this.#path, {
      opened: () => {
        wasOpened = true
        this.#open = { calls, native, socket }
        this.#rest()
      },
      received: (bytes) => this.#take(calls, native.received(bytes)),
      closed: () => {
        this.#forget(calls)
        if (!wasOpened) this.#isBusy = false
        this.#take(calls, native.ended())
      },
    })
  }

  #forget(calls) {
    if (this.#open?.calls === calls) this.#open = undefined
  }

  // What is to be called again is put into the line before anything that a callback may call.
  #take(calls, answers) {
    const again = []
    for (let at = 0; at < answers.length; at += 3) {
      if (answers[at + 1] === OVER) this.#forget(calls)
      else if (answers[at + 1] === AGAIN) again.push(taken(calls, answers[at]))
    }
    if (again.length > 0) this.#line = again.concat(this.#line)
    for (let at = 0; at < answers.length; at += 3) {
      const what = answers[at + 1]
      if (what === DONE) done(taken(calls, answers[at]), answers[at + 2])
      else if (what === FAILED) run(taken(calls, answers[at]).callback, fromNative(answers[at + 2]))
    }
    this.#advance()
  }
}

function taken(calls, ticket) {
  const call = calls.get(ticket)
  calls.delete(ticket)
  return call
}

/** Calls back with the result in the JSON of a reply. */
function done({ verb, callback }, reply) {
  let result
  try {
    result = JSON.parse(reply).args?.[0]
  } catch ({ message }) {
    const error = new Error(`the daemon's reply to \`${verb}\` cannot be read: ${message}`)
    return run(callback, Object.assign(error, { code: 'RPM2_PROTOCOL' }))
  }
  run(callback, null, result)
}

module.exports = { Lane }
