"""The client's methods that compare versions of a model on a dataset."""

from collections.abc import Sequence
from typing import Any

from seeme.calls import Calls, model_path, record, to_json
from seeme.records.comparing import Disagreement, ModelComparison
from seeme.results import Record, Records
from seeme.transport import Request

PATIENCE = 300.0  # seconds: a hundred thousand images with boxes take their time


class Comparisons(Calls):
    """Versions of a model on the same items."""

    def compare_models(
        self,
        model_id: str,
        version_a: str | None = None,
        version_b: str | None = None,
        test_dataset_id: str | None = None,
        versions: Sequence[str] | None = None,
        dataset_version_id: str | None = None,
        split: str | None = None,
        segment: str | None = None,
    ) -> Record:
        """Compare two versions (or more: `versions`) on the items of a dataset that each has a prediction for.

        `test_dataset_id` is a dataset (its latest version, or the working set where there is none) or a dataset
        version; `split` takes a part of it, and `segment` names an attribute of the predictions to split the result by.
        `.version_a` and `.version_b` have `.accuracy` and other scores, `.delta` is b minus a with the interval `.low`
        to `.high` and `.p_value`. Unknown numbers are NaN, and the `reasons` say why.
        """
        body: dict[str, Any] = {
            "version_a": version_a,
            "version_b": version_b,
            "versions": versions,
            "test_dataset_id": test_dataset_id,
            "dataset_version_id": dataset_version_id,
            "split": split,
            "segment": segment,
        }
        sent = to_json({name: value for name, value in body.items() if value is not None})
        request = Request("POST", model_path(model_id, "compare"), body=sent)
        return record(self._transport.call(request, max(PATIENCE, self._transport.timeout)).json(), ModelComparison)

    def get_disagreements(
        self,
        model_id: str,
        version_a: str,
        version_b: str,
        test_dataset_id: str,
        dataset_version_id: str | None = None,
        split: str | None = None,
        limit: int | None = 100,
    ) -> Records:
        """Return the items that just one of two versions has right, by id, with what each said.

        Of a regression model those where one is nearer to the truth by most, the largest difference first.
        """
        where = {"dataset_version_id": dataset_version_id, "split": split, "test_dataset_id": test_dataset_id}
        path = model_path(model_id, "compare/disagreements")
        return self._list(path, Disagreement, limit, version_a=version_a, version_b=version_b, **where)
