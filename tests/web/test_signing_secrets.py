"""Signing secrets over HTTP: who may make them, and what is shown."""


async def test_the_text_of_a_secret_is_shown_once(program):
    """Made with 201, listed without its text, a third is 409 with the remedy, retired with 204."""
    made = [await program("POST", "/v1/models/digits/signing-secrets") for _ in range(2)]
    assert [answer.status for answer in made] == [201, 201]
    assert set(made[0].json()) == {"kid", "created_at", "secret"}
    listed = await program("GET", "/v1/models/digits/signing-secrets")
    assert {tuple(item) for item in listed.json()["items"]} == {("kid", "created_at")}
    third = await program("POST", "/v1/models/digits/signing-secrets")
    assert third.status == 409
    assert "retire one first" in third.json()["detail"]
    path = f"/v1/models/digits/signing-secrets/{made[0].json()['kid']}"
    assert [(await program("DELETE", path)).status for _ in range(2)] == [204, 404]


async def test_only_an_admin_of_the_model_may_touch_them(page, narrow, stranger):
    """A page's key, a key of another model, and nobody are all refused."""
    for who, status in ((page, 403), (narrow, 403), (stranger, 401)):
        for method, path in (("POST", ""), ("GET", ""), ("DELETE", "/k_any")):
            assert (await who(method, f"/v1/models/digits/signing-secrets{path}")).status == status


async def test_too_long_a_token_is_a_wrong_field(page):
    """The answer names the field and holds nothing of it."""
    body = {"model_id": "digits", "prediction_id": "p1", "feedback_type": "rating", "rating": 1}
    answer = await page("POST", "/v1/feedback", body | {"prediction_token": "x" * 4097})
    assert (answer.status, answer.paths()) == (422, ["$.prediction_token"])
    assert "xxx" not in answer.body.decode()
