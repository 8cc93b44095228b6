"""The routes and what is done for each. `application` puts them behind the door."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException

from rulener import __version__
from rulener.errors import RulenerError
from rulener.run.workers import describe_bug
from rulener.service import answers, pages, problems
from rulener.service.bodies import ClientGone, parsed, read_body
from rulener.service.desk import Desk, Stop
from rulener.service.door import CLIENT_GONE, ENGINE_HEADER, Door, log
from rulener.service.forms import AnnotateRequest, BatchRequest, ConceptsRequest, ExplainRequest
from rulener.service.limits import check_annotate, check_batch, check_concepts, check_explain
from rulener.service.metrics import MEDIA_TYPE, Metrics
from rulener.service.problems import Problem

if TYPE_CHECKING:
    from rulener.engine import Engine
    from rulener.service.answers import Answer
    from rulener.service.engines import Engines
    from rulener.service.settings import Settings

_Form = TypeVar("_Form")


class Service:
    """The routes' functions and what they share. Made in no event loop, used in one."""

    def __init__(self, engines: Engines, settings: Settings) -> None:
        self.engines = engines
        self.settings = settings
        self.desk = Desk(settings.threads, settings.queue, settings.request_seconds)
        self.metrics = Metrics(self.desk, engines)
        self.is_stopping = False

    # --- engine work

    async def annotate(self, request: Request) -> Response:
        return await self._worked(request, AnnotateRequest, check_annotate, answers.annotate)

    async def batch(self, request: Request) -> Response:
        return await self._worked(request, BatchRequest, check_batch, answers.batch)

    async def explain(self, request: Request) -> Response:
        return await self._worked(request, ExplainRequest, check_explain, answers.explain)

    async def concepts(self, request: Request) -> Response:
        return await self._worked(request, ConceptsRequest, check_concepts, answers.concepts)

    async def _worked(
        self,
        request: Request,
        form: type[_Form],
        check: Callable[[_Form, Settings], None],
        answer: Callable[[Engine, _Form, Stop], Answer],
    ) -> Response:
        """One request: a place, its body, its work in a thread. The engine is the one in use when the request came."""
        engine = self.engines.current
        if engine is None:
            raise problems.not_ready("the engine is being loaded")
        named = {ENGINE_HEADER: engine.fingerprint}
        settings = self.settings

        def work(stop: Stop) -> Answer:
            found = parsed(body, form)
            check(found, settings)
            return answer(engine, found, stop)

        try:
            with self.desk.place() as place:
                body = await read_body(request.headers, request.receive, settings.body_bytes, settings.request_seconds)
                made = await self.desk.run(place, work, request.receive)
        except Problem as problem:
            problem.headers.update(named)
            raise
        self.metrics.answer(made)
        return Response(made.body, media_type="application/json", headers=named)

    # --- how it is

    async def health(self) -> Response:
        return _json({"status": "alive", "version": __version__})

    async def ready(self) -> Response:
        if self.is_stopping:
            raise problems.not_ready("the service stops")
        if self.engines.fingerprint is None:
            raise problems.not_ready("the engine is being loaded")
        failure = self.engines.failure
        reload = {"status": "failed", "code": failure.code} if failure else {"status": "ok", "code": None}
        return _json({"status": "ready", "engine": self.engines.fingerprint, "reload": reload})

    async def metrics_page(self) -> Response:
        return Response(self.metrics.page(), media_type=MEDIA_TYPE)

    async def reload(self) -> Response:
        if self.settings.token is None:
            raise problems.forbidden()
        outcome = await self.engines.reload()
        failure = self.engines.failure
        if failure is not None:
            raise problems.reload_failed(failure)
        return _json({"outcome": outcome, "engine": self.engines.fingerprint})

    # --- starting and stopping

    async def start(self) -> None:
        if self.engines.current is None:
            await self.engines.load()

    async def stop(self) -> None:
        self.desk.close()
        self.engines.close()


def application(service: Service) -> Door:
    """The service as an ASGI application. Starting and stopping it is the caller's part."""
    app = FastAPI(
        title="rulener",
        version=__version__,
        openapi_url="/openapi.json",
        docs_url=None,  # these pages load scripts from another site
        redoc_url=None,
        redirect_slashes=False,
    )
    app.add_exception_handler(Problem, _refused)
    app.add_exception_handler(HTTPException, _not_routed)
    app.add_exception_handler(ClientGone, _nobody)
    app.add_exception_handler(RulenerError, _known)
    app.add_exception_handler(Exception, _bug)
    for route in pages.ROUTES:
        app.add_api_route(
            route.path,
            getattr(service, route.function),
            methods=[route.method],
            summary=route.summary,
            description=route.description,
            operation_id=route.function,
            tags=[route.tag],
            responses=pages.responses(route),
            openapi_extra=pages.extra(route),
            response_class=Response,
        )
    app.openapi = cache(lambda: pages.document(app, service.settings))
    routes = frozenset((*(route.path for route in pages.ROUTES), "/openapi.json"))
    return Door(app, routes, service.engines, service.metrics, service.settings.token)


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return Response(error.body(), error.status, error.all_headers())


async def _not_routed(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        return await _refused(request, problems.no_method((error.headers or {}).get("Allow", "")))
    return await _refused(request, problems.no_page())


async def _nobody(_: Request, error: Exception) -> Response:
    return Response(status_code=CLIENT_GONE)


async def _known(request: Request, error: Exception) -> Response:
    """An artifact that is damaged: nothing a client can do."""
    assert isinstance(error, RulenerError)
    log.error("%s", error)
    return await _refused(request, Problem(500, error.code, "the service's own files cannot be used"))


async def _bug(_: Request, error: Exception) -> Response:
    """Starlette raises the error again afterwards; the door logs it."""
    kind, place, _traceback = describe_bug(error)
    return await _refused(_, problems.bug(kind, place))


def _json(value: Any) -> Response:
    return Response(answers.as_json(value), media_type="application/json")
