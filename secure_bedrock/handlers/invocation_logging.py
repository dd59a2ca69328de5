"""Sets model invocation logging, which CloudFormation cannot: one setting an account and Region.

It fails where another configuration exists, unless told to replace it; it remembers what it replaced in its physical id;
on removal it keeps the setting, or restores what it replaced if nobody has changed it since.
"""

import base64
import json
import time
import urllib.request
import zlib

import boto3
from botocore.config import Config

patient = Config(retries={"mode": "standard", "max_attempts": 10})
bedrock = boto3.client("bedrock", config=patient)
stacks = boto3.client("cloudformation", config=patient)
#: Seconds that a role made a moment ago may take until Bedrock can use it, and between two tries.
PATIENCE, PAUSE = 120, 5


def handler(event, context):
    try:
        answer = {"Status": "SUCCESS", "PhysicalResourceId": act(event)}
    except Exception as error:
        known = event.get("PhysicalResourceId", "not-made")
        answer = {"Status": "FAILED", "PhysicalResourceId": known, "Reason": str(error)[:900]}
    answer |= {key: event[key] for key in ("StackId", "RequestId", "LogicalResourceId")}
    body = json.dumps(answer).encode()
    request = urllib.request.Request(event["ResponseURL"], body, {"Content-Type": ""}, method="PUT")
    for left in (2, 1, 0):
        try:
            return urllib.request.urlopen(request, timeout=20).close()
        except OSError:
            if not left:
                raise
            time.sleep(PAUSE)


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
    ours = not current or same(current, wanted) or (old and same(current, json.loads(old)))
    if not ours and event["RequestType"] == "Update" and rolling_back(event):
        return known  # the update failed because of it; to fail again would leave the stack stuck
    if not ours and event["ResourceProperties"]["ReplaceExisting"] != "true":
        raise RuntimeError(
            "Model invocation logging is configured already in this account and Region: " + json.dumps(current)
            + " Set replace_existing=True to replace it, or remove it first."
        )
    kept = known or remember(None if ours else current)
    put(wanted)
    return kept


def put(configuration):
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return bedrock.put_model_invocation_logging_configuration(loggingConfig=configuration)
        except Exception as error:
            if "validate permissions" not in str(error) or time.monotonic() > end:
                raise
            time.sleep(PAUSE)


def rolling_back(event):
    return "ROLLBACK" in stacks.describe_stacks(StackName=event["StackId"])["Stacks"][0]["StackStatus"]


def same(one, other):
    return plain(one) == plain(other)


def plain(value):
    if not isinstance(value, dict):
        return value
    return {key: kept for key, inner in value.items() if (kept := plain(inner)) not in (None, False, "", {})}


def remember(configuration):
    packed = base64.b64encode(zlib.compress(json.dumps(configuration).encode())).decode()
    if len(packed) > 900:
        raise RuntimeError("The configuration to be replaced is too long to be remembered; remove it first.")
    return "invocation-logging:" + packed


def remembered(physical_id):
    if not physical_id.startswith("invocation-logging:"):
        return None
    return json.loads(zlib.decompress(base64.b64decode(physical_id.partition(":")[2])))
