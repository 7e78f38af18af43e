'use strict'

// Two milliseconds of work for each request. With RELOADS_HANDLER it closes its server on SIGINT, as good programs do.
const server = require('node:http').createServer((request, response) => {
  setTimeout(() => response.end(String(process.pid)), 2)
})
server.listen(Number(process.env.RELOADS_PORT), '127.0.0.1')
if (process.env.RELOADS_HANDLER) {
  process.on('SIGINT', () => {
    console.log('handled')
    server.close(() => process.exit(0))
  })
}
