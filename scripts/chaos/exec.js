'use strict'

const { execFile } = require('node:child_process')

/** Runs a program to its end; what it printed. Fails with all it said if it failed. */
const exec = (program, args, variables) =>
  new Promise((resolve, reject) => {
    const env = { ...process.env, ...variables }
    execFile(program, args, { env }, (error, stdout, stderr) => {
      if (error) reject(new Error(`${program} ${args.join(' ')}: ${stdout}${stderr}`))
      else resolve(stdout)
    })
  })

module.exports = { exec }
