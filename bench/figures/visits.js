'use strict'

const net = require('node:net')

const CONNECTIONS = 16
/** Bytes of an answer's body: see apps/web.js. */
const BODY = 8
const REQUEST = 'GET / HTTP/1.1\r\nHost: bench\r\n\r\n'
const LAST_REQUEST = 'GET / HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n'

/** The body of an answer once all of it is there. */
function bodyOf(text) {
  const end = text.indexOf('\r\n\r\n') + 4
  return end >= 4 && text.length >= end + BODY ? text.slice(end) : undefined
}

class Visits {
  constructor() {
    this.answers = 0
    this.failures = 0
    /** How many answers each process has given. */
    this.by = new Map()
  }

  answer(text) {
    const body = bodyOf(text)
    if (!text.startsWith('HTTP/1.1 200 ') || !/^\d{8}$/.test(body)) return this.failures++
    this.answers++
    this.by.set(body, (this.by.get(body) ?? 0) + 1)
  }
}

/** A connection that is kept, once its first request is answered, in `opening`. */
async function keep(port, opening) {
  const socket = net.connect(port, '127.0.0.1').setNoDelay().setEncoding('latin1')
  socket.on('error', () => {})
  await ask({ socket }, opening, () => true)
  return { socket }
}

/** Requests on a kept connection, each sent when the one before is answered, until `isOver`. */
function ask({ socket }, visits, isOver) {
  return new Promise((resolve) => {
    let text = ''
    const read = (part) => {
      text += part
      if (bodyOf(text) === undefined) return
      visits.answer(text)
      text = ''
      if (!isOver()) return socket.write(REQUEST)
      socket.off('data', read).off('close', fail)
      resolve()
    }
    const fail = () => {
      visits.failures++
      resolve()
    }
    socket.on('data', read).once('close', fail)
    socket.write(REQUEST)
  })
}

/** One request on a connection of its own. */
function visit(port, visits) {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1').setNoDelay().setEncoding('latin1')
    let text = ''
    socket.once('connect', () => socket.write(LAST_REQUEST))
    socket.on('error', () => {})
    socket.on('data', (part) => (text += part))
    socket.once('close', () => {
      visits.answer(text)
      resolve()
    })
  })
}

async function comeAgain(port, visits, isOver) {
  while (!isOver()) await visit(port, visits)
}

/** Visitors that keep connections, opened one after the other: each worker gets as many, or has itself to blame. */
async function openKept(port, opening) {
  const kept = []
  for (let count = 0; count < CONNECTIONS; count++) kept.push(await keep(port, opening))
  return kept
}

/**
 * Visitors for so long: what they got, how many answers a second, and with `kept` how many connections each process
 * holds.
 */
async function visitFor(milliseconds, port, { kept }) {
  const [opening, visits] = [new Visits(), new Visits()]
  const connections = kept ? await openKept(port, opening) : []
  const begun = performance.now()
  const isOver = () => performance.now() - begun > milliseconds
  const come = kept
    ? connections.map((connection) => ask(connection, visits, isOver))
    : Array.from({ length: CONNECTIONS }, () => comeAgain(port, visits, isOver))
  await Promise.all(come)
  visits.rate = (visits.answers / (performance.now() - begun)) * 1000
  visits.failures += opening.failures
  visits.held = [...opening.by.values()]
  for (const { socket } of connections) socket.destroy()
  return visits
}

module.exports = { visitFor }
