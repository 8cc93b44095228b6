"""`rulener serve` under load: `python benchmarks/service.py --seconds 300 --record`.

A server process and this one, which asks it over loopback with connections that are kept alive and never rest. Every answer is
compared with the first one for the same note. Linux only (memory is read from the kernel). Prints JSON and, with --record, writes
it into records/ with machine, versions and date.

    saturation   as many connections as the service has places: every place taken, all the time; no answer may be another than 200
    overload     four times as many, which rest a moment when refused: what finds no place gets 503, nothing else may go wrong
    batches      the same notes, 50 a request
    reloads      saturation again while the process gets SIGHUP without a pause: no request may be dropped
    stop         SIGTERM in the middle of it: what was begun is answered, the process ends with 0
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import queue
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import corpus, record

REPOSITORY = Path(__file__).resolve().parents[1]
PERCENTILES = (50.0, 90.0, 99.0, 99.9)
_BATCH = 50
_REST = 0.05  # seconds before a connection that was refused tries again; less patient than Retry-After asks for
_LENGTH = re.compile(rb"content-length: (\d+)\r\n", re.IGNORECASE)


@dataclass
class Tally:
    """What came back: seconds of each answered request, statuses, what went wrong by kind, answers that differ."""

    seconds: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    others: int = 0
    notes: int = 0
    bytes: int = 0


class Server:
    """The process, its log drained, its memory on demand."""

    def __init__(self, arguments: Sequence[str], cache: Path) -> None:
        environment = {**os.environ, "RULENER_CACHE_DIR": str(cache), "PYTHONPATH": str(REPOSITORY)}
        environment.pop("RULENER_TOKEN", None)
        command = [sys.executable, "-m", "rulener.cli.main", "serve", "--port", "0", *arguments]
        self.running = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
        self.lines: queue.Queue[str] = queue.Queue()
        self.complaints: list[str] = []
        threading.Thread(target=self._read, daemon=True).start()
        self.port = int(self.said(r"listening on http://\S+:(\d+)")[1])
        self.said("engine [0-9a-f]{64}")

    def _read(self) -> None:
        assert self.running.stderr is not None
        for line in self.running.stderr:
            if " INFO POST " not in line and " INFO GET " not in line:
                self.lines.put(line)
            if " INFO " not in line:
                self.complaints.append(line)

    def said(self, pattern: str) -> re.Match[str]:
        while True:
            match = re.search(pattern, self.lines.get(timeout=120))
            if match:
                return match

    def resident(self) -> int:
        """Bytes of memory, without those of the mapped file."""
        status = Path(f"/proc/{self.running.pid}/status").read_text()
        return int(re.findall(r"RssAnon:\s+(\d+) kB", status)[0]) * 1024

    def cpu(self) -> float:
        fields = Path(f"/proc/{self.running.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self) -> int:
        self.running.send_signal(signal.SIGTERM)
        return self.running.wait(60)


@dataclass(frozen=True)
class Request:
    """A request as bytes, and how many notes are in it."""

    name: int
    data: bytes
    notes: int


def requests_of(texts: Sequence[str], batch: int) -> list[Request]:
    """A request for every note, or for so many notes each."""
    made = []
    for begin in range(0, len(texts), batch):
        notes = [{"note_id": f"n{begin + k}", "text": text} for k, text in enumerate(texts[begin : begin + batch])]
        path = "/v1/annotate" if batch == 1 else "/v1/annotate:batch"
        body = json.dumps(notes[0] if batch == 1 else {"notes": notes}).encode()
        head = f"POST {path} HTTP/1.1\r\nHost: load\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        made.append(Request(begin, head.encode() + body, len(notes)))
    return made


async def load(port: int, requests: Sequence[Request], connections: int, until: asyncio.Event) -> Tally:
    """Asks on so many connections until told to stop; each finishes what it has begun."""
    tally = Tally()
    known: dict[int, int] = {}
    turn = iter(range(1 << 60))

    async def one() -> None:
        reader = writer = None
        while not until.is_set():
            request = requests[next(turn) % len(requests)]
            begun = time.perf_counter()
            try:
                if writer is None:
                    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
                writer.write(request.data)
                assert reader is not None
                head = await reader.readuntil(b"\r\n\r\n")
                match = _LENGTH.search(head)
                body = await reader.readexactly(int(match[1]) if match else 0)
            except (OSError, EOFError) as error:
                tally.errors[type(error).__name__] += 1
                writer = None
                continue
            status = int(head[9:12])
            count(request, status, body, time.perf_counter() - begun)
            if status == 503:
                await asyncio.sleep(_REST)
        if writer is not None:
            writer.close()

    def count(request: Request, status: int, body: bytes, seconds: float) -> None:
        tally.statuses[status] += 1
        if status != 200:
            tally.refused.append(seconds)
            return
        tally.seconds.append(seconds)
        tally.notes += request.notes
        tally.bytes += len(body)
        if known.setdefault(request.name, zlib.crc32(body)) != zlib.crc32(body):
            tally.others += 1

    await asyncio.gather(*(one() for _ in range(connections)))
    return tally


def phase(server: Server, requests: Sequence[Request], connections: int, seconds: float, *, hup: bool = False) -> dict[str, Any]:
    """Load for so long; the server's memory is read once a second."""
    memory: list[int] = []

    async def scene() -> Tally:
        until = asyncio.Event()
        asking = asyncio.ensure_future(load(server.port, requests, connections, until))
        end = time.perf_counter() + seconds
        while (left := end - time.perf_counter()) > 0:
            memory.append(server.resident())
            if hup:
                server.running.send_signal(signal.SIGHUP)
            await asyncio.sleep(min(1.0, left))
        until.set()
        return await asking

    cpu, begun = server.cpu(), time.perf_counter()
    tally = asyncio.run(scene())
    return facts(tally, time.perf_counter() - begun, server.cpu() - cpu, memory) | {"connections": connections}


