"""Builds mixtures under random faults, again and again, and compares their bytes with an undisturbed build.

    .venv/bin/python benchmarks/faults.py --minutes 60 [--seed 1] [--stage4] [--json]

A round is a new workspace, on a disk or on an S3 server (moto's, behind `faulty_store.py`). The build is
started, a fault befalls it at a random moment, and it is started again, until it is complete; then all bytes are
compared. After every attempt each folder that looks finished is compared too, and what was said must be one line
without a traceback. Builds have one processor or all of them. The run ends with code 1 where a byte differs, a
failure was not told so, or a kind never came.

Kinds: `kill` (kill -9 of the build), `worker` (of one of its worker processes), `disk` (a filesystem with too
little room: a tmpfs where mounting is allowed, else a limit on file sizes), `errors` (500, 503 and SlowDown until
the build gives up), `flaky` (errors, lost answers and broken connections that it must bear), `slow` (answers that
outlast its patience), `two` (a second build at once), `clock` (days forwards and backwards: `jumping_clock.c`;
libfaketime breaks sleeps that are under way), and with more than ten minutes `paused` (a build that stands still
while one of another machine takes its place).
"""

import argparse
import contextlib
import hashlib
import json
import os
import random
import resource
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import s3fs

REPOSITORY: Final = Path(__file__).parents[1]
BIN: Final = Path(sys.executable).parent
SAMPLE: Final = REPOSITORY / "sources" / "sample"
FILES: Final = (
    "fineweb-2/data/deu_Latn/train/000_00000.parquet",
    "fineweb-2/data/ell_Grek/train/000_00000.parquet",
    "dolmino-mix-1124/data/wiki/wiki-0000.json.gz",
)
RECIPE: Final = """\
model: own
stage: 1
tokens: 20000
categories: {wiki: 10, multilingual: 90}
languages: {deu_Latn: 60, ell_Grek: 30}
"""
BUCKET: Final = "faults"
# Longer than any build here takes, on a machine that does much else besides.
PATIENCE_S: Final = 900
PAUSED_S: Final = 75
LIMITED: Final = "File too large"
# What two builds of the same bytes may have otherwise: locks, what is under way, and the times that steps took.
NOT_COMPARED: Final = (".lock", ".staging", "spent")
Digests = Mapping[str, str]


def _text(path: Path) -> str:
    """What stands in a file of the kernel's, nothing where its process has ended."""
    try:
        return path.read_text()
    except OSError:
        return ""


class FaultError(Exception):
    """What must not have happened."""


@dataclass
class Build:
    """A running `babelmix mix`, and what it says on standard error."""

    process: "subprocess.Popen[bytes]"
    errors: Path

    def running(self) -> bool:
        return self.process.poll() is None

    def kill(self) -> bool:
        """Kills it, and not its workers; whether it still ran."""
        running = self.running()
        self.process.kill()
        self.process.wait()
        return running

    def workers(self) -> list[int]:
        """Its worker processes."""
        found = []
        # A process is the child of the thread that started it.
        for thread in Path(f"/proc/{self.process.pid}/task").glob("*/children"):
            for child in _text(thread).split():
                with contextlib.suppress(OSError):
                    if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes():
                        found.append(int(child))
        return found

    def end(self) -> "Ended":
        code = self.process.wait(PATIENCE_S)
        return Ended(code, self.errors.read_text("utf-8", "replace").splitlines())


@dataclass(frozen=True)
class Ended:
    """How an attempt ended. `injected`: the fault came while it ran; `killed`: by us."""

    code: int
    lines: list[str]
    injected: bool = False
    killed: bool = False


