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

/** Requests on one connection, each sent when the one before is answered, until `isOver`. */
function stay(port, visits, isOver) {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1').setNoDelay().setEncoding('latin1')
    let text = ''
    let ended = false
    socket.once('connect', () => socket.write(REQUEST))
    socket.on('error', () => {})
    socket.on('data', (part) => {
      text += part
      if (bodyOf(text) === undefined) return
      visits.answer(text)
      text = ''
      if (!isOver()) return socket.write(REQUEST)
      ended = true
      socket.destroy()
    })
    socket.once('close', () => {
      if (!ended) visits.failures++
      resolve()
    })
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

/** Visitors for so long; what they got, and how many answers a second. `kept` keeps connections. */
async function visitFor(milliseconds, port, { kept }) {
  const visits = new Visits()
  const begun = performance.now()
  const isOver = () => performance.now() - begun > milliseconds
  const go = kept ? stay : comeAgain
  await Promise.all(Array.from({ length: CONNECTIONS }, () => go(port, visits, isOver)))
  visits.rate = (visits.answers / (performance.now() - begun)) * 1000
  return visits
}

module.exports = { visitFor }
