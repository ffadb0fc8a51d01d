"""What `cotbench policy` prints: what the policy says, what it brings, and a sentence."""

from __future__ import annotations

from cotbench.analysis.shipping import WHOLE, Shipping
from cotbench.report import shipping, words
from cotbench.report.words import percent, points
from cotbench.terminal.console import Output, plain_table, tell

MOST = 12  # pieces that are listed; the file has them all


def show_policy(made: Shipping) -> None:
    """Print a policy: a table of what it brings beside what else could be done, and the choice."""
    own = made.figures
    console = Output()
    tell(f"{made.panel.task} by {made.panel.model}: {own.n:,} questions, {', '.join(made.arms)}", to_stderr=False)
    header = ("policy", "right %", "tokens", "saving %", "against always", "95% interval")
    rows = [
        (
            shipping.policy(row),
            percent(row.accuracy),
            words.tokens(row.tokens),
            percent(row.saving).replace("-", "−"),
            points(None if row.loss is None else -row.loss),
            words.interval(
                None if row.loss_high is None else -row.loss_high,
                None if row.loss_low is None else -row.loss_low,
                signed=True,
            ),
        )
        for row in made.rows
        if not row.policy.startswith("by ") or row.shipped
    ]
    console.print(plain_table(header, rows, whole=header[:1]))
    tell(shipping.sentence(made), to_stderr=False)
    if made.rule == WHOLE:
        tell(f"The policy: {made.otherwise} for all questions.", to_stderr=False)
        return
    by_arm = {arm: [name for name, use in made.choice.items() if use == arm] for arm in reversed(made.arms)}
    told = [
        f"{arm} for {', '.join(names[:MOST])}{f' and {len(names) - MOST} more' if len(names) > MOST else ''}"
        for arm, names in by_arm.items()
        if names
    ]
    tell(f"The policy, by {made.rule}: {'; '.join(told)}; otherwise {made.otherwise}.", to_stderr=False)
