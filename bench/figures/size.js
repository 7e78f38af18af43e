'use strict'

const fs = require('node:fs')
const { locate } = require('../../js/binaries')

module.exports = {
  name: 'size',
  rounds: 1,
  warmUps: 0,
  isTimeless: true,
  contestants: ['rpm2'],
  rows: [
    { id: 'size-executable', title: 'size of the executable, stripped', unit: 'MB' },
    { id: 'size-addon', title: 'size of the addon, stripped', unit: 'MB' },
  ],
  async manager() {
    const { executable, addon } = locate()
    const megabytes = (file) => fs.statSync(file).size / 1e6
    return async () => ({ 'size-executable': megabytes(executable), 'size-addon': megabytes(addon) })
  },
}
