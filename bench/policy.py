"""`python -m bench.policy`: what deciding and proving cost, beside the IAM simulator, and as an estate grows.

Times are of the processor, the least of some rounds; a ratio is taken within one run. Nothing here fails on seconds.
"""

from __future__ import annotations

import argparse
import compileall
import gc
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from secure_bedrock.policy import Call, Estate, Policy, bedrock_invariants, evaluate, prove
from secure_bedrock.policy.cases import read_estate, read_request
from secure_bedrock.policy.estate import Endpoint
from secure_bedrock.policy.invariants import Invariant
from secure_bedrock.policy.matching import compile_policy
from secure_bedrock.policy.proving import prove_all

HERE = Path(__file__).parent
ACCOUNT = "111122223333"
MODELS = (
    "amazon.nova-lite-v1:0", "amazon.nova-pro-v1:0", "amazon.nova-micro-v1:0", "anthropic.claude-3-haiku-20240307-v1:0",
)  # fmt: skip
REGIONS = ("eu-west-1", "eu-central-1", "eu-north-1", "eu-west-3", "eu-south-1", "eu-south-2")
#: Questions for the comparison with the simulator.
QUESTIONS = 300


def main(arguments: list[str]) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="bench.policy", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sizes", default="1,10,100,200,1000", help="numbers of roles of the generated estate")
    parser.add_argument("--profile", action="store_true", help="where the time goes for the largest estate")
    given = parser.parse_args(arguments)
    print(f"import of evaluate and prove: {1000 * _import_seconds(given.rounds):.0f} ms")
    _decisions(given.rounds)
    reference = reference_estate()
    role = "secure-bedrock-access/Application/Role"
    _proofs("the reference app", lambda: fresh(reference), invariants(reference, [role], role), given.rounds)
    sizes = [int(size) for size in given.sizes.split(",")]
    for size in sizes:
        large = generated(reference, role, size)
        questions = invariants(large, list(large.principals), "app-0")
        _proofs(f"{size} roles", lambda large=large: fresh(large), questions, given.rounds)
    if given.profile:
        large = generated(reference, role, sizes[-1])
        _profile(large, invariants(large, list(large.principals), "app-0"))
    print(f"most memory of this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")
    return 0


# ----- estates


def reference_estate() -> Estate:
    """The reference app under its organisation's policies, synthesized and read back."""
    import aws_cdk as cdk  # noqa: PLC0415 - slow, and only this needs it

    from reference.application import build  # noqa: PLC0415
    from reference.configuration import Configuration, OrganizationConfiguration  # noqa: PLC0415
    from secure_bedrock.review import load  # noqa: PLC0415

    rails = OrganizationConfiguration(account="999988887777", targets=("ou-ab12-12345678",), allowed_regions=REGIONS)
    with tempfile.TemporaryDirectory() as out:
        os.environ["CDK_VALIDATION"] = "false"
        context = json.loads((HERE.parent / "cdk.json").read_text("utf-8"))["context"]
        app = cdk.App(outdir=out, context={**context, "aws:cdk:enable-path-metadata": True})
        build(app, Configuration(account=ACCOUNT, organization=rails))
        assembly = Path(app.synth().directory)
        (reading,) = load(assembly).readings
    estate = reading.estate
    return replace(estate, accounts={ACCOUNT: estate.accounts[ACCOUNT]} if ACCOUNT in estate.accounts else {})


