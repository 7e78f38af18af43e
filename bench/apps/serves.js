'use strict'

// Tells every visitor who it is.
require('node:net')
  .createServer((socket) => socket.on('error', () => {}).end(String(process.pid)))
  .listen(Number(process.env.PORT), '127.0.0.1')
