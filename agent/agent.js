'use strict'

// The agent that `pmx` stands for: the daemon loads it with `-r` before the script of a Node app. It tells figures and
// exceptions, runs actions, and gives a reload what it needs of the app.
//
// It must not change what the app does: nothing here keeps the app alive (but for `hold`), throws into it or patches
// Node, no module is loaded before it is needed, the app's children are without it. No syntax younger than Node 8.

// What an app may replace (a `send` of its own, fake timers) is taken as it is now.
const { env, hrtime, send } = process
const [startTimer, stopTimer] = [setTimeout, clearTimeout]
const isCluster = env.exec_mode === 'cluster_mode'

function main() {
  attempt(leaveNoTrace)
  if (env.RPM2_AGENT !== '1') return
  delete env.RPM2_AGENT
  // Worker threads have none.
  if (typeof send !== 'function') return
  for (const step of [introduce, dress, listen, watchExceptions, watchHttp, schedule]) attempt(step)
}

/** Better an app without one of these than none. */
function attempt(step, ...args) {
  try {
    step(...args)
  } catch (error) {
    // It concerns the daemon, not the app.
  }
}

/** The app's children, which get its `execArgv`, do not load this. */
function leaveNoTrace() {
  const index = process.execArgv.indexOf(__filename)
  if (process.execArgv[index - 1] === '-r') process.execArgv.splice(index - 1, 2)
  delete require.cache[__filename]
}

/** With a callback, errors of the channel go there and not to the app. */
function say(message, done = () => {}) {
  if (process.connected) send.call(process, message, undefined, undefined, done)
}

function introduce() {
  const metrics = { v8: true, network: false, eventLoop: true, runtime: true, http: true }
  const options = {
    ...{ error: true, latency: true, heapdump: true, profiling: true, catchExceptions: true, standalone: false },
    ...{ metrics, tracing: { enabled: false, outbound: false }, apm: { type: 'node', version: '8.0.0' } },
    ...{ module_conf: {}, module_name: env.name, module_version: env.version },
    'feature.profiler.heapsnapshot': false,
    'feature.profiler.heapsampling': true,
    'feature.profiler.cpu_js': true,
  }
  const announced = ([action_name, [arity]]) => ({ action_name, action_type: 'internal', arity })
  const about = { node_version: process.versions.node, actions: Object.entries(actions).map(announced), options }
  say({ cmd: 'NODE_RPM2', act: 'agent', ...about })
}

function dress() {
  process.title = env.PROCESS_TITLE || `node ${env.pm_exec_path || process.argv[1]}`
  if (env.disable_source_map_support !== 'true') process.setSourceMapsEnabled(true)
}

/** Listening for these does not keep the channel, and so the app, alive. Listening for `message` would. */
function listen() {
  // A daemon that took over knows little of what the one before it was told.
  const tasks = { action: act, drain, report: () => introduce() || report(true) }
  process.on('internalMessage', (message) => {
    if (message && message.cmd === 'NODE_RPM2') attempt(tasks[message.act], message)
  })
}

/**
 * Calls `listener` before the app's own listeners of `event`, and only while there are any: what Node does when there
 * is none stays as it is. Returns what ends it.
 */
function alongside(event, listener) {
  let joined = false
  const join = () => {
    if (!joined) process.prependListener(event, listener)
    joined = true
  }
  const added = (name, other) => {
    if (name === event && other !== listener) join()
  }
  const removed = (name, other) => {
    if (name === event && other === listener) joined = false
    else if (name === event && process.listenerCount(event) === 1) process.removeListener(event, listener)
  }
  if (process.listenerCount(event) > 0) join()
  process.on('newListener', added)
  process.on('removeListener', removed)
  return () => {
    process.removeListener('newListener', added)
    process.removeListener('removeListener', removed)
    process.removeListener(event, listener)
  }
}

