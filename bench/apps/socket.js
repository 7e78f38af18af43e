'use strict'

// Sends back what comes on the socket.
const server = require('node:net').createServer((socket) => socket.pipe(socket))
server.listen(process.argv[2], () => process.send('listening'))
