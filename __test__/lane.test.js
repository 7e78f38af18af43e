'use strict'

// The connection of a script's own thread, to a daemon that does what each test says.

const assert = require('node:assert')
const { once } = require('node:events')
const net = require('node:net')
const path = require('node:path')
const { test } = require('node:test')
const { Lane } = require('../js/lane')
const { makeHome } = require('./support/home')

const DONE = 0
const AGAIN = 2
const OVER = 3

/** The bytes of calls and answers as lines: `<ticket> <verb>` there, `<ticket> <what>` back. */
class Lines {
  #tickets = new Set()

  request(ticket, verb) {
    if (verb === 'wrong') return null
    this.#tickets.add(ticket)
    return `${ticket} ${verb}\n`
  }

  received(bytes) {
    const lines = String(bytes).trim().split('\n')
    if (lines.includes('broken')) throw new Error('broken')
    return lines.flatMap((line) => {
      const [ticket, what] = line.split(' ').map(Number)
      this.#tickets.delete(ticket)
      return [ticket, what, what === DONE ? `{"args":[${ticket}]}` : null]
    })
  }

  ended() {
    const left = [...this.#tickets]
    this.#tickets.clear()
    return left.flatMap((ticket) => [ticket, AGAIN, null])
  }
}

/** A lane to a daemon that gives each of its `lines` to `answer(line, socket)`. `log` says who was called, and how. */
function laneTest(title, body) {
  test(title, { timeout: 30_000 }, async () => {
    const place = makeHome()
    const file = path.join(place.home, 'lane.sock')
    const log = []
    const daemon = { sockets: [], answer: (line, socket) => socket.write(`${line.split(' ')[0]} ${DONE}\n`) }
    const server = net.createServer((socket) => {
      daemon.sockets.push(socket)
      let rest = ''
      socket.setEncoding('utf8').on('data', (text) => {
        const lines = (rest + text).split('\n')
        rest = lines.pop()
        for (const line of lines) {
          log.push(`short ${line.split(' ')[1]}`)
          daemon.answer(line, socket)
        }
      })
    })
    server.listen(file)
    await once(server, 'listening')
    const lane = new Lane(Lines, file, (verb, args, callback) => {
      log.push(`long ${verb}`)
      setImmediate(callback, verb === 'refused' ? new Error('refused') : null, verb)
    })
    const call = (verb) =>
      new Promise((resolve, reject) =>
        lane.call(verb, '[]', (error, result) => (error ? reject(error) : resolve(result))),
      )
    try {
      await body({ call, daemon, lane, log })
    } finally {
      for (const socket of daemon.sockets) socket.destroy()
      server.close()
      await place.remove()
    }
  })
}

laneTest('the first call goes the long way, and all others after it, in their order', async ({ call, log }) => {
  await Promise.all(['a', 'b', 'c', 'wrong', 'd'].map(call))
  await call('e')
  assert.deepStrictEqual(log.filter((entry) => entry !== 'long wrong'), ['long a', 'short b', 'short c', 'short d', 'short e'])
  assert.ok(log.includes('long wrong'))
})

laneTest('while the long way fails there is no other', async ({ call, log }) => {
  const results = await Promise.allSettled(['refused', 'refused', 'a', 'b'].map(call))
  assert.deepStrictEqual(
    results.map(({ status }) => status),
    ['rejected', 'rejected', 'fulfilled', 'fulfilled'],
  )
  assert.deepStrictEqual(log, ['long refused', 'long refused', 'long a', 'short b'])
})

laneTest('with the connection lost, what is called again goes before what is called later', async (test) => {
  const { call, daemon, log } = test
  await Promise.all(['a', 'b'].map(call))
  const { answer } = daemon
  daemon.answer = (line, socket) => line.endsWith('d') && socket.destroy()
  const lost = Promise.all(['c', 'd'].map((verb) => call(verb)))
  await once(daemon.sockets[0], 'close')
  daemon.answer = answer
  await Promise.all([lost, call('e'), call('f')])
  assert.deepStrictEqual(log, [
    'long a',
    'short b',
    'short c',
    'short d',
    'long c',
    'short d',
    'short e',
    'short f',
  ])
})

laneTest('bytes that are nothing end the connection, not the script', async ({ call, daemon, log }) => {
  await Promise.all(['a', 'b'].map(call))
  const { answer } = daemon
  daemon.answer = (line, socket) => {
    daemon.answer = answer
    socket.write('broken\n')
  }
  await call('c')
  assert.deepStrictEqual(log, ['long a', 'short b', 'short c', 'long c'])
})

laneTest('a daemon that leaves gets no more calls, and still answers those it has read', async (test) => {
  const { call, daemon, log } = test
  await Promise.all(['a', 'b'].map(call))
  const { answer } = daemon
  daemon.answer = () => {
    daemon.answer = answer
    daemon.sockets[0].write(`0 ${OVER}\n`)
  }
  const read = call('c')
  const longWays = () => log.filter((entry) => entry.startsWith('long')).length
  while (longWays() < 2) await call('d')
  await call('e')
  assert.strictEqual(log.at(-1), 'short e')
  assert.strictEqual(daemon.sockets.length, 2)
  daemon.sockets[0].write(`2 ${DONE}\n`)
  assert.strictEqual(await read, 2)
})

laneTest('what a daemon that is gone has said is read before the end', async ({ call, daemon, log }) => {
  await Promise.all(['a', 'b'].map(call))
  const { answer } = daemon
  let late
  daemon.answer = (line, socket) => {
    daemon.answer = answer
    socket.write(`${line.split(' ')[0]} ${DONE}\n`)
    socket.destroy()
    // Written before this side could read.
    late = call('d')
  }
  assert.strictEqual(await call('c'), 2)
  assert.strictEqual(await late, 'd')
  assert.deepStrictEqual(log, ['long a', 'short b', 'short c', 'long d'])
})

laneTest('closed, it answers what was called before, and a later call opens another', async (test) => {
  const { call, daemon, lane, log } = test
  const before = ['a', 'b', 'c'].map(call)
  lane.close()
  await Promise.all(before)
  await once(daemon.sockets[0], 'close')
  await Promise.all(['d', 'e'].map(call))
  assert.deepStrictEqual(log, ['long a', 'short b', 'short c', 'long d', 'short e'])
  assert.strictEqual(daemon.sockets.length, 2)
})
