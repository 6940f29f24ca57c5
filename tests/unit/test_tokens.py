"""Card numbers never pass; cards stay the same card."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.cards import luhn
from pipelines.errors import ConfigurationError, UsageError
from pipelines.ingest.tokens import Tokens

NUMBER = "4111 1111-1111 1111"
KEY = b"k" * 32


def test_a_token_is_the_same_for_the_same_card_and_key_only() -> None:
    token = Tokens(KEY).token(NUMBER)
    assert token == Tokens(KEY).token("4111111111111111") and len(token) == 36
    assert token != Tokens(b"j" * 32).token(NUMBER)
    assert token != Tokens(KEY).token("5500005555555559")


def test_a_payment_keeps_everything_but_the_number() -> None:
    made = json.loads(
        Tokens(KEY).line(json.dumps({"card_number": NUMBER, "amount_minor": 5, "event_time": "2026-11-27"}))
    )
    assert made == {
        "card_id": Tokens(KEY).token(NUMBER),
        "last_four": "1111",
        "amount_minor": 5,
        "event_time": "2026-11-27",
    }


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", "not a JSON object with a field card_number"),
        ("[1]", "not a JSON object with a field card_number"),
        ('{"pan": "4111111111111111"}', "not a JSON object with a field card_number"),
        ('{"card_number": "4111111111111112"}', "no card number"),
        ('{"card_number": 7}', "no card number"),
        ('{"card_number": "4111111111111111", "note": "was 5500-0055-5555-5559"}', "another field"),
        ('{"card_number": "4111111111111111", "deep": {"n": 5500005555555559}}', "another field"),
    ],
)
def test_what_cannot_be_taken_is_refused_without_its_content(line: str, words: str) -> None:
    with pytest.raises(UsageError, match=words) as refused:
        Tokens(KEY).line(line)
    assert "4111" not in str(refused.value) and "5500" not in str(refused.value)


def test_a_short_key_is_none(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="has 5 bytes, it needs 32"):
        Tokens(b"short")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        Tokens.from_file(tmp_path / "none")


@pytest.mark.parametrize(("digits", "right"), [("79927398713", True), ("79927398710", False), ("0", True)])
def test_the_check_digit(digits: str, right: bool) -> None:
    assert luhn(digits) is right


def test_the_filter(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_bytes(KEY + b"\n")
    lines = '{"card_number": "4111111111111111"}\n{"card_number": "4111111111111112"}\n'
    command = [sys.executable, "-m", "jobs.tokenise_cards", "--key", str(key)]
    done = subprocess.run(command, input=lines, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert json.loads(done.stdout)["last_four"] == "1111"
    assert done.stderr == (
        "clearhold: line 2 is left out: no card number: 13 to 19 digits that pass the Luhn check are wanted\n"
    )
