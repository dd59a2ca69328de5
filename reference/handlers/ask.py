"""Asks the model one question, through the VPC's endpoint and under the guardrail."""

import json
import os

import boto3

bedrock = boto3.client("bedrock-runtime")


def handler(event, context):
    answer = bedrock.converse(
        modelId=os.environ["MODEL_ID"],
        messages=[{"role": "user", "content": [{"text": event["question"]}]}],
        guardrailConfig={
            "guardrailIdentifier": os.environ["GUARDRAIL_ID"],
            "guardrailVersion": os.environ["GUARDRAIL_VERSION"],
        },
    )
    return {"answer": json.loads(json.dumps(answer["output"]["message"]["content"]))}
