"""What must hold for rows that have landed: one suite a table, as data.

A suite is critical when training learns from its table. Bounds are such that a healthy stream and a recorded data set pass,
whatever the calendar: records that are wrong one by one are in quarantine, what is looked for here is what admission cannot
see, and what our own programs may get wrong.
"""

from typing import Final

from pipelines.catalog import (
    APPLIED_TABLE,
    DECISIONS_TABLE,
    DUPLICATES_TABLE,
    FEATURES_TABLE,
    LANDED,
    QUARANTINE_TABLE,
    RECORDS_TABLE,
    SIGNALS_TABLE,
    TRANSACTIONS_TABLE,
)
from pipelines.check.checks import NOT_BEFORE_TIME, PLACE, Suite, between, mean, one_of, present, unique
from pipelines.check.feature_checks import LOGGED
from pipelines.ingest.admission import (
    CURRENCIES,
    MAX_AMOUNT_MINOR,
    MAX_BYTES,
    MEANING,
    TOLERANCE_MS,
    UNREADABLE,
)
from pipelines.schemas import ACTIONS, CHANNELS

_BROKER_MS: Final = "epoch_ms(appended_at)"
_DAY_MS: Final = 86_400_000
_STEP_BACK: Final = "lag(event_ms) over (partition by kafka_partition order by kafka_offset) - event_ms"

_WHEN: Final = (
    between(
        "not_in_the_future",
        f"event_ms - {_BROKER_MS}",
        None,
        TOLERANCE_MS,
        "ms after the broker had it",
        "A sender's clock is wrong, or admission has let it pass: windows of features would end in the future",
    ),
    NOT_BEFORE_TIME,
    between(
        "not_late",
        f"({_STEP_BACK}) / {_DAY_MS}.0",
        None,
        7,
        "days behind the record before it",
        "A sender repeats an old file: features are computed as of then, and the card's latest past is missing in them. Held "
        "against its neighbours, for the calendar of a simulated bank or a recorded data set is not the broker's",
        nearly=True,
    ),
)
_AMOUNT: Final = (
    between(
        "amount_in_range",
        "amount_minor",
        1,
        MAX_AMOUNT_MINOR,
        "minor units",
        "Nothing is paid with zero or less, and beyond that bound a field was mistaken",
    ),
    one_of("currency_is_known", "currency", CURRENCIES, "An unknown currency has no minor unit: amounts mean nothing"),
    one_of("channel_is_known", "channel", CHANNELS, "Features and rules tell channels apart by these names"),
)
_AMOUNT_IN_PROPORTION: Final = between(
    "amounts_in_proportion",
    "amount_minor / 100.0",
    None,
    1_000_000,
    "major units",
    "More than one payment in a hundred beyond a million: a sender has multiplied its amounts",
    nearly=True,
)

TRANSACTIONS: Final = Suite(
    TRANSACTIONS_TABLE,
    True,
    "What cardholders paid: every feature and every label is about these rows",
    (
        present("transaction_id_is_there", "transaction_id", "Without it no decision and no verdict finds the payment"),
        present("card_id_is_there", "card_id", "Without it the payment has no past"),
        present("merchant_id_is_there", "merchant_id", "Without it the payment has no place"),
        *_AMOUNT,
        _AMOUNT_IN_PROPORTION,
        *_WHEN,
        unique("landed_once", PLACE, "A record has landed twice: sums of the lake are wrong"),
        mean(
            "not_all_resent",
            "count(*) over (partition by transaction_id) > 1",
            None,
            0.2,
            "share of rows",
            "A sender repeats whole batches, or its ids are not unique",
        ),
    ),
)

_VERDICT_MS: Final = "epoch_ms(try_cast(transaction_time as timestamp))"

SIGNALS: Final = Suite(
    SIGNALS_TABLE,
    True,
    "Verdicts are the labels that training learns",
    (
        present("signal_id_is_there", "signal_id", "Without it a verdict cannot be told from its repeat"),
        one_of("kind_is_known", "kind", ("verdict", "listing"), "The state takes in nothing else"),
        one_of(
            "source_is_known",
            "source",
            ("chargeback", "analyst", "cardholder", "system"),
            "Who said so decides how far it is believed",
        ),
        one_of(
            "verdict_is_known",
            "case when kind = 'verdict' then coalesce(verdict, '') end",
            ("fraud", "genuine"),
            "Anything else would count as genuine",
        ),
        one_of(
            "listing_is_known",
            "case when kind = 'listing' then coalesce(listing, '') end",
            ("allow", "deny", "clear"),
            "Anything else would not be obeyed",
        ),
        between(
            "verdict_names_its_payment",
            "case when kind = 'verdict' then cast(transaction_id is null or card_id is null or merchant_id is null as int) end",
            None,
            0,
            "0 or 1",
            "A verdict about nothing teaches nothing",
        ),
        between(
            "verdict_follows_its_payment",
            f"case when kind = 'verdict' then (event_ms - {_VERDICT_MS}) / {_DAY_MS}.0 end",
            0,
            540,
            "days",
            "A verdict before its payment, or one and a half years after it, is about another payment: labels are shifted",
            nearly=True,
        ),
        *(check for check in _WHEN if check.name != "not_late"),
        unique("landed_once", PLACE, "A record has landed twice: sums of the lake are wrong"),
    ),
)

