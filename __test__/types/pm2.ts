// A program typed against pm2's own declarations: it must compile against ours without a change.
import pm2, { Proc, ProcessDescription, StartOptions } from 'pm2'
import * as everything from 'pm2'

const fail = (error: Error) => console.error(error.message)
const options: StartOptions = { script: 'app.js', exec_mode: 'cluster', instances: 2, env: { PORT: '80' } }

pm2.connect((error: Error) => {
  if (error) return fail(error)
  pm2.start(options, (error: Error, proc: Proc) => fail(error))
  pm2.start('app.js', { name: 'app' }, (error, proc) => {
    if (error) return fail(error)
    const id: number | undefined = proc.pm_id
  })
  pm2.start('ecosystem.config.js', (error: Error) => error && fail(error))
  pm2.list((error: Error, list: ProcessDescription[]) => list.map(({ pm_id, monit }) => monit?.cpu))
  pm2.describe('app', (error, [first]) => {
    const status = first.pm2_env?.status
    if (status === 'online' || status === 'waiting_restart') pm2.stop('app', (error, proc) => proc.name)
  })
  pm2.restart(0, (error: Error, proc: Proc) => proc.restart_time)
  pm2.delete('all', (error: Error) => pm2.disconnect())
  pm2.killDaemon((error: Error, description: any) => description)
})
pm2.connect(true, fail)
pm2.launchBus((error: Error, bus: any) => bus.on('process:msg', (packet: any) => packet.data))
pm2.sendDataToProcessId(0, { type: 'process:msg', topic: true, data: {} }, (error: Error, result: any) => result)
pm2.sendDataToProcessId({ id: 0, type: 'process:msg', topic: true, data: {} })
pm2.sendSignalToProcessName('SIGUSR2', 'app', (error: Error, result: any) => result)
everything.connect(fail)
everything.delete('app', fail)
pm2.dump((error: Error, result: any) => result)
pm2.flush('app', (error: Error, result: any) => result)
pm2.reloadLogs((error: Error, result: any) => result)
pm2.sendLineToStdin(0, 'line', '\n', fail)
pm2.attach(0, '\n', fail)
pm2.inspect('app', fail)
pm2.env(0, fail)
pm2.install('pm2-logrotate', {}, fail)
pm2.uninstall('pm2-logrotate', fail)
pm2.serve('public', 8080, {}, fail)
pm2.startup('systemd', (error: Error, result: any) => result)
pm2.get('key', fail)
pm2.set('key', 1, fail)
pm2.multiset('a 1 b 2', fail)
pm2.unset('key', fail)
pm2.profile('cpu', 10, fail)
pm2.trigger(0, 'action', {}, fail)
