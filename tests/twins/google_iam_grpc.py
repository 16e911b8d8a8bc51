"""A twin of IAM over gRPC, made of google-cloud-iam's own protos, over the estate of the REST twin.

Only reading methods exist; any other is UNIMPLEMENTED, as it would be if it were called by mistake.  `refused` maps a
method to the status it fails with; `seen` lists the calls.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import grpc
from google.cloud.iam_admin_v1 import types
from google.protobuf.json_format import ParseDict

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

    from tests.twins.google_estate import Estate

SERVICE = "google.iam.admin.v1.IAM"
_USUAL, _MOST = 20, 100


class IamTwin:
    """`google.iam.admin.v1.IAM` on loopback; use it as a context manager.  `address` is host and port."""

    def __init__(self, estate: Estate) -> None:
        self.estate = estate
        self.seen: list[str] = []
        self.refused: dict[str, grpc.StatusCode] = {}

    def __enter__(self) -> Self:
        methods = {
            "ListServiceAccounts": (self._accounts, types.ListServiceAccountsRequest, types.ListServiceAccountsResponse),
            "ListServiceAccountKeys": (
                self._keys, types.ListServiceAccountKeysRequest, types.ListServiceAccountKeysResponse,
            ),
        }  # fmt: skip
        handlers = {name: self._handler(name, *parts) for name, parts in methods.items()}
        self._server = grpc.server(ThreadPoolExecutor(4))
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
        self.address = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop(None).wait()

    def _handler(self, name: str, answer: Callable, asked: type, told: type) -> object:
        def serve(request: object, context: grpc.ServicerContext) -> object:
            self.seen.append(name)
            if name in self.refused:
                context.abort(self.refused[name], "planted")
            return answer(request, context)

        return grpc.unary_unary_rpc_method_handler(
            serve, request_deserializer=asked.deserialize, response_serializer=told.serialize
        )

    def _accounts(self, request: types.ListServiceAccountsRequest, context: grpc.ServicerContext) -> object:
        project = request.name.removeprefix("projects/")
        if project not in self.estate.numbers:
            context.abort(grpc.StatusCode.NOT_FOUND, "no such project")
        rows = self.estate.accounts[project]
        start, size = int(request.page_token or 0), min(request.page_size or _USUAL, _MOST)
        following = start + size
        body = {
            "accounts": rows[start:following],
            **({"nextPageToken": str(following)} if following < len(rows) else {}),
        }
        return types.ListServiceAccountsResponse(ParseDict(body, types.ListServiceAccountsResponse()._pb))

    def _keys(self, request: types.ListServiceAccountKeysRequest, context: grpc.ServicerContext) -> object:
        email = request.name.rpartition("/")[2]
        if not any(row["email"] == email for rows in self.estate.accounts.values() for row in rows):
            context.abort(grpc.StatusCode.NOT_FOUND, "no such account")
        body = {"keys": self.estate.keys[email]}
        return types.ListServiceAccountKeysResponse(ParseDict(body, types.ListServiceAccountKeysResponse()._pb))