FEATURES: Final = Suite(
    FEATURES_TABLE,
    True,
    "What the model read about live payments, and what the next one learns from",
    (
        one_of("kind_is_payment", "kind", ("transaction",), "Signals belong to `applied`; nothing decides about them"),
        one_of("origin_is_live", "origin", ("transactions",), "A payment of a history would be decided"),
        *LOGGED,
    ),
)
APPLIED: Final = Suite(
    APPLIED_TABLE,
    True,
    "What the state took in beside live payments: the first model learns from it",
    (
        one_of("kind_is_known", "kind", ("transaction", "verdict", "listing"), "The state takes in nothing else"),
        one_of("origin_is_beside", "origin", ("signals", "history"), "A live payment belongs to `features`"),
        *LOGGED,
    ),
)

DECISIONS: Final = Suite(
    DECISIONS_TABLE,
    False,
    "What was answered to cardholders. A bad model is mended by training: it must not be what keeps it from training",
    (
        unique("decided_once", "transaction_id", "The first decision counts, every other one belongs to `duplicates`"),
        unique("landed_once", PLACE, "A record has landed twice: sums of the lake are wrong"),
        present("transaction_id_is_there", "transaction_id", "A decision about nothing reaches nobody"),
        present("model_version_is_there", "model_version", "Without it nobody can say who decided"),
        present("policy_version_is_there", "policy_version", "Without it nobody can say by which thresholds"),
        between("probability_is_one", "probability", 0, 1, "probability", "The calibration is not one"),
        between("score_is_one", "score", 0, 1, "score", "The model's output is not what calibration was fitted for"),
        mean(
            "probability_is_plausible",
            "probability",
            0.00001,
            0.1,
            "probability",
            "Fraud is rare: a mean above one in ten, or of nothing at all, is a model that does not fit its features",
        ),
        one_of("action_is_known", "action", ACTIONS, "Whoever authorises knows these four"),
        mean(
            "not_everybody_is_held_up",
            "action <> 'approve'",
            None,
            0.1,
            "share of decisions",
            "More than one payment in ten is challenged, held or declined: cardholders and the desk notice before anybody here",
        ),
        *_AMOUNT,
        between(
            "clock_agrees",
            f"abs({_BROKER_MS} - decided_at_ms) / 60000.0",
            None,
            15,
            "minutes between decision and broker",
            "The clocks of decision path and broker differ, or decisions wait on their way",
            nearly=True,
        ),
    ),
)

DUPLICATES: Final = Suite(
    DUPLICATES_TABLE,
    False,
    "Repeats are harmless one by one; many of them are a sender or a stream that goes in circles",
    (
        one_of(
            "cause_is_known",
            "case when landed_in = 'duplicates' then cause end",
            ("repeated", "resent"),
            "The books tell these two apart",
        ),
        one_of(
            "action_is_known",
            "case when landed_in = 'duplicates' then action end",
            ACTIONS,
            "Whoever authorises knows these four",
        ),
        between(
            "names_an_earlier_decision",
            "case when landed_in = 'duplicates' and first_partition = kafka_partition then kafka_offset - first_offset end",
            1,
            None,
            "records",
            "The decision that counts is not the first one",
        ),
        mean(
            "few_are_decided_twice",
            "landed_in = 'duplicates'",
            None,
            0.2,
            "share of decisions",
            "More than one decision in five is a repeat: a sender repeats itself, or the stream starts again and again",
        ),
    ),
    (DECISIONS_TABLE,),
)

QUARANTINE: Final = Suite(
    QUARANTINE_TABLE,
    False,
    "Single bad records are what quarantine is for; many of them are a sender that has changed",
    (
        mean(
            "few_payments_are_refused",
            "case when landed_in = 'transactions' then false when topic = 'transactions' then true end",
            None,
            0.05,
            "share of payment records",
            "More than one payment in twenty is refused: these cardholders wait for an answer that never comes",
        ),
        one_of(
            "reason_is_known",
            "case when landed_in = 'quarantine' then reason end",
            sorted(MEANING),
            "A reason without a meaning cannot be acted upon",
        ),
        between(
            "own_records_are_readable",
            f"case when landed_in = 'quarantine' then cast(reason = '{UNREADABLE}' as int) end",
            None,
            0,
            "0 or 1",
            "What our own programs write lacks something: another version of them is at work",
        ),
        between(
            "kept_bytes_are_bounded",
            "case when landed_in = 'quarantine' then octet_length(value) end",
            None,
            MAX_BYTES,
            "bytes",
            "Only the beginning of a long record is kept: whoever sends them must not fill the disk",
        ),
    ),
    (TRANSACTIONS_TABLE,),
)

RECORDS: Final = Suite(
    RECORDS_TABLE,
    False,
    "The proof that every record has landed, once",
    (
        one_of("topic_is_known", "topic", [topic.name for topic in LANDED], "Nothing else lands here"),
        between(
            "no_gap",
            "kafka_offset - lag(kafka_offset) over (partition by topic, kafka_partition order by kafka_offset)",
            1,
            1,
            "records to the one before",
            "Offsets follow each other: above 1 a record is missing, below 1 it is there twice",
        ),
        mean(
            "bytes_are_kept",
            "value is null",
            None,
            0.05,
            "share of records",
            "Only of refused records the bytes are elsewhere: the lake could not be built again from these rows",
        ),
    ),
)

SUITES: Final = (TRANSACTIONS, SIGNALS, FEATURES, APPLIED, DECISIONS, DUPLICATES, QUARANTINE, RECORDS)
