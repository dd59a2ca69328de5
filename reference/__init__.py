"""The reference deployment, composed from cdk.json's context."""