// Figures, under pm2's names: type, unit, the change that is told within a second, whether pm2 shows it as text.
const KINDS = {
  'HTTP Mean Latency': ['internal/http/builtin/latency/p50', 'ms', 0.5],
  'HTTP P95 Latency': ['internal/http/builtin/latency/p95', 'ms', 0.5],
  HTTP: ['internal/http/builtin/reqs', 'req/s', 0.05],
  'Heap Size': ['internal/v8/heap/total', 'MiB', 0.1, true],
  'Heap Usage': ['internal/v8/heap/usage', '%', 1],
  'Used Heap Size': ['internal/v8/heap/used', 'MiB', 0.1, true],
  'Active requests': ['internal/libuv/requests', undefined, 0],
  'Active handles': ['internal/libuv/handles', undefined, 0],
  'Event Loop Latency': ['internal/libuv/latency/p50', 'ms', 1, true],
  'Event Loop Latency p95': ['internal/libuv/latency/p95', 'ms', 1, true],
}

const lags = lastOf(60)
let [period, due, quiet] = [1000, 0, 0]
let [shown, shownAt, sending] = [{}, 0, false]

const milliseconds = () => hrtime().reduce((seconds, nanoseconds) => seconds * 1000 + nanoseconds / 1e6)

function schedule() {
  period = quiet < 5 ? 1000 : 5000
  due = milliseconds() + period
  startTimer(tick, period).unref()
}

function tick() {
  if (!process.connected) return
  const lag = Math.max(milliseconds() - due, 0)
  const seconds = (period + lag) / 1000
  lags.add(lag)
  // As pm2 counts: requests a second, of which those of the last minute weigh most.
  rate += (requests / seconds - rate) * (1 - Math.exp(-seconds / 60))
  taken = requests = 0
  attempt(report)
  schedule()
}

/** Tells the figures if they have changed by what matters, or at all since long ago, or `anyway`. */
function report(anyway = false) {
  // As long as the daemon does not read, it gets no more.
  if (sending && !anyway) return
  const now = milliseconds()
  const figures = measure()
  const names = Object.keys(figures)
  const matters = names.some((name) => !(Math.abs(figures[name] - shown[name]) <= KINDS[name][2]))
  const aged = now - shownAt >= 30000 && names.some((name) => figures[name] !== shown[name])
  quiet = matters ? 0 : quiet + 1
  if (!anyway && !matters && !aged) return
  ;[shown, shownAt, sending] = [figures, now, true]
  const data = {}
  for (const name of names) {
    const [type, unit, , text] = KINDS[name]
    data[name] = { historic: true, unit, type, value: text ? figures[name].toFixed(2) : figures[name] }
  }
  say({ type: 'axm:monitor', data }, () => (sending = false))
}

function measure() {
  const { total_heap_size: total, used_heap_size: used } = require('v8').getHeapStatistics()
  const [usual, most] = lags.percentiles()
  const [mean, p95] = latencies ? latencies.percentiles() : []
  const http = latencies && { 'HTTP Mean Latency': mean, 'HTTP P95 Latency': p95, HTTP: round(rate) }
  return {
    ...http,
    'Heap Size': round(total / 1048576),
    'Heap Usage': round((used / total) * 100),
    'Used Heap Size': round(used / 1048576),
    'Active requests': process._getActiveRequests().length,
    'Active handles': process._getActiveHandles().length,
    'Event Loop Latency': usual,
    'Event Loop Latency p95': most,
  }
}

const round = (value) => Math.round(value * 100) / 100

/** Keeps the last `length` values, and makes hardly any garbage: that of an idle app would only grow. */
function lastOf(length) {
  const [values, sorted] = [new Float64Array(length), new Float64Array(length)]
  let count = 0
  return {
    add: (value) => (values[count++ % length] = value),
    percentiles() {
      const known = Math.min(count, length)
      sorted.set(values)
      sorted.subarray(0, known).sort()
      return [0.5, 0.95].map((share) => round(sorted[Math.floor(known * share)]))
    },
  }
}

// HTTP: once somebody listens, Node tells of each request. The time of some is taken, all are counted.
// From the socket below TLS, which Node lists, to the one that has the response.
const SECURED = Symbol('secured')
let channels, latencies
let [taken, requests, rate] = [0, 0, 0]
let closing = false

