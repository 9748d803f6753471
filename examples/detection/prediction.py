"""One picture, what the detector says of it, and how both are logged."""

import logging
import uuid
from typing import Any, NamedTuple

from seeme import Client
from seeme.errors import SeeMeError

from . import png, scene
from .detector import Answer, detect
from .setup import VERSION

log = logging.getLogger(__name__)
# Pictures from here on are for training and measuring: neither is shown.
PICTURES = 1_000_000


class Prediction(NamedTuple):
    """What was said of one picture, under the id that it is logged with."""

    id: str
    scene: scene.Scene
    answer: Answer

    @property
    def boxes(self) -> list[dict[str, Any]]:
        """The detections as the service and the widget take them, in the same order."""
        return [{**found._asdict(), "box": list(found.box)} for found in self.answer.detections]


def predict(number: int) -> Prediction:
    """Run the detector on the picture with this number."""
    seen = scene.make(number)
    return Prediction(str(uuid.uuid4()), seen, detect(seen.pixels))


def log_predictions(client: Client, model_id: str, said: list[Prediction]) -> None:
    """Log what the detector said of these pictures, in one request."""
    client.log_predictions([_fields(each) for each in said], model_id)


def _fields(said: Prediction) -> dict[str, Any]:
    return {
        "id": said.id,
        "version_id": VERSION,
        "detections": said.boxes,
        "image_size": (scene.WIDTH, scene.HEIGHT),
        "latency_ms": said.answer.latency_ms,
        "attributes": {"picture": said.scene.kind, "surface": said.scene.surface},
    }


def upload(client: Client, model_id: str, said: Prediction) -> None:
    """Upload the picture that the detector saw."""
    client.upload_input(said.id, png.encode(said.scene.pixels), model_id=model_id)


def simulate(client: Client, model_id: str, numbers: range) -> None:
    """Run the detector on these pictures and log them with their inputs; when the service goes away, stop."""
    try:
        for number in numbers:
            said = predict(number)
            log_predictions(client, model_id, [said])
            upload(client, model_id, said)
    except SeeMeError as error:
        log.warning("the detector's predictions could not be logged: %s", error)
