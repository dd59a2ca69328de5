"""ministack with what the reference app needs and it lacks: resource types, repairs, and Bedrock's authorisation."""
