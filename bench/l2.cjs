// The L2 app in JavaScript, with aws-cdk-lib as the Python package carries it: node l2.cjs MODULES ROLES STACKS
const [modules, roles, stacks, written] = process.argv.slice(2)
const cdk = require(`${modules}/aws-cdk-lib`)
const ec2 = require(`${modules}/aws-cdk-lib/aws-ec2`)
const iam = require(`${modules}/aws-cdk-lib/aws-iam`)
const fs = require('fs')

const own = { '@aws-cdk/core:validateAgainstDefaultRules': false, '@aws-cdk/core:stackResourceLimit': 0 }
const context = { ...require('../cdk.json').context, ...own }
const app = new cdk.App({ context })
const env = { account: '111122223333', region: 'eu-west-1' }
const made = Array.from({ length: +stacks }, (_, index) => new cdk.Stack(app, `Stack${index}`, { env }))
const vpc = new ec2.Vpc(made[0], 'Vpc', { availabilityZones: ['eu-west-1a'], natGateways: 0 })
const group = new ec2.SecurityGroup(made[0], 'Group', {
  vpc, allowAllOutbound: false, description: 'Bedrock endpoints: HTTPS from the named clients only'
})
group.addIngressRule(ec2.Peer.ipv4('10.0.1.0/24'), ec2.Port.tcp(443), 'HTTPS from 10.0.1.0/24')
const service = new ec2.InterfaceVpcEndpointAwsService('bedrock-runtime')
const endpoint = new ec2.InterfaceVpcEndpoint(made[0], 'Endpoint', { vpc, service, securityGroups: [group], open: false })
const text = fs.readFileSync(written, 'utf-8')
const reference = `{"Ref": "${JSON.parse(text).endpoint}"}`
const { ceiling, allow, admits } = JSON.parse(text.replaceAll(reference, JSON.stringify(endpoint.vpcEndpointId)))
const statements = (rows) => rows.map((row) => iam.PolicyStatement.fromJson(row))
const path = '/secure-bedrock/'
const names = Array.from({ length: +roles }, (_, index) => `secure-bedrock-${index}`)
const arns = names.map((name) => `arn:aws:iam::${env.account}:role${path}${name}`)
for (const row of admits) {
  const Condition = { ...row.Condition, ArnEquals: { 'aws:PrincipalArn': arns } }
  endpoint.addToPolicy(iam.PolicyStatement.fromJson({ ...row, Condition }))
}
names.forEach((roleName, index) => {
  const stack = made[index % made.length]
  const assumedBy = new iam.ServicePrincipal('lambda.amazonaws.com')
  const role = new iam.Role(stack, `Role${index}`, { assumedBy, roleName, path })
  const held = new iam.Policy(stack, `Ceiling${index}`, {
    policyName: 'secure-bedrock-ceiling', statements: statements(ceiling), roles: [role]
  })
  const grants = new iam.ManagedPolicy(stack, `Allow${index}`, { statements: statements(allow), roles: [role], path })
  grants.node.addDependency(held)
})
app.synth()
