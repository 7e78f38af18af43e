'use strict'

const net = require('node:net')

const SOCKETS = 5
const AT_ONCE = 10
const requests = Buffer.from('GET / HTTP/1.1\r\nHost: bench\r\n\r\n'.repeat(AT_ONCE))

/** Sends `count` requests over a few connections that are kept, ten at a time: the server has most of the work. */
function load(port, count) {
  const connection = (turns) =>
    new Promise((resolve, reject) => {
      const socket = net.connect(port, '127.0.0.1')
      let answered = 0
      const next = () => {
        if (turns-- > 0) return socket.write(requests)
        socket.end()
        resolve()
      }
      socket.setEncoding('latin1').on('data', (text) => {
        answered += text.split('hello').length - 1
        if (answered < AT_ONCE) return
        answered -= AT_ONCE
        next()
      })
      socket.once('connect', next).once('error', reject)
    })
  const turns = count / SOCKETS / AT_ONCE
  return Promise.all(Array.from({ length: SOCKETS }, () => connection(turns)))
}

module.exports = { load }
