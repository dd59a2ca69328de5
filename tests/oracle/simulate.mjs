// Answers a list of simulations (JSON on stdin) with the IAM simulator of @cloud-copilot; it knows nothing of this project.
import { runSimulation } from '@cloud-copilot/iam-simulate'

const chunks = []
for await (const chunk of process.stdin) chunks.push(chunk)
const simulations = JSON.parse(Buffer.concat(chunks).toString('utf8'))

const answers = []
for (const simulation of simulations) {
  const found = await runSimulation(simulation, {})
  if (found.resultType === 'error') {
    answers.push({ error: JSON.stringify(found.errors) })
    continue
  }
  const results = found.resultType === 'single' ? [found.result] : found.results
  answers.push({
    result: found.overallResult,
    ignored: [...new Set(results.flatMap((result) => result.ignoredContextKeys ?? []))],
  })
}
process.stdout.write(JSON.stringify(answers))
