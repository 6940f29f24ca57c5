"""Every way Clearhold can refuse, in one place.

Each error is one clear line that says what is wrong, where, and what to do. `exit_code` is what a command returns:
2 wrong usage, 1 a check failed, 75 try again later, 78 configuration or environment.
"""


class ClearholdError(Exception):
    """Root of all refusals. The message is written for the person who has to act on it."""

    exit_code = 1


class UsageError(ClearholdError):
    """A command was given something it cannot work with: a missing file, an unknown column, a bad number."""

    exit_code = 2


class EnvironmentProblem(ClearholdError):
    """The machine lacks something: Java, memory, a free port, an installed environment."""

    exit_code = 78


class ConfigurationError(ClearholdError):
    """A settings, policy or mapping file does not say something that can be run."""

    exit_code = 78


class Unavailable(ClearholdError):
    """A service does not answer now (broker, registry). Trying again later may work; nothing was lost."""

    exit_code = 75


class ModelRejected(ClearholdError):
    """A model could not be loaded, is not what its manifest says, or does not fit the features."""


class Unaccounted(ClearholdError):
    """The conservation check failed: an acknowledged record has no decision, quarantine row or duplicate row."""


class Conflict(ClearholdError):
    """What somebody wants to change is no longer as they saw it: another one was quicker."""


class Mismatch(ClearholdError):
    """Two computations that must agree do not: parity, replay of a decision."""


class QualityFailed(ClearholdError):
    """A critical quality suite fails on rows that have landed: nothing may be learned from them."""


class Refused(ClearholdError):
    """The gate does not let a challenger serve."""


class LeakSuspected(ClearholdError):
    """A model is better than anybody believes: something it learned from knows the outcome."""
