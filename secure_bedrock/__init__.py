"""AWS CDK constructs for one job: only authorised applications and people can call Amazon Bedrock."""