@dataclass
class Bench:
    """What all rounds share."""

    folder: Path
    draw: random.Random
    stage4: bool
    mounts: bool
    server: str = ""
    proxy: str = ""
    direct: Any = None
    reference: Digests = field(default_factory=dict)
    started: int = 0
    builds: list[Build] = field(default_factory=list)

    def command(self, workspace: str) -> list[str]:
        what = ["stage4"] if self.stage4 else ["recipe.yaml", "--profile", "mirror"]
        return [str(BIN / "babelmix"), "mix", *what, "--workspace", workspace]

    def environment(self, own: Mapping[str, str]) -> dict[str, str]:
        held = {
            key: value
            for key, value in os.environ.items()
            if not key.startswith(("PREFECT_", "BABELMIX_", "AWS_"))
        }
        store = {
            "AWS_ENDPOINT_URL": self.proxy, "AWS_ACCESS_KEY_ID": "faults", "AWS_SECRET_ACCESS_KEY": "faults",
            "AWS_DEFAULT_REGION": "us-east-1",
        }  # fmt: skip
        scratch = {"TMPDIR": str(self.folder / "scratch"), "XDG_CACHE_HOME": str(self.folder / "cache")}
        return {**held, **store, **scratch, "HF_HUB_OFFLINE": "1", "COLUMNS": "200", **own}

    def start(
        self,
        workspace: str,
        own: Mapping[str, str] | None = None,
        prefix: list[str] | None = None,
        before: Callable[[], None] | None = None,
    ) -> Build:
        self.started += 1
        processors = sorted(os.sched_getaffinity(0))
        mine = processors if self.draw.random() < 0.3 else processors[self.started % len(processors) :][:1]

        def prepare() -> None:
            os.sched_setaffinity(0, mine)
            if before is not None:
                before()

        errors = self.folder / f"errors-{self.started}"
        with errors.open("wb") as file:
            process = subprocess.Popen(
                [*(prefix or []), *self.command(workspace)], cwd=self.folder, env=self.environment(own or {}),
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=file, start_new_session=True,
                preexec_fn=prepare,
            )  # fmt: skip
        self.builds.append(Build(process, errors))
        return self.builds[-1]

    def stop(self) -> None:
        """Ends what a fault of this bench itself has left running."""
        for build in self.builds:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(build.process.pid, signal.SIGKILL)
            build.process.wait()

    def faults(self, **rates: float) -> None:
        """Sets how often the store's answers fail."""
        request = urllib.request.Request(
            f"{self.proxy}/-/faults",
            json.dumps(rates).encode(),
            {"Content-Type": "application/json"},
            method="PUT",
        )
        urllib.request.urlopen(request, timeout=10).read()

    def given(self) -> Counter[str]:
        """How many of the store's answers failed so far, by kind."""
        with urllib.request.urlopen(f"{self.proxy}/-/faults", timeout=10) as answer:
            return Counter(json.load(answer))


class Folder:
    """A workspace on a disk: a filesystem of its own where mounting is allowed."""

    remote = False

    def __init__(self, bench: Bench, name: str) -> None:
        self.mount = bench.folder / name
        self.mount.mkdir()
        self._mounted = bench.mounts
        if self._mounted:
            subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4g", "tmpfs", self.mount], check=True)
        self.workspace = str(self.mount / "workspace")

    def complete(self) -> list[str]:
        """Folders that have a manifest."""
        found = []
        # Unlike Path.rglob, it bears folders that are taken away meanwhile.
        for folder, inner, files in os.walk(self.workspace):
            inner[:] = [name for name in inner if name != ".staging"]
            if "manifest.json" in files:
                found.append(str(Path(folder).relative_to(self.workspace)))
        return sorted(found)

    def digests(self) -> dict[str, str]:
        """SHA-256 of every file by its path."""
        root = Path(self.workspace)
        return {
            str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(root.rglob("*"))
            if path.is_file() and path.relative_to(root).parts[0] not in NOT_COMPARED
        }

    def close(self) -> None:
        if self._mounted:
            # The last processes of a build that was killed end a moment after it.
            deadline = time.monotonic() + 30
            while subprocess.run(["umount", self.mount], check=False).returncode and time.monotonic() < deadline:
                time.sleep(0.5)
        shutil.rmtree(self.mount)


