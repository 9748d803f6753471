"""The one endpoint: who asks decides which classifier reads; what it said is logged with test and visitor."""

from typing import NamedTuple
from uuid import uuid4

from seeme import Client

from .model import Answer, Digits, Image, predict
from .setup import MODEL_ID, NOW


class Reading(NamedTuple):
    """What was answered: the prediction's id, the version that read, and its answer, or None when it failed."""

    id: str
    version: str
    answer: Answer | None


class Reader:
    """Reads digits for visitors: each visitor is assigned once and for all to one of the classifiers."""

    def __init__(self, client: Client, digits: Digits, test_id: str) -> None:
        self._client, self._digits, self._test_id = client, digits, test_id

    def read(self, visitor: str, image: Image) -> Reading:
        """Read one image by the classifier that the visitor is assigned to, and log the prediction.

        The assignment is computed here: the client asks the service for the test's definition now and then, and
        for nothing else. Where there is none, as when the test has ended, the present classifier reads.
        """
        arm = self._client.assign(self._test_id, visitor)
        version = arm.version_id if arm else NOW
        test = {"ab_test_id": self._test_id, "unit": visitor} if arm else {}
        answer, prediction = None, str(uuid4())
        try:
            answer = predict(self._digits.classifiers[version], image)
            said = answer._asdict()
        except ValueError as error:
            said = {"error": str(error)}
        self._client.log_prediction(MODEL_ID, id=prediction, version_id=version, subject=visitor, **test, **said)
        return Reading(prediction, version, answer)
