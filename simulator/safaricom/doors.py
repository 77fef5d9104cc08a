"""Daraja over HTTP, under `/safaricom`: its real paths unchanged, and the certificate."""

from flask import Blueprint, Response, request

from simulator.gateway import face, respond
from simulator.safaricom.front import Call, Front
from simulator.safaricom.keys import certificate

VERBS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def blueprint(front: Front) -> Blueprint:
    """The APIs of one Safaricom."""
    blue = face("safaricom", "/safaricom")

    @blue.get("/certificate.pem")
    def pem() -> Response:
        return Response(certificate(), content_type="application/x-pem-file")

    @blue.route("/<path:path>", methods=VERBS)
    def api(path: str) -> Response:
        call = Call(
            verb=request.method,
            path=path,
            authorization=request.headers.get("Authorization", ""),
            grant_type=request.args.get("grant_type", ""),
            content_type=request.content_type or "",
            body=request.get_data(),
        )
        return respond(front.answer(call))

    return blue
