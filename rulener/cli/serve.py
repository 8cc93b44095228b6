"""`rulener serve`: an engine behind HTTP."""

from __future__ import annotations

from typing import Any

import click

from rulener.cli.common import engine_options, load_engine
from rulener.errors import EXIT_OK, MissingExtra
from rulener.service import settings as limits
from rulener.service.settings import Settings, read_token

_HOST = "127.0.0.1"
_PORT = 8350


@click.command()
@engine_options
@click.option("--decisions", metavar="FILE", help="A review queue that came back with codes; what it decides wins.")
@click.option("--host", default=_HOST, show_default=True, metavar="ADDRESS", help="Where to listen.")
@click.option("--port", default=_PORT, show_default=True, type=click.IntRange(0, 65535), help="0: any that is free.")
@click.option("--token-file", metavar="FILE", help="Who asks must send this token; also in the variable RULENER_TOKEN.")
@click.option("--no-token", is_flag=True, help="Listen beyond this machine without a token.")
@click.option("--threads", "-t", type=click.IntRange(1, 1024), help="Threads for notes; default: one for each CPU, at most 8.")
@click.option("--queue", default=limits.QUEUE, show_default=True, type=click.IntRange(0), help="Requests that may wait.")
@click.option("--max-body", default=limits.BODY_BYTES, show_default=True, type=click.IntRange(1), help="Bytes of a request.")
@click.option("--max-notes", default=limits.NOTES, show_default=True, type=click.IntRange(1), help="Notes of a request.")
@click.option("--max-note", default=limits.CHARACTERS, show_default=True, type=click.IntRange(1), help="Characters of a note.")
@click.option(
    "--seconds", default=limits.REQUEST_SECONDS, show_default=True, type=click.FloatRange(0.001), help="Time of a request."
)
@click.option(
    "--stop-seconds",
    default=limits.STOP_SECONDS,
    show_default=True,
    type=click.FloatRange(0),
    help="Time to finish when stopped.",
)
@click.option(
    "--watch",
    type=click.FloatRange(0.001),
    metavar="SECONDS",
    help="Look so often whether the files of packs and lexicons have changed, and reload.",
)
def command(
    make: dict[str, Any],
    decisions: str | None,
    host: str,
    port: int,
    token_file: str | None,
    no_token: bool,
    threads: int | None,
    queue: int,
    max_body: int,
    max_notes: int,
    max_note: int,
    seconds: float,
    stop_seconds: float,
    watch: float | None,
) -> int:
    """Serve an engine over HTTP: /v1/annotate, /v1/annotate:batch, /v1/explain, /metrics and others.

    /openapi.json describes it. SIGTERM finishes what runs and ends; SIGHUP loads packs and lexicons again. Listens on this
    machine only, unless --host says otherwise. Needs the extra [serve].

    \b
    Example:
      rulener serve --lexicon drugs.tsv --token-file token.txt
    """
    try:
        from rulener.service import server
        from rulener.service.app import Service
        from rulener.service.engines import Engines, Watch, files_of
    except ModuleNotFoundError as error:
        raise MissingExtra("rulener serve", "serve") from error
    from rulener.run.directory import default_workers

    token = read_token(token_file)
    server.check_exposure(host, token, allowed=no_token)
    make = {**make, "decisions": decisions}
    settings = Settings(
        threads=threads or default_workers(),
        queue=queue,
        body_bytes=max_body,
        notes=max_notes,
        characters=max_note,
        request_seconds=seconds,
        stop_seconds=stop_seconds,
        token=token,
    )
    service = Service(Engines(lambda: load_engine(make), server.log.info), settings)
    listening = server.bound(host, port)
    with listening:
        server.serve(service, listening, None if watch is None else (watch, Watch(lambda: files_of(make))))
    return EXIT_OK