def generated(reference: Estate, role: str, size: int) -> Estate:
    """Roles like the reference app's: each of another name, with one of four models, through one of 20 endpoints.

    Above them stand 10 control policies: the reference app's, over and over, with one deny more each.
    """
    (old,) = reference.endpoints
    holder, endpoint = reference.principals[role], reference.endpoints[old]
    name = holder.arn.rpartition("/")[2]
    ids = [f"vpce-{number:017x}" for number in range(20)]
    principals, admitted = {}, {}
    for number in range(size):
        via = ids[number % len(ids)]
        words = {name: f"secure-bedrock-app-{number}", old: via, MODELS[0]: MODELS[number % len(MODELS)]}
        arn = _renamed(holder.arn, words)
        identity = tuple(_policy(policy, words) for policy in holder.identity)
        boundary = _policy(holder.boundary, words) if holder.boundary else None
        principals[f"app-{number}"] = replace(holder, arn=arn, identity=identity, boundary=boundary)
        if endpoint.policy:
            rows = _policy(endpoint.policy, words).to_plain()["Statement"]
            admitted.setdefault(via, []).extend({**row, "Sid": f"{row['Sid']}x{number}"} for row in rows)
    doors = {via: Endpoint(service=endpoint.service, vpc=endpoint.vpc,
                           policy=Policy.from_plain({"Version": "2012-10-17", "Statement": rows}, name=via))
             for via, rows in admitted.items()}  # fmt: skip
    *above, nearest = reference.scps or reference.accounts[ACCOUNT].scps or ((),)
    documents = [policy for level in (*above, nearest) for policy in level]
    more = [_with_one_more(documents[number % len(documents)], number) for number in range(10 - len(documents))]
    scps = (*above, (*nearest, *more))
    return Estate(
        principals=principals, endpoints=doors, scps=scps, accounts={ACCOUNT: replace(_account(reference), scps=None)},
        organization_id=reference.organization_id,
    )  # fmt: skip


def _account(reference: Estate) -> Any:  # noqa: ANN401 - the estate's own type
    from secure_bedrock.policy.estate import Account  # noqa: PLC0415

    return reference.accounts.get(ACCOUNT, Account())


def _with_one_more(policy: Policy, number: int) -> Policy:
    plain = policy.to_plain()
    tied = {"StringNotEquals": {"aws:PrincipalTag/team": f"platform-{number}"}}
    action = f"bedrock:Create{'ABCDEFGHIJ'[number]}*"
    extra = {"Sid": f"Extra{number}", "Effect": "Deny", "Action": action, "Resource": "*", "Condition": tied}
    return Policy.from_plain({**plain, "Statement": [*plain["Statement"], extra]}, name=f"scp {number}")


def _renamed(text: str, words: dict[str, str]) -> str:
    for old, new in words.items():
        text = text.replace(old, new)
    return text


def _policy(policy: Policy, words: dict[str, str]) -> Policy:
    return Policy.from_plain(json.loads(_renamed(json.dumps(policy.to_plain()), words)), name=policy.name)


def fresh(estate: Estate) -> Estate:
    """The same estate with nothing remembered."""
    compile_policy.cache_clear()
    return replace(estate)


def invariants(estate: Estate, names: Sequence[str], role: str) -> list[Invariant]:
    """Twenty: what can be asked of any estate, with one role's bounds, and that its call works."""
    (endpoint, *_) = estate.endpoints
    some = bedrock_invariants.of_estate(estate, names)
    call = Call(principal=role, operation="Converse", model=f"eu.{MODELS[0]}", region="eu-west-1", endpoint=endpoint)
    profile = f"arn:aws:bedrock:eu-west-1:{ACCOUNT}:inference-profile/eu.{MODELS[0]}"
    return [
        *some[:15], bedrock_invariants.stays_within(role),
        bedrock_invariants.only_on_models(role, (profile, f"arn:aws:bedrock:*::foundation-model/{MODELS[0]}")),
        bedrock_invariants.only_in_regions(role, REGIONS),
        bedrock_invariants.only_through_endpoints(role, [endpoint]),
        bedrock_invariants.calls_work(call),
    ]  # fmt: skip


# ----- measures


def least(rounds: int, work: Callable[[], object], before: Callable[[], object] = lambda: None) -> float:
    """The least seconds of some rounds."""
    found = []
    for _ in range(rounds):
        before()
        gc.collect()
        gc.freeze()  # what was there before is not looked through again and again while the work allocates
        began = time.process_time()
        work()
        found.append(time.process_time() - began)
    return min(found)


