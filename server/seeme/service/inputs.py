"""The images that predictions were made from: uploaded once, checked by their hash, served by it."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

from seeme.domain.images import media_type
from seeme.errors import Conflict, NotFound, UnsupportedMedia, invalid
from seeme.records.predictions import StoredInput
from seeme.service.events import Events
from seeme.service.inbox import Inbox
from seeme.service.learning import Learning
from seeme.service.models import Models
from seeme.settings import Settings
from seeme.store import blobs, datasets, events, reading
from seeme.store.blobs import Blobs, Upload
from seeme.store.database import Reader, Row, Transaction


class Inputs:
    """Uploads and downloads of inputs."""

    def __init__(
        self,
        reader: Reader,
        inbox: Inbox,
        models: Models,
        events: Events,
        files: Blobs,
        learning: Learning,
        settings: Settings,
        clock: Callable[[], int],
    ) -> None:
        self._reader = reader
        self._inbox = inbox
        self._models = models
        self._events = events
        self._files = files
        self._learning = learning
        self._settings = settings
        self._clock = clock

    async def put(
        self, prediction_id: str, model_id: str | None, chunks: AsyncIterator[bytes]
    ) -> tuple[StoredInput, bool]:
        """Store a prediction's input; return it and whether it is new.

        Raises:
            NotFound, Conflict (another input is there, or inputs are switched off), UnsupportedMedia, TooLarge,
            Invalid (the bytes don't have the prediction's input_hash).
        """
        home = await self._events.home("prediction", prediction_id, model_id)
        if not self._models.get(home).config.log_inputs:
            raise Conflict(f"inputs aren't stored for the model {home}; switch on config.log_inputs to store them")
        await self._row(home, prediction_id)
        upload = await self._files.receive(chunks, self._settings.max_input)
        try:
            kind = media_type(upload.head)
            if kind is None:
                raise UnsupportedMedia("an input is a raster image: PNG, JPEG, GIF, BMP, WebP or AVIF")

            async def work(tx: Transaction) -> bool:
                return await self._store(tx, home, prediction_id, upload, kind)

            created = await self._inbox.run(work)
        finally:
            self._files.discard(upload)
        return StoredInput(
            prediction_id=prediction_id, input_hash=upload.hash, size=upload.size, media_type=kind
        ), created

    async def _row(self, model_id: str, prediction_id: str) -> Row:
        row = await reading.prediction(self._reader, model_id, prediction_id)
        if row is None:
            raise NotFound(f"there is no prediction {prediction_id} of the model {model_id}")
        return row

    async def _store(self, tx: Transaction, model_id: str, prediction_id: str, upload: Upload, kind: str) -> bool:
        await tx.hold([model_id])
        await events.targets(tx, [(model_id, prediction_id)])  # locks it: another node may be storing its input, too
        row = await reading.prediction(tx, model_id, prediction_id)
        if row is None:
            raise NotFound(f"there is no prediction {prediction_id} of the model {model_id}")
        if row["input_hash"] is not None and row["input_hash"] != upload.hash:
            if row["input_stored"]:
                raise Conflict("this prediction has another input already")
            raise invalid("$", f"the bytes' SHA-256 is {upload.hash}, the prediction's input_hash {row['input_hash']}")
        if row["input_stored"]:
            return False
        # The row is locked first, so that no other node sweeps the file; it is stored only once the bytes are: a crash
        # in between leaves a file without a row, never a row without its file.
        await blobs.add_reference(tx, upload, kind, self._clock())
        await self._files.keep(upload)
        await blobs.set_input(tx, model_id, prediction_id, upload.hash)
        await self._learning.take_input(tx, model_id, prediction_id)
        return True

    async def open_of_item(self, dataset_id: str, id: str) -> tuple[Path, str]:
        """Return where the input of a working set's item is on disk, and its media type; raises NotFound."""
        row = await datasets.item(self._reader, dataset_id, id)
        known = row is not None and row.input_stored and row.input_hash
        kind = await blobs.media_type(self._reader, known) if known else None
        if not known or kind is None:
            raise NotFound(f"the input of the item {id} isn't stored")
        return self._files.path(known), kind

    async def open(self, prediction_id: str, model_id: str | None) -> tuple[Path, str]:
        """Return where a prediction's input is on disk, and its media type; raises NotFound."""
        home = await self._events.home("prediction", prediction_id, model_id)
        row = await self._row(home, prediction_id)
        kind = await blobs.media_type(self._reader, row["input_hash"]) if row["input_stored"] else None
        if kind is None:
            raise NotFound(f"the input of the prediction {prediction_id} isn't stored")
        return self._files.path(row["input_hash"]), kind
