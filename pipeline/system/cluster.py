"""Training with several worker processes: which of them this is. Imports no TensorFlow.

Every worker runs the same command, with a description of all of them in the environment variable TF_CONFIG as
TensorFlow defines it:

    TF_CONFIG='{"cluster": {"worker": ["host0:2222", "host1:2222"]}, "task": {"type": "worker", "index": 0}}'

The chief (worker 0, or the one of type "chief") writes the run. The others train along and write nothing.
"""

import json
import os

from .errors import UserError, shown

EXAMPLE = '{"cluster": {"worker": ["host0:2222", "host1:2222"]}, "task": {"type": "worker", "index": 0}}'


def worker_count() -> int:
    """Count the workers that train together; 1 without TF_CONFIG.

    Raises:
        UserError: TF_CONFIG can't be understood.
    """
    return sum(map(len, _cluster_and_task()[0].values())) or 1


def is_chief() -> bool:
    """Tell whether this process writes the run: it does unless TF_CONFIG says that another one is the chief."""
    cluster, (kind, index) = _cluster_and_task()
    return not cluster or kind == "chief" or ("chief" not in cluster and index == 0)


def _cluster_and_task() -> tuple[dict, tuple[str, int]]:
    text = os.environ.get("TF_CONFIG")
    if not text:
        return {}, ("worker", 0)
    try:
        config = json.loads(text)
        cluster = {kind: list(config["cluster"][kind]) for kind in ("chief", "worker") if kind in config["cluster"]}
        kind, index = config["task"]["type"], int(config["task"]["index"])
        cluster[kind][index]
    except (ValueError, KeyError, TypeError, IndexError):
        raise UserError(f"TF_CONFIG must be like {EXAMPLE}. Received: {shown(text)}") from None
    return cluster, (kind, index)
