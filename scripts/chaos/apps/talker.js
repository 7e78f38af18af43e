'use strict'

// Says numbered messages, and writes down the number of each that it gets, until SIGINT.

const fs = require('node:fs')

const received = fs.openSync(process.env.CHAOS_RECEIVED, 'a')
const now = () => performance.timeOrigin + performance.now()
let count = 0

const timer = setInterval(() => {
  for (let n = 0; n < 2; n++) process.send({ type: 'chaos:said', data: { n: count++, at: now() } })
}, 5)

process.on('message', ({ topic, data }) => {
  if (topic === 'chaos:told') fs.writeSync(received, `${data.n}\n`)
  if (topic === 'chaos:end') {
    clearInterval(timer)
    process.send({ type: 'chaos:last', data: { count } })
  }
})
