"""What the service is compared with: the same body decoded into the same record and answered with 201, nothing kept.

A Starlette application as one would write it, under uvicorn with the service's own flags: python floor.py PORT.
"""

import sys

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from seeme.records.feedback import Accepted, NewFeedback
from seeme.records.predictions import NewPrediction

_prediction = msgspec.json.Decoder(NewPrediction)
_feedback = msgspec.json.Decoder(NewFeedback)
_encode = msgspec.json.Encoder().encode


async def predictions(request: Request) -> Response:
    """Decode a prediction and answer as if it were stored."""
    new = _prediction.decode(await request.body())
    answer = Accepted(id=new.id or "", model_id=new.model_id, status="created")
    return Response(_encode(answer), 201, media_type="application/json")


async def feedback(request: Request) -> Response:
    """Decode feedback and answer as if it were stored."""
    new = _feedback.decode(await request.body())
    answer = Accepted(id=new.id or "", model_id=new.model_id or "", status="created")
    return Response(_encode(answer), 201, media_type="application/json")


async def ready(request: Request) -> Response:
    """Say that requests are taken."""
    return Response(b"{}")


app = Starlette(
    routes=[
        Route("/v1/predictions", predictions, methods=["POST"]),
        Route("/v1/feedback", feedback, methods=["POST"]),
        Route("/readyz", ready),
    ]
)

if __name__ == "__main__":
    uvicorn.run(
        app,
        port=int(sys.argv[1]),
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="off",
        proxy_headers=False,
        server_header=False,
        access_log=False,
        log_config=None,
        backlog=2048,
        timeout_keep_alive=75,
    )
