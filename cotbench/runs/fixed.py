"""What is fixed before a run's first token (`--lock`), in its manifest: written once, and never changed."""

from __future__ import annotations

from pathlib import Path

from msgspec import structs

from cotbench.errors import RunError
from cotbench.runs.prepare import RunPlan
from cotbench.runs.provenance import now
from cotbench.store.manifest import Manifest


def fix(plan: RunPlan, manifest: Manifest, folder: Path, replies: int) -> str:
    """Put into a manifest what the plan fixes, and return it in words; "" where nothing new is fixed.

    replies: how many are on record. Raises RunError where something else is fixed already, or tokens were spent."""
    wanted = plan.lock
    if wanted is None:
        return ""
    from cotbench.analysis.locking import in_words

    remedy = "Leave --lock out to go on with this run, or start anew: without --resume and with --fresh."
    if (known := manifest.lock) is not None:
        if structs.replace(known, at="", hash="") == wanted:
            return ""
        raise RunError(
            f"{folder}: what is fixed before the first token can't be changed: it is {in_words(known)}, since "
            f"{known.at}, and --lock says {in_words(wanted)}.",
            remedy,
        )
    if replies:
        found = f"{folder}: {replies:,} replies are on record, so nothing can be fixed before the first token any more."
        raise RunError(found, remedy)
    lock = structs.replace(wanted, at=now())
    manifest.lock = structs.replace(lock, hash=manifest.seal(lock))
    return f"Fixed before the first token: {in_words(wanted)} (hash {manifest.lock.hash})."
