"""Sets model invocation logging, which CloudFormation cannot: one setting an account and Region.

It fails where another configuration exists, unless told to replace it; it remembers what it replaced in its physical id;
on removal it keeps the setting, or restores what it replaced if nobody has changed it since.
"""

import base64
import json
import urllib.request
import zlib

import boto3

bedrock = boto3.client("bedrock")


def handler(event, context):
    try:
        answer = {"Status": "SUCCESS", "PhysicalResourceId": act(event)}
    except Exception as error:
        known = event.get("PhysicalResourceId", "not-made")
        answer = {"Status": "FAILED", "PhysicalResourceId": known, "Reason": str(error)[:900]}
    answer |= {key: event[key] for key in ("StackId", "RequestId", "LogicalResourceId")}
    body = json.dumps(answer).encode()
    request = urllib.request.Request(event["ResponseURL"], body, {"Content-Type": ""}, method="PUT")
    urllib.request.urlopen(request)


def act(event):
    wanted = json.loads(event["ResourceProperties"]["Configuration"])
    known = event.get("PhysicalResourceId")
    current = bedrock.get_model_invocation_logging_configuration().get("loggingConfig")
    if event["RequestType"] == "Delete":
        replaced = remembered(known)
        if replaced and same(current, wanted):
            put(replaced)
        return known
    old = event.get("OldResourceProperties", {}).get("Configuration")
    ours = current is None or same(current, wanted) or (old and same(current, json.loads(old)))
    if not ours and event["ResourceProperties"]["ReplaceExisting"] != "true":
        raise RuntimeError(
            "Model invocation logging is configured already in this account and Region: " + json.dumps(current)
            + " Set replace_existing=True to replace it, or remove it first."
        )
    kept = known or remember(None if ours else current)
    put(wanted)
    return kept


def put(configuration):
    bedrock.put_model_invocation_logging_configuration(loggingConfig=configuration)


def same(one, other):
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def remember(configuration):
    packed = base64.b64encode(zlib.compress(json.dumps(configuration).encode())).decode()
    if len(packed) > 900:
        raise RuntimeError("The configuration to be replaced is too long to be remembered; remove it first.")
    return "invocation-logging:" + packed


def remembered(physical_id):
    if not physical_id.startswith("invocation-logging:"):
        return None
    return json.loads(zlib.decompress(base64.b64decode(physical_id.partition(":")[2])))
