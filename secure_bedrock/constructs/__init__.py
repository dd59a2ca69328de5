"""The constructs: thin shells around what `secure_bedrock.policy` writes. The only room with aws_cdk."""
