'use strict'

const net = require('node:net')

// One for all connections: what was read is taken before anything else is.
const buffer = Buffer.allocUnsafeSlow(64 * 1024)

/** A socket that does not die of a peer that reads no more: what that one has said is still read, up to its end. */
class Wire extends net.Socket {
  _write(chunk, encoding, callback) {
    super._write(chunk, encoding, (error) => callback(unlessOver(error)))
  }

  _writev(chunks, callback) {
    super._writev(chunks, (error) => callback(unlessOver(error)))
  }
}

const unlessOver = (error) => (error?.code === 'EPIPE' ? undefined : error)

/**
 * A connection to one of the daemon's sockets, read and written on this thread, so that no other has to be woken on
 * the way. `received` is called with bytes that are there until it returns; if it throws, the connection ends. `opened`
 * may be called, and `closed` is, once. It does not keep the script alive: js/hold.js does.
 */
function openWire(path, { opened, received, closed }) {
  const take = (count) => {
    try {
      received(buffer.subarray(0, count))
    } catch {
      wire.destroy()
    }
    return true
  }
  const wire = new Wire({ onread: { buffer, callback: take } })
  wire.once('connect', opened)
  // Told by `close`, which follows.
  wire.on('error', () => {})
  wire.once('close', closed)
  return wire.connect({ path }).unref()
}

module.exports = { openWire }
