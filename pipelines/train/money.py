"""What a model's actions are worth under the policy's cost table, in major units of the billing currency."""

import numpy as np

from pipelines.rules.policy import Policy, Thresholds
from pipelines.train.metrics import Numbers
from pipelines.train.scores import Scores


def saved(scores: Scores, probabilities: Numbers, policy: Policy, weights: Numbers) -> float:
    """Losses that acting on the model's probability alone avoids, less what acting costs.

    A fraud that is challenged, held or declined loses `fraud_recovered_share` of its amount less. A challenge and a hold cost
    what the table says, whoever pays; a genuine payment that is declined costs `false_decline_share` of its amount.
    """
    costs, asked = policy.costs, policy.thresholds
    acted, held, declined = (probabilities >= step for step in (asked.challenge, asked.hold, asked.decline))
    gained = costs.fraud_recovered_share * scores.amounts * scores.labels * acted
    spent = costs.challenge * (acted & ~held) + costs.hold * (held & ~declined)
    refused = costs.false_decline_share * scores.amounts * (1 - scores.labels) * declined
    return float((weights * (gained - spent - refused)).sum())


def at_risk(scores: Scores, weights: Numbers) -> float:
    """What all frauds together amount to."""
    return float((weights * scores.amounts * scores.labels).sum())


def by_threshold(scores: Scores, probabilities: Numbers, policy: Policy) -> tuple[Numbers, Numbers]:
    """Thresholds of a hold, and what would be saved if nothing else were done, for a picture."""
    steps = np.unique(np.quantile(probabilities, np.linspace(0.9, 1, 101)))
    steps = steps[steps > 0]
    alone = [
        policy.model_copy(update={"thresholds": Thresholds.model_construct(challenge=at, hold=at, decline=2.0)})
        for at in steps
    ]
    return steps, np.array([saved(scores, probabilities, each, scores.weights) for each in alone])