class Store:
    """A workspace on the S3 server. It is looked at past the proxy."""

    remote = True

    def __init__(self, bench: Bench, name: str) -> None:
        self._fs, self._root = bench.direct, f"{BUCKET}/{name}"
        self.workspace = f"s3://{self._root}"

    def complete(self) -> list[str]:
        found = self._fs.find(self._root)
        return sorted(
            each.removeprefix(f"{self._root}/")[: -len("/manifest.json")]
            for each in found
            if each.endswith("/manifest.json")
        )

    def digests(self) -> dict[str, str]:
        found = {each.removeprefix(f"{self._root}/"): each for each in self._fs.find(self._root)}
        return {
            name: hashlib.sha256(self._fs.cat_file(path)).hexdigest()
            for name, path in sorted(found.items())
            if name.partition("/")[0] not in NOT_COMPARED
        }

    def close(self) -> None:
        self._fs.rm(self._root, recursive=True)


Place = Folder | Store


def at_a_moment(bench: Bench, place: Place, build: Build, least: int = 0) -> None:
    """Waits until a random number of folders is complete, and a random while longer."""
    there = len(place.complete())
    most = len({str(Path(each).parent) for each in bench.reference if each.endswith("/manifest.json")})
    target = max(least, bench.draw.randrange(there, max(most - 2, there + 1)))
    deadline = time.monotonic() + PATIENCE_S
    while build.running() and len(place.complete()) < target and time.monotonic() < deadline:
        time.sleep(0.05)
    until = time.monotonic() + bench.draw.uniform(0, 4.0 if target == 0 else 1.0)
    while build.running() and time.monotonic() < until:
        time.sleep(0.02)


def kill(bench: Bench, place: Place) -> Ended:
    build = bench.start(place.workspace)
    at_a_moment(bench, place, build)
    injected = build.kill()
    ended = build.end()
    return Ended(ended.code, ended.lines, injected, killed=True)


def worker(bench: Bench, place: Place) -> Ended:
    """What the lost worker was at is begun again: the build ends well."""
    build = bench.start(place.workspace)
    at_a_moment(bench, place, build)
    lost = False
    deadline = time.monotonic() + 30
    while build.running() and not lost and time.monotonic() < deadline:
        if found := build.workers():
            with contextlib.suppress(ProcessLookupError):
                os.kill(bench.draw.choice(found), signal.SIGKILL)
                lost = True
        time.sleep(0.05)
    ended = build.end()
    if lost and ended.code:
        raise FaultError(f"a lost worker ended the build: {ended.lines}")
    return Ended(ended.code, ended.lines, lost)


def disk(bench: Bench, place: Place) -> Ended:
    room = bench.draw.randrange(8 << 10, 400 << 10)
    if not bench.mounts:
        limit = room // 16

        def limited() -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

        ended = bench.start(place.workspace, before=limited).end()
        return Ended(ended.code, ended.lines, LIMITED in " ".join(ended.lines))
    if isinstance(place, Folder):
        held = sum(path.stat().st_blocks * 512 for path in place.mount.rglob("*") if path.is_file())
        with _filesystem(place.mount, held + room, anew=False):
            ended = bench.start(place.workspace).end()
    else:
        scratch = bench.folder / "small"
        scratch.mkdir(exist_ok=True)
        with _filesystem(scratch, room // 4, anew=True):
            ended = bench.start(place.workspace, {"TMPDIR": str(scratch)}).end()
    return Ended(ended.code, ended.lines, "No space left on device" in " ".join(ended.lines))


@contextlib.contextmanager
def _filesystem(folder: Path, size: int, anew: bool) -> Iterator[None]:
    """A tmpfs of so many bytes: a new one, or that which is mounted there, made so small."""
    options = f"size={size}" if anew else f"remount,size={size}"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], check=True)
    try:
        yield
    finally:
        undo = ["umount", folder] if anew else ["mount", "-o", "remount,size=4g", folder]
        subprocess.run(undo, check=True)


