'use strict'

const http = require('node:http')

const server = http.createServer((request, response) => response.end(String(process.pid)))
server.keepAliveTimeout = 60_000
server.listen(Number(process.env.CHAOS_PORT), '127.0.0.1')
