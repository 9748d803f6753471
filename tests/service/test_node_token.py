"""The snippet for Node in docs/prediction-token.md makes tokens that the service takes."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from seeme.clock import now
from seeme.service.tokens import check_token

DOCUMENT = Path(__file__).parents[2] / "docs" / "prediction-token.md"
SECRET = "a" * 43


@pytest.mark.skipif(shutil.which("node") is None, reason="node isn't on this machine")
@pytest.mark.parametrize("subject", ["Zoë", None])
def test_the_documents_node_code_signs(tmp_path, subject):
    """As it stands there, with a subject and without one."""
    (code,) = re.findall(r"^```js\n(.*?)^```$", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    given = {"secret": SECRET, "kid": "k_one", "modelId": "digits", "predictionId": "p1"}
    if subject is not None:
        given["subject"] = subject
    program = tmp_path / "sign.mjs"
    program.write_text(f"{code}\nconsole.log(sign({json.dumps(given)}));\n", encoding="utf-8")
    token = subprocess.run(["node", program], capture_output=True, text=True, check=True, timeout=60).stdout.strip()
    claims = check_token(token, {"k_one": SECRET}, "digits", "p1", now())
    assert (claims.sub, claims.scope) == (subject, "feedback")