def errors(bench: Bench, place: Place) -> Ended:
    """A store that fails until the build gives up, which must say so."""
    before = bench.given()
    build = bench.start(place.workspace, {"AWS_MAX_ATTEMPTS": "3"})
    at_a_moment(bench, place, build)
    bench.faults(error=1.0)
    try:
        ended = build.end()
    finally:
        bench.faults()
    return Ended(ended.code, ended.lines, ended.code != 0 and bench.given()["error"] > before["error"])


def flaky(bench: Bench, place: Place) -> Ended:
    """Errors, lost answers and broken connections that the build must bear."""
    before = bench.given()
    bench.faults(error=0.1, lost=0.02, cut=0.03)
    try:
        ended = bench.start(place.workspace).end()
    finally:
        bench.faults()
    if ended.code:
        raise FaultError(f"errors that pass ended the build: {ended.lines}")
    return Ended(ended.code, ended.lines, sum((bench.given() - before).values()) > 0)


def slow(bench: Bench, place: Place) -> Ended:
    """Answers of which some come later than the build waits for one."""
    before = bench.given()
    client = {"connect_timeout": 5, "read_timeout": 2, "retries": {"mode": "standard", "max_attempts": 8}}
    bench.faults(slow=0.1, slow_s=4.0)
    try:
        ended = bench.start(place.workspace, {"FSSPEC_S3": json.dumps({"config_kwargs": client})}).end()
    finally:
        bench.faults()
    if ended.code:
        raise FaultError(f"slow answers ended the build: {ended.lines}")
    return Ended(ended.code, ended.lines, bench.given()["slow"] > before["slow"])


def two(bench: Bench, place: Place) -> Ended:
    """The later of the two is refused, and the other is not disturbed."""
    first = bench.start(place.workspace)
    # The second takes its time to start as well, and is to find the first at work.
    time.sleep(bench.draw.uniform(0, 3))
    # Of the other half the second is on another machine, to which the first is only a name.
    apart = ["unshare", "--uts", "sh", "-c", 'hostname elsewhere && exec "$@"', "sh"]
    away = place.remote and bench.mounts and bench.draw.random() < 0.5
    second = bench.start(place.workspace, prefix=apart if away else None)
    both = [second.end(), first.end()]
    for each in both:
        _told(each)
    if all(each.code for each in both):
        raise FaultError(f"of two builds at once neither ended well: {both}")
    refused = any(each.code and "another babelmix run" in each.lines[0] for each in both)
    return Ended(0, [], refused)


def clock(bench: Bench, place: Place) -> Ended:
    """A time of day that jumps; it must not be looked at for anything that counts."""
    jump = bench.folder / "offset"
    jump.write_bytes(struct.pack("l", 0))
    own = {"LD_PRELOAD": str(bench.folder / "jumping_clock.so"), "CLOCK_OFFSET_FILE": str(jump)}
    build = bench.start(place.workspace, own)
    jumps = 0
    with jump.open("r+b", buffering=0) as offset:
        while build.running():
            time.sleep(bench.draw.uniform(0.2, 1.0))
            with contextlib.suppress(OSError):
                if "jumping_clock" in Path(f"/proc/{build.process.pid}/maps").read_text():
                    offset.seek(0)
                    offset.write(struct.pack("l", bench.draw.randrange(-900, 900) * 86_400))
                    jumps += 1
    ended = build.end()
    if ended.code:
        raise FaultError(f"a clock that jumps ended the build: {ended.lines}")
    return Ended(ended.code, ended.lines, jumps > 1)


