"""The reference app on an emulated AWS: deployed by the real CDK CLI, called with real signatures."""
