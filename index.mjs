import rpm2 from './index.js'

export default rpm2
export const {
  connect,
  disconnect,
  close,
  start,
  stop,
  restart,
  reload,
  list,
  describe,
  launchBus,
  sendDataToProcessId,
  sendSignalToProcessId,
  sendSignalToProcessName,
  ping,
  getVersion,
  update,
  killDaemon,
  kill,
  cwd,
  pm2_home,
  custom,
} = rpm2
const { delete: del } = rpm2
export { del as delete }