def paused(bench: Bench, place: Place) -> Ended:
    """A build that stands still for longer than its lock lasts; another machine's takes over and ends well."""
    first = bench.start(place.workspace)
    at_a_moment(bench, place, first, least=1)
    every = [first.process.pid, *first.workers()]
    running = first.running()
    for each in every:
        os.kill(each, signal.SIGSTOP)
    apart = ["unshare", "--uts", "sh", "-c", 'hostname elsewhere && exec "$@"', "sh"]
    began = time.monotonic()
    second = bench.start(place.workspace, prefix=apart).end()
    waited = time.monotonic() - began
    for each in every:
        os.kill(each, signal.SIGCONT)
    ended = first.end()
    if second.code:
        raise FaultError(f"the lock of a build that stood still was not taken over: {second.lines}")
    return Ended(ended.code, ended.lines, running and waited > PAUSED_S * 0.7)


ANYWHERE: Final = (kill, worker, disk, two, clock)
ON_STORES: Final = (errors, flaky, slow)


def _told(ended: Ended) -> None:
    """Raises FaultError where a failure was told in anything but one line."""
    if "Traceback" in "".join(ended.lines):
        raise FaultError("a traceback: " + "\n".join(ended.lines))
    if ended.killed or ended.code == 0:
        return
    if ended.code != 1 or len(ended.lines) != 1 or not ended.lines[0].startswith("babelmix: "):
        raise FaultError(f"code {ended.code}, not one line: " + "\n".join(ended.lines))


def _whole(bench: Bench, place: Place) -> None:
    """Raises FaultError where a folder that looks finished holds other bytes than it should."""
    found = place.digests()
    for folder in place.complete():
        own = {name: digest for name, digest in found.items() if name.startswith(f"{folder}/")}
        wanted = {name: digest for name, digest in bench.reference.items() if name.startswith(f"{folder}/")}
        if own != wanted:
            raise FaultError(
                f"{place.workspace}/{folder} looks finished and is not: {sorted(own.items() ^ wanted.items())}"
            )


def one_round(
    bench: Bench, place: Place, kinds: list[Callable[[Bench, Place], Ended]], counts: Counter[str]
) -> None:
    """Builds until complete, under the faults `kinds` in turn and then undisturbed, and compares all bytes."""
    for kind in kinds:
        before = len(place.complete())
        began = time.monotonic()
        try:
            ended = kind(bench, place)
            _told(ended)
            _whole(bench, place)
        except FaultError as error:
            raise FaultError(f"{kind.__name__}: {error}") from error
        counts[kind.__name__] += ended.injected
        said = f"  {ended.lines[0][:150]}" if ended.code and not ended.killed else ""
        print(
            f"{place.workspace.rpartition('/')[2] if place.remote else 'local'} {kind.__name__}"
            f" {'came' if ended.injected else 'missed'}, code {ended.code}, folders {before} to"
            f" {len(place.complete())}, {time.monotonic() - began:.0f} s{said}",
            flush=True,
        )
        if ended.code == 0 and len(place.complete()) == len(
            [each for each in bench.reference if each.endswith("/manifest.json")]
        ):
            break
    ended = bench.start(place.workspace).end()
    if ended.code:
        raise FaultError(f"undisturbed, it failed: {ended.lines}")
    if place.digests() != bench.reference:
        differing = sorted(set(place.digests().items()) ^ set(bench.reference.items()))
        raise FaultError(f"{place.workspace}: other bytes than undisturbed: {differing}")