def facts(tally: Tally, seconds: float, cpu: float, memory: Sequence[int]) -> dict[str, Any]:
    """What a record keeps. Memory: medians of the first and the last fifth of the phase, and its highest."""
    fifth = max(len(memory) // 5, 1)
    first, last = statistics.median(memory[:fifth]), statistics.median(memory[-fifth:])
    return {
        "seconds": round(seconds, 1),
        "requests": sum(tally.statuses.values()),
        "statuses": {str(status): count for status, count in sorted(tally.statuses.items())},
        "errors": dict(tally.errors),
        "different_answers": tally.others,
        "notes_per_second": round(tally.notes / seconds, 1),
        "megabytes_out_per_second": round(tally.bytes / seconds / 1e6, 1),
        "server_cpus": round(cpu / seconds, 2),
        "latency_ms": percentiles(tally.seconds),
        "refusal_ms": percentiles(tally.refused),
        "memory_mb": {"first": round(first / 1e6, 1), "last": round(last / 1e6, 1), "highest": round(max(memory) / 1e6, 1)},
        "load": round(os.getloadavg()[0], 2),
    }


def percentiles(seconds: Sequence[float]) -> dict[str, float]:
    ordered = sorted(seconds)
    if not ordered:
        return {}
    return {f"p{p:g}": round(ordered[min(int(len(ordered) * p / 100), len(ordered) - 1)] * 1e3, 2) for p in PERCENTILES}


def stopped(server: Server, requests: Sequence[Request], connections: int) -> dict[str, Any]:
    """SIGTERM under load. Connections that are closed between requests, or refused afterwards, are no errors."""

    async def scene() -> Tally:
        until = asyncio.Event()
        asking = asyncio.ensure_future(load(server.port, requests, connections, until))
        await asyncio.sleep(1)
        server.running.send_signal(signal.SIGTERM)
        await asyncio.to_thread(server.running.wait, 60)
        until.set()
        return await asking

    tally = asyncio.run(scene())
    return {"exit_code": server.running.returncode, "statuses": {str(k): n for k, n in sorted(tally.statuses.items())}}


def measured(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    made = corpus.make("service", notes=options.notes, terms=5_000, paragraphs=8)
    table = made.write_lexicon(folder / "terms.tsv")
    places = options.threads + options.queue
    arguments = ["--lexicon", str(table), "--threads", str(options.threads), "--queue", str(options.queue)]
    server = Server(arguments, folder / "cache")
    single, batches = requests_of(made.texts, 1), requests_of(made.texts, _BATCH)
    try:
        phase(server, single, places, options.warm_up)
        found = {
            "saturation": phase(server, single, places, options.seconds),
            "overload": phase(server, single, places * 4, options.others),
            "batches": phase(server, batches, options.threads * 2, options.others),
            "reloads": phase(server, single, places, options.others, hup=True),
            "stop": stopped(server, single, places),
        }
    finally:
        if server.running.poll() is None:
            server.running.kill()
    complaints = [line.rstrip() for line in server.complaints]
    return {
        "notes": len(made.texts),
        "characters_a_note": round(made.characters / len(made.texts)),
        "threads": options.threads,
        "queue": options.queue,
        "phases": found,
        "complaints": complaints[:20],
    }


def wrong(found: dict[str, Any]) -> list[str]:
    """What must not be."""
    phases = found["phases"]
    complaints = list(found["complaints"])
    for name in ("saturation", "batches", "reloads"):
        if set(phases[name]["statuses"]) != {"200"}:
            complaints.append(f"{name}: {phases[name]['statuses']}")
    if set(phases["overload"]["statuses"]) - {"200", "503"}:
        complaints.append(f"overload: {phases['overload']['statuses']}")
    for name, facts_ in phases.items():
        if facts_.get("errors") or facts_.get("different_answers"):
            complaints.append(f"{name}: {facts_['errors']}, {facts_['different_answers']} answers differ")
    if phases["stop"]["exit_code"] != 0 or set(phases["stop"]["statuses"]) - {"200", "503"}:
        complaints.append(f"stop: {phases['stop']}")
    return complaints


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=300.0, help="of saturation")
    parser.add_argument("--others", type=float, default=30.0, help="seconds of each other phase")
    parser.add_argument("--warm-up", type=float, default=10.0, help="seconds before, not counted")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--queue", type=int, default=32)
    parser.add_argument("--notes", type=int, default=400)
    parser.add_argument("--note", default="", help="what a reader of the record must know, for example that the machine was busy")
    parser.add_argument("--record", action="store_true", help="write it into records/")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        found = measured(options, Path(folder))
    whole = {
        "date": datetime.now(timezone.utc).date().isoformat(),
        "note": options.note,
        "machine": {
            "cpus": os.cpu_count(),
            "system": f"{platform.system()} {platform.release()}",
            "python": f"{platform.python_implementation()} {platform.python_version()}",
        },
        "versions": record.versions() | {name: version(name) for name in ("fastapi", "uvicorn", "httptools")},
        **found,
    }
    text = json.dumps(whole, indent=1) + "\n"
    if options.record:
        record.RECORDS.mkdir(exist_ok=True)
        (record.RECORDS / f"service-{whole['date']}.json").write_text(text)
    sys.stdout.write(text)
    complaints = wrong(found)
    if complaints:
        raise SystemExit("\n".join(complaints))


if __name__ == "__main__":
    main()
