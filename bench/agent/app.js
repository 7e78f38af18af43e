// Says when it runs and where it listens.
const http = require('node:http')

const server = http.createServer((request, response) => response.end('hello'))
const up = performance.now()
process.send({ type: 'up', data: { ms: up } })
server.listen(0, '127.0.0.1', () => process.send({ type: 'port', data: { port: server.address().port } }))