function watchHttp() {
  const { channel } = require('diagnostics_channel')
  const begun = new WeakMap()
  // Node 18 forgets a channel that nobody holds.
  channels = ['http.server.request.start', 'http.server.response.finish'].map((name) => channel(name))
  channels[0].subscribe(({ response, socket }) => {
    if (closing) attempt(closeAfter, response)
    if (socket && socket._parent) socket._parent[SECURED] = socket
    if (taken++ < 100) begun.set(response, milliseconds())
  })
  channels[1].subscribe(({ response }) => {
    requests += 1
    latencies = latencies || lastOf(500)
    if (begun.has(response)) latencies.add(milliseconds() - begun.get(response))
  })
}

// Exceptions, as pm2 tells them: of a cluster app with what the error has besides, of others with where it comes from.
function watchExceptions() {
  process.on('uncaughtExceptionMonitor', (error) => {
    const handled = process.listenerCount('uncaughtException') > 0 || process.hasUncaughtExceptionCaptureCallback()
    attempt(tell, error, handled)
  })
  watchRejections()
}

/** As under pm2, a rejection that nobody listens for is printed and does not end the app. Who says by flag what is to be
 * done about rejections gets that: one that ends the app comes as an exception then. */
function watchRejections() {
  const told = (error) => attempt(tell, error, true)
  const flags = process.execArgv.concat(env.NODE_OPTIONS || '').join(' ')
  if (flags.indexOf('--unhandled-rejections') >= 0) return alongside('unhandledRejection', told)
  process.on('unhandledRejection', (error) => {
    told(error)
    if (process.listenerCount('unhandledRejection') === 1) attempt(printRejection, error)
  })
}

function printRejection(value) {
  const head = '\nYou have triggered an unhandledRejection, you may have forgotten to catch a Promise rejection:\n'
  if (isCluster) process.stderr.write(head)
  console.error((value instanceof Error && value.stack) || value)
}

/** Of one that ends the app the daemon speaks after it has read what Node prints about it. */
function tell(value, handled) {
  const isError = value instanceof Error || Object.prototype.toString.call(value) === '[object Error]'
  const message = isError ? value.message : `Non-error value: ${json(value) || String(value)}`
  const { name, stack } = isError ? value : { name: 'Error', stack: `Error: ${message}` }
  const data = isCluster ? membersOf(value) : { name, ...sourceOf(String(stack)) }
  Object.assign(data, { message, stack })
  say(handled ? { type: 'process:exception', data } : { cmd: 'NODE_RPM2', act: 'exception', data })
}

/** Those that fit into a message. */
function membersOf(value) {
  const members = {}
  for (const name of typeof value === 'object' && value ? Object.getOwnPropertyNames(value) : []) {
    const text = json(value[name])
    if (text && text.length < 2 ** 16) members[name] = value[name]
  }
  return members
}

function json(value) {
  try {
    return JSON.stringify(value)
  } catch (error) {
    return undefined
  }
}

/** The line that an exception comes from, unless that is Node's own, with the lines around it. */
function sourceOf(stack) {
  const { file, line } = stack.split('\n', 50).map(placeIn).find(Boolean) || {}
  const fs = require('fs')
  try {
    if (fs.statSync(file).size > 2 ** 22) return undefined
    const lines = fs.readFileSync(file, 'utf8').split(/\r?\n/)
    lines[line - 1] = lines[line - 1].replace(/^\s{2}/, '>>')
    return { context: lines.slice(Math.max(line - 6, 0), Number(line) + 5).join('\n'), callsite: `${file}:${line}` }
  } catch (error) {
    return undefined
  }
}

function placeIn(line) {
  const found = /^\s+at (?:.* \()?(.+?):(\d+):\d+\)?$/.exec(line) || /^(\/.*):(\d+)$/.exec(line)
  return found && !/\/node_modules\//.test(found[1]) && { file: found[1].replace(/^file:\/\//, ''), line: found[2] }
}

// Actions. A profile grows, and whoever started it may have forgotten it.
const PROFILE_LIMIT = 10 * 60 * 1000
const profiles = new Map()
const actions = {
  'km:heapdump': [2, dumpHeap],
  'km:cpu:profiling:start': [2, (options) => startProfile('cpuprofile', 'Profiler.start', options)],
  'km:cpu:profiling:stop': [1, () => stopProfile('cpuprofile')],
  'km:heap:sampling:start': [2, (options) => startProfile('heapprofile', 'HeapProfiler.startSampling', options)],
  'km:heap:sampling:stop': [1, () => stopProfile('heapprofile')],
}

