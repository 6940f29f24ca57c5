"""Which payments have an outcome that can be learned from, and how much each stands for.

Whoever holds or declines a payment never learns what it would have become, unless somebody looks. Such payments are left out
where nobody has spoken, rather than counted as genuine. In their place stand the few that would have been held, but were let
through by chance: each for as many as it was drawn from, less those whose outcome an analyst did find out (inverse propensity
weighting: Horvitz and Thompson, A generalization of sampling without replacement from a finite universe, 1952).
"""

from typing import Final

from duckdb import DuckDBPyConnection

from pipelines.label.verdicts import BELIEVED

OUTCOMES: Final = "outcomes"
"""View that `observe` makes."""


def observe(database: DuckDBPyConnection, payments: str, decisions: str) -> None:
    """Make the view OUTCOMES: transaction_id, label (1 fraud, 0 genuine), weight (1 or more).

    Args:
        database: with BELIEVED.
        payments: view with `transaction_id`, once each.
        decisions: view with transaction_id, action, explored and propensity. Payments without a decision are the past of
            before: they count as let through.
    """
    database.execute(
        f"""create or replace view {OUTCOMES} as
        with judged as (
          select p.transaction_id, b.verdict, coalesce(d.action, 'approve') in ('hold', 'decline') as stopped,
                 coalesce(d.explored, false) as explored, coalesce(d.propensity, 1) as propensity,
                 d.action = 'hold' as held
          from {payments} as p left join {BELIEVED} as b using (transaction_id)
          left join {decisions} as d using (transaction_id)),
        unseen as (
          select coalesce(count(*) filter (where held and verdict is null) / nullif(count(*) filter (where held), 0), 1) as share
          from judged)
        select transaction_id, if(verdict = 'fraud', 1.0::double, 0.0::double) as label,
               if(explored, greatest(1.0, unseen.share / propensity), 1.0)::double as weight
        from judged, unseen where not stopped or verdict is not null"""
    )
