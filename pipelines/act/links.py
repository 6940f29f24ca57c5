"""Links by which a cardholder answers: signed, valid for a while, each good for one answer (the desk remembers that)."""

from typing import Final

from itsdangerous import BadSignature, SignatureExpired, URLSafeTimedSerializer

from pipelines.errors import UsageError

_SALT: Final = "was-this-you"


class Links:
    """Makes and reads links below `address`; `secret` signs them."""

    def __init__(self, address: str, secret: str, days: float) -> None:
        self._address, self._seconds = address.rstrip("/"), int(days * 86_400)
        self._signer = URLSafeTimedSerializer(secret, salt=_SALT)

    def make(self, transaction_id: str) -> str:
        """The link about a payment."""
        return f"{self._address}/answer/{self._signer.dumps(transaction_id)}"

    def read(self, token: str) -> str:
        """The payment that a link is about.

        Raises:
            UsageError: it is not one of ours, or too old.
        """
        try:
            return str(self._signer.loads(token, max_age=self._seconds))
        except SignatureExpired as problem:
            raise UsageError("this link is too old: please call your bank") from problem
        except BadSignature as problem:
            raise UsageError("this link is not one of ours, or it was cut short") from problem