/** `call` is the name of an action, or an object with the name and options. */
function act({ call }) {
  const { msg, opts } = Object(call) === call ? call : { msg: call }
  let result
  try {
    result = actions[msg][1](Object(opts))
  } catch (error) {
    result = { err: error.message, success: false }
  }
  say({ type: 'axm:reply', data: { at: Date.now(), action_name: msg, return: result } })
}

function dumpHeap({ initiated = 'manual' }) {
  const write = (file) => require('v8').writeHeapSnapshot(file)
  // The answer is on its way before everything stands still.
  setImmediate(attempt, deliver, { at: Date.now(), initiated, type: 'heapdump' }, write)
  return { success: true }
}

function startProfile(type, method, { timeout, initiated = 'manual' }) {
  if (profiles.has(type)) return { err: 'A profiling is already running', success: false }
  const session = new (require('inspector').Session)()
  session.connect()
  session.post(method.replace(/\..*/, '.enable'))
  session.post(method)
  const limit = Math.min(timeout > 0 ? timeout : Infinity, PROFILE_LIMIT)
  const timer = startTimer(() => attempt(stopProfile, type), limit).unref()
  const uuid = Math.random().toString(36).slice(2)
  profiles.set(type, { session, timer, method, about: { uuid, at: Date.now(), initiated, type, [type]: true } })
  return { success: true, uuid }
}

function stopProfile(type) {
  if (!profiles.has(type)) return { err: 'No profiling are already running', success: false }
  const { session, timer, method, about } = profiles.get(type)
  profiles.delete(type)
  stopTimer(timer)
  setImmediate(attempt, deliver, about, (file) => {
    let profile
    session.post(method.replace('start', 'stop'), (error, result) => (profile = result && result.profile))
    session.disconnect()
    require('fs').writeFileSync(file, JSON.stringify(profile))
  })
  return { success: true, uuid: about.uuid }
}

/** Sends what `write` makes. What is too long for a message stays in its file, and the message says where that is. */
function deliver(about, write) {
  const fs = require('fs')
  try {
    // For its owner alone: what an app has in memory is nobody else's business.
    const folder = fs.mkdtempSync(`${require('os').tmpdir()}/rpm2-`)
    const file = `${folder}/app.${about.type.replace('dump', 'snapshot')}`
    write(file)
    about.duration = Date.now() - about.at
    if (about.uuid) about.success = true
    if (fs.statSync(file).size > 24 * 2 ** 20) about.file = file
    else {
      about.data = fs.readFileSync(file, 'utf8')
      fs.unlinkSync(file)
      fs.rmdirSync(folder)
    }
  } catch (error) {
    Object.assign(about, { success: false, err: error.message })
  }
  say({ type: 'profilings', data: about })
}

// Draining: the daemon sends no new connections, and wants those that there are to end.
let release

/** From now on each response ends its connection, and the app stays until its stop signal comes, at most `for` ms. */
function drain({ for: patience, signal = 'SIGINT' }) {
  closing = true
  hold(Math.min(Math.max(Number(patience) || 0, 0), 2 ** 31 - 1), signal)
  for (const handle of process._getActiveHandles()) {
    const message = (handle[SECURED] || handle)._httpMessage
    // It may also be a request that the app has sent.
    if (message && typeof message.writeHead === 'function') closeAfter(message)
  }
}

function closeAfter(response) {
  if (!response.headersSent) response.shouldKeepAlive = false
}

/** With its servers closed the app would end without having seen its stop signal. From the signal on it is its own. */
function hold(patience, signal) {
  if (release) release()
  const timer = startTimer(() => release(), patience)
  const ends = Array.from(new Set(['SIGINT', 'SIGTERM', signal]), (name) => alongside(name, () => release()))
  ends.push(alongside('message', (message) => message === 'shutdown' && release()))
  release = () => {
    release = undefined
    stopTimer(timer)
    for (const end of ends) end()
  }
}

main()
