"""Synthesize one app in a process of its own, and print its round trips: `python -m bench.app ours 10 1`."""

from __future__ import annotations

import sys

from bench import trips

trips.count_from_now()

import aws_cdk as cdk  # noqa: E402 - loading it is counted too

from bench.apps import APPS, CONTEXT  # noqa: E402

if __name__ == "__main__":
    name, roles, stacks = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    app = cdk.App(context=CONTEXT)
    APPS[name](app, roles, stacks)
    app.synth()
    sys.stdout.write(f"{trips.counted()}\n")
