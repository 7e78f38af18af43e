'use strict'

const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { attach } = require('./attach')
const { Bus } = require('./bus')
const { callbackOrPromise, splitCallback } = require('./call')
const { Client } = require('./client')
const { Hold } = require('./hold')
const { aliases, results, verbs, withEnvironment } = require('./verbs')

// As in src/home.rs; here because a worker thread's `process.env` is not the process's.
function homeFromEnvironment({ RPM2_HOME, PM2_HOME }) {
  return path.resolve(RPM2_HOME || PM2_HOME || path.join(os.homedir(), '.rpm2'))
}

const privateHome = () => fs.mkdtempSync(path.join(os.tmpdir(), 'rpm2-'))

// Errors that leave no connection to keep the script alive for.
const NOT_CONNECTED = new Set(['RPM2_HOME', 'RPM2_CONNECT', 'RPM2_LAUNCH'])

const refusal = (message) => Object.assign(new Error(message), { code: 'RPM2_CLOSED' })

/**
 * pm2's module: one caller's session with the daemon of one home. The script stays alive from the first call on until
 * `disconnect`.
 */
class Session {
  #buses = new Set()
  #client
  #independent
  #isHeldByDaemon = false
  #hold = new Hold()
  #state = 'new'

  constructor({ pm2_home, independent = false, daemon_mode = !independent, cwd } = {}) {
    if (pm2_home && independent) throw new Error('You cannot set a pm2_home and independent instance in same time')
    this.#independent = Boolean(independent)
    /** What pm2's functions are made of. */
    this.Client = new Client((verb, args, done) => this.#invoke(verb, args, done))
    this.cwd = cwd ? path.resolve(cwd) : process.cwd()
    this.daemon_mode = daemon_mode
    this.pm2_home = pm2_home ? path.resolve(pm2_home) : independent ? privateHome() : homeFromEnvironment(process.env)
  }

  /** Ends the connection and every bus; with nothing else to do, the script ends. */
  disconnect(callback) {
    return callbackOrPromise(callback, (done) => this.#disconnect(done))
  }

  /** Opens the bus: `(error, bus, socket)` once connected to a daemon; starts none. */
  launchBus(callback) {
    return callbackOrPromise(callback, (done) => this.#launchBus(done))
  }

  /** Connects this script's input and output with those of a process: `(id, separator?, callback)`. */
  attach(id, ...given) {
    const { args, callback } = splitCallback(given)
    return callbackOrPromise(callback, (done) => attach(this, id, args[0], done))
  }

  /** Stops every app and the daemon, and removes the home: not for everybody's, `.pm2` and `.rpm2`. */
  destroy(callback) {
    return callbackOrPromise(callback, (done) => this.#invoke('destroy', [this.#independent], done))
  }

  // Loaded with the first call, so that a program which only asks for a name pays nothing.
  #native() {
    const { Client } = require('./native')
    this.#client ??= new Client({ home: this.pm2_home, cwd: this.cwd, daemonMode: this.daemon_mode })
    return this.#client
  }

  #invoke(verb, args, done) {
    const holder = Symbol(verb)
    let client, text
    try {
      client = this.#native()
      text = JSON.stringify(args)
    } catch (error) {
      process.nextTick(done, error)
      return
    }
    if (verb === 'connect' && typeof args[0] === 'boolean') this.daemon_mode = !args[0]
    this.#state = 'open'
    this.#hold.take(this)
    this.#hold.take(holder)
    const env = withEnvironment.has(verb) ? { ...process.env } : undefined
    client.invoke(verb, text, env, (error, value) => {
      if (NOT_CONNECTED.has(error?.code)) this.#hold.release(this)
      if (!error && !this.daemon_mode) this.#stayForDaemon(client)
      this.#hold.release(holder)
      done(error, value !== undefined && results[verb] ? results[verb](value) : value)
    })
  }

  // A daemon that ends with the script must not end because the script has nothing else to do: it stays until then.
  #stayForDaemon(client) {
    if (this.#isHeldByDaemon) return
    this.#isHeldByDaemon = true
    this.#hold.take(client)
    client.invoke('ownedEnd', '[]', undefined, () => {
      this.#isHeldByDaemon = false
      this.#hold.release(client)
    })
  }

  #disconnect(done) {
    if (this.#state === 'new' && this.#buses.size === 0) {
      process.nextTick(done, refusal('SUB connection to PM2 is not launched'))
      return
    }
    if (this.#state === 'closing' || this.#state === 'closed') {
      process.nextTick(done, refusal('RPC already being closed'))
      return
    }
    this.#state = 'closing'
    for (const bus of this.#buses) bus.close()
    this.#hold.take(done)
    this.#hold.release(this)
    this.#native().close(() => {
      if (this.#state === 'closing') this.#state = 'closed'
      this.#hold.release(done)
      done(null)
    })
  }

  #launchBus(done) {
    let subscription
    const bus = new Bus(() => {
      subscription.close()
      this.#buses.delete(bus)
      this.#hold.release(bus)
    })
    try {
      subscription = this.#native().subscribe(
        () => done(null, bus, bus.sock),
        (topic, payload) => bus.deliver(topic, payload),
      )
    } catch (error) {
      process.nextTick(done, error)
      return
    }
    this.#buses.add(bus)
    this.#hold.take(bus)
  }

  // Every other verb has the same shape: arguments as they are, and a callback or none.
  static {
    const define = (name, value) =>
      Object.defineProperty(this.prototype, name, { value, writable: true, configurable: true })
    for (const verb of verbs) {
      define(verb, function (...given) {
        const { args, callback } = splitCallback(given)
        return callbackOrPromise(callback, (done) => this.#invoke(verb, args, done))
      })
    }
    for (const [alias, name] of Object.entries(aliases)) define(alias, this.prototype[name])
  }
}

module.exports = { Session }
