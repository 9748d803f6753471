"""`seeme key`, `seeme model`, `seeme sign-in` and `seeme rebuild`, through the running service."""

import urllib.request
from urllib.parse import urlencode

import pytest

from seeme import Client
from seeme.errors import Forbidden, Unauthorized

from .conftest import seeme


def test_a_key_is_made_listed_and_revoked(service):
    """Its text is shown once, works, is never listed, and is dead after revoking."""
    made = seeme("key", "create", "--holder", "Ada L.", "--scope", "read", "--scope", "review", data=service.folder)
    assert made.code == 0
    (key,) = made.lines
    client = Client(service.url, key)
    client.list_models()
    with pytest.raises(Forbidden):
        client.create_model("M")
    id = "_".join(key.split("_")[:2])
    listed = seeme("key", "list", data=service.folder)
    (line,) = [line for line in listed.lines if id in line]
    assert "Ada L." in line
    assert "read,review" in line
    assert key not in listed.out
    assert seeme("key", "revoke", id, data=service.folder).code == 0
    with pytest.raises(Unauthorized):
        client.list_models()
    (line,) = [line for line in seeme("key", "list", data=service.folder).lines if id in line]
    assert "revoked 20" in line


def test_a_publishable_key_is_for_models_and_origins(service, make_model):
    """It names its models, and says what is missing."""
    model_id = make_model()
    options = ["--holder", "shop", "--publishable", "--origin", "https://shop.example.com"]
    refused = seeme("key", "create", *options, data=service.folder)
    assert refused.code == 1
    assert "a publishable key is for named models" in refused.err
    made = seeme("key", "create", *options, "--model", model_id, data=service.folder)
    assert made.out.startswith("pk_")


def test_what_does_not_exist_cannot_be_revoked(service):
    """One line and exit 1."""
    refused = seeme("key", "revoke", "sk_nothing", data=service.folder)
    assert refused.code == 1
    assert refused.err == "seeme: there is no key sk_nothing\n"


def test_a_model_is_made_and_listed(service):
    """With an id, a task and labels of one's own; a second one of other content is refused."""
    command = ["model", "create", "House prices", "--id", "prices", "--task", "regression"]
    assert seeme(*command, data=service.folder).out == "prices\n"
    assert seeme(*command, data=service.folder).out == "prices\n"
    refused = seeme("model", "create", "Other", "--id", "prices", data=service.folder)
    assert refused.code == 1
    assert "exists with other content" in refused.err
    listed = seeme("model", "list", data=service.folder)
    assert "prices  regression      House prices" in listed.lines
    labels = seeme("model", "create", "Pets", "--label", "cat", "--label", "dog", data=service.folder)
    assert Client(service.url, service.admin_key).get_model(labels.out.strip()).labels == ["cat", "dog"]


def test_a_sign_in_link_signs_in_once(service):
    """The link opens the sign-in page of the service."""
    link = seeme("sign-in", data=service.folder).out.strip()
    assert link.startswith(f"{service.url}/sign-in?code=")
    with urllib.request.urlopen(link) as page:
        assert page.status == 200


def test_a_sign_in_link_names_who_signs_in(service):
    """The page shows that name instead of the command line's."""
    link = seeme("sign-in", "--as", "Ada L.", data=service.folder).out.strip()
    form = urlencode({"secret": link.partition("code=")[2]}).encode()
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
    ours = {"Sec-Fetch-Site": "same-origin"}
    with opener.open(urllib.request.Request(f"{service.url}/sign-in", form, ours)) as page:
        assert "Signed in as Ada L." in page.read().decode()


@pytest.mark.parametrize(
    "command",
    [["key", "list"], ["model", "list"], ["sign-in"], ["rebuild", "--model", "m"], ["import", __file__]],
)
def test_without_a_service_commands_say_how_to_start_one(tmp_path, command):
    """One line that names the folder and the way out."""
    refused = seeme(*command, data=tmp_path / "nothing")
    assert refused.code == 1
    (line,) = refused.err.splitlines()
    assert f"no service runs on {tmp_path / 'nothing'}. Start it with `seeme serve --data" in line


def test_commands_can_use_a_service_elsewhere(service, tmp_path):
    """With SEEME_API_KEY and SEEME_BASE_URL the folder isn't looked at."""
    key = seeme("key", "create", "--holder", "far", "--scope", "read", data=service.folder).out.strip()
    elsewhere = {"SEEME_BASE_URL": service.url, "SEEME_API_KEY": key}
    assert seeme("model", "list", data=tmp_path / "nothing", **elsewhere).code == 0
    refused = seeme("model", "create", "M", data=tmp_path / "nothing", **elsewhere)
    assert refused.code == 1
    assert "may not" in refused.err or "scope" in refused.err


def test_rebuild_says_what_it_did(service, make_model):
    """Days counted again, and how many were wrong; an unknown model is one line."""
    done = seeme("rebuild", "--model", make_model(3), data=service.folder)
    assert (done.code, done.out) == (0, "1 days counted again, 0 were wrong and are mended\n")
    refused = seeme("rebuild", "--model", "unknown", data=service.folder)
    assert (refused.code, refused.err) == (1, "seeme: there is no model unknown\n")