def run(bench: Bench, minutes: float, kinds: list[str]) -> dict[str, Any]:
    """Rounds until the time is up and every kind of fault has come; returns counts."""
    began = time.monotonic()
    print("undisturbed build", flush=True)
    quiet = Folder(bench, "undisturbed")
    ended = bench.start(quiet.workspace).end()
    if ended.code:
        raise FaultError(f"undisturbed, it failed: {ended.lines}")
    bench.reference = quiet.digests()
    quiet.close()
    print(f"{len(bench.reference)} files, {time.monotonic() - began:.0f} s", flush=True)
    counts: Counter[str] = Counter()
    rounds = Counter()
    due: list[str] = []
    while time.monotonic() - began < 60 * minutes or not all(counts[name] for name in kinds):
        if time.monotonic() - began > 60 * minutes + 60 + PATIENCE_S:
            break
        if not due:
            due = [name for name in kinds if not counts[name]] or list(kinds)
            bench.draw.shuffle(due)
        take = due[: bench.draw.randrange(1, 4)]
        due = due[len(take) :]
        chosen = [globals()[name] for name in take]
        remote = any(each in ON_STORES or each is paused for each in chosen) or bench.draw.random() < 0.4
        name = f"round-{sum(rounds.values())}"
        place: Place = Store(bench, name) if remote else Folder(bench, name)
        try:
            one_round(bench, place, chosen, counts)
        finally:
            bench.stop()
            bench.faults()
            place.close()
        rounds["store" if remote else "disk"] += 1
    return {
        "minutes": round((time.monotonic() - began) / 60, 1),
        "rounds": dict(rounds),
        "builds": bench.started,
        "faults": {name: counts[name] for name in kinds},
        "answers": dict(bench.given()),
        "files": len(bench.reference),
    }


@contextlib.contextmanager
def servers(folder: Path, seed: int) -> Iterator[tuple[str, str]]:
    """moto's S3 server, and the proxy that fails in front of it."""
    ports = [_free_port() for _ in range(2)]
    server, proxy = (f"http://127.0.0.1:{port}" for port in ports)
    with (folder / "servers.log").open("wb") as log:
        started = [
            subprocess.Popen([BIN / "moto_server", "-p", str(ports[0])], stdout=log, stderr=log),
            subprocess.Popen(
                [sys.executable, Path(__file__).with_name("faulty_store.py"), "--server", server,
                 "--port", str(ports[1]), "--seed", str(seed)], stdout=log, stderr=log,
            ),
        ]  # fmt: skip
        try:
            for port in ports:
                _wait_for(port)
            yield server, proxy
        finally:
            for each in started:
                each.kill()
                each.wait()


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 120
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return


def _mounts(folder: Path) -> bool:
    tried = folder / "tried"
    tried.mkdir()
    said = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", tried], capture_output=True)
    if said.returncode == 0:
        subprocess.run(["umount", tried], check=True)
    return said.returncode == 0


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kinds", nargs="+", metavar="KIND", help="these kinds of faults only")
    parser.add_argument("--stage4", action="store_true", help="the sample's whole stage 4, not a small recipe")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="faults-") as temporary, contextlib.ExitStack() as stack:
        folder = Path(temporary)
        (folder / "scratch").mkdir()
        bench = Bench(folder, random.Random(arguments.seed), arguments.stage4, _mounts(folder))
        bench.server, bench.proxy = stack.enter_context(servers(folder, arguments.seed))
        bench.direct = s3fs.S3FileSystem(
            endpoint_url=bench.server, key="faults", secret="faults", use_listings_cache=False
        )
        bench.direct.mkdir(BUCKET)
        (folder / "recipe.yaml").write_text(RECIPE, encoding="utf-8")
        for file in FILES:
            (folder / "mirror" / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(SAMPLE / file, folder / "mirror" / file)
        source = Path(__file__).with_name("jumping_clock.c")
        shared = ["-shared", "-fPIC", "-o", folder / "jumping_clock.so", source, "-ldl"]
        subprocess.run(["cc", *shared], check=True)
        kinds = [each.__name__ for each in (*ANYWHERE, *ON_STORES)]
        if arguments.minutes > 10 and bench.mounts:
            kinds.append("paused")
        kinds = arguments.kinds or kinds
        try:
            found = run(bench, arguments.minutes, kinds)
        except FaultError as error:
            print(f"FAILED: {error}", flush=True)
            return 1
    print(json.dumps(found) if arguments.json else "\n".join(f"{key}: {value}" for key, value in found.items()))
    missing = [name for name, count in found["faults"].items() if not count]
    if missing:
        print(f"FAILED: never came: {', '.join(missing)}")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
