'use strict'

const net = require('node:net')

/** A TCP port that nobody listens on now. */
const freePort = () =>
  new Promise((resolve, reject) => {
    const server = net.createServer().once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })

module.exports = { freePort }