def _import_seconds(rounds: int) -> float:
    """Importing what Python has compiled already, as it is from the second time on."""
    compileall.compile_dir(HERE.parent / "secure_bedrock" / "policy", quiet=1)

    def run(code: str) -> float:
        finished = subprocess.run(
            [sys.executable, "-c", f"{code}; import time; print(time.process_time())"],
            check=True, cwd=HERE.parent, capture_output=True, text=True,
        )  # fmt: skip
        return float(finished.stdout)

    names = "from secure_bedrock.policy import evaluate, prove"
    return min(run(names) for _ in range(rounds)) - min(run("pass") for _ in range(rounds))


def _decisions(rounds: int) -> None:
    """Every question is asked of both: with the policies read anew each time, as the simulator does, and read once."""
    from tests.policy.differential import simulation  # noqa: PLC0415 - needs the tests' packages
    from tests.policy.generation import Generator  # noqa: PLC0415

    generator = Generator(1)
    scenarios = [generator.scenario() for _ in range(QUESTIONS)]
    asked = [(read_estate(each.estate), read_request(each.request)) for each in scenarios]
    simulations = [simulation(s, evaluate(*each)) for s, each in zip(scenarios, asked, strict=True)]
    node = os.environ.get("JSII_NODE") or shutil.which("node") or "node"
    finished = subprocess.run(
        [node, str(HERE / "simulations.mjs"), str(rounds)], input=json.dumps(simulations), capture_output=True,
        text=True, check=True,
    )  # fmt: skip
    theirs = float(finished.stdout)

    def anew() -> None:
        for each in scenarios:
            evaluate(read_estate(each.estate), read_request(each.request))

    def again() -> None:
        for each in asked:
            evaluate(*each)

    for name, work in (("policies read each time", anew), ("policies read once", again)):
        ours = least(rounds, work, compile_policy.cache_clear if work is anew else lambda: None) / QUESTIONS
        print(
            f"a decision, {name}: {1e6 * ours:.0f} us; the simulator {1e6 * theirs:.0f} us: {theirs / ours:.1f} times"
        )


def _proofs(name: str, estate: Callable[[], Estate], asked: list[Invariant], rounds: int) -> None:
    kept: list[Estate] = []
    is_large = len(estate().principals) > 500  # noqa: PLR2004 - what takes seconds is asked once, and nothing beside
    verdicts: list[Sequence[object]] = []
    seconds = least(
        1 if is_large else rounds,
        lambda: verdicts.append(prove_all(kept[-1], asked)),
        lambda: kept.append(estate()),
    )
    kinds = [type(each).__name__ for each in verdicts[-1]]
    told = ", ".join(f"{kinds.count(kind)} {kind.lower()}" for kind in sorted(set(kinds)))
    print(f"{len(asked)} invariants over {name}: {1000 * seconds:.0f} ms ({told})", flush=True)
    if is_large:
        return
    singles = {
        each.name[:60]: least(2, lambda each=each: prove(kept[-1], each), lambda: kept.append(estate()))
        for each in asked
    }
    slowest = max(singles, key=singles.__getitem__)
    tracemalloc.start()
    prove_all(estate(), asked)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    print(
        f"  slowest alone {1000 * singles[slowest]:.0f} ms ({slowest}); most memory {most / 2**20:.0f} MB", flush=True
    )


def _profile(estate: Estate, asked: list[Invariant]) -> None:
    import cProfile  # noqa: PLC0415 - on demand
    import pstats  # noqa: PLC0415

    with cProfile.Profile() as profile:
        prove_all(fresh(estate), asked)
    pstats.Stats(profile).sort_stats("tottime").print_stats(25)
    pstats.Stats(profile).sort_stats("cumtime").print_stats(40)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
