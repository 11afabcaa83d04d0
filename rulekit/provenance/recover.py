"""What a killed run left behind is brought to an end, at every start, without being asked.

For each journal whose owner is gone:

1. If its runner process lives, its jobs are waited for (it writes their results) or stopped.
2. Processes of its jobs that nobody watches over are stopped: their result can never be known.
3. Results are committed if the outputs still are what the result says.
4. Outputs of attempts that were (perhaps) started and have no result are set aside, to
   ``.rulekit/aside/<run>/``, and noted as incomplete: nobody ever takes them for finished. Files
   in remote storage are only noted: they are whole, but nobody vouches for them.
5. Only then the journal is removed.

Killed at any point, it can be done again: committing and setting aside twice changes nothing.
"""

from __future__ import annotations

import fcntl
import os
import select
import signal
import time

from rulekit.errors.tree import InfrastructureError
from rulekit.frozen import frozen
from rulekit.model.spec import FileResult
from rulekit.provenance import journal, locks
from rulekit.provenance.facts import Finished
from rulekit.provenance.kept import flat, free_name
from rulekit.provenance.owner import ALIVE, FOREIGN, is_running
from rulekit.provenance.unfinished import is_same
from rulekit.runner import digests, files, leftovers, orphans

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from rulekit.provenance.journal import Past
    from rulekit.provenance.store import Store
    from rulekit.provenance.unfinished import Elsewhere


@frozen
class Recovery:
    """What was found and done. All empty: there was nothing."""

    runs: tuple[str, ...] = ()  # of which a journal was left behind
    committed: tuple[str, ...] = ()  # keys of jobs that had finished
    adopted: tuple[str, ...] = ()  # keys of jobs that still ran and were waited for
    stopped: int = 0  # processes that had to be stopped
    incomplete: tuple[str, ...] = ()  # outputs nobody vouches for
    aside: tuple[tuple[str, str], ...] = ()  # (output, where it is now)
    foreign: tuple[str, ...] = ()  # owners on other hosts whose journals were left alone
    pending: tuple[Past, ...] = ()  # runs with attempts on other machines; their journals stay
    unneeded: tuple[str, ...] = ()  # temporary outputs in storage, to be removed


def recover(
    state_dir: str,
    store: Store,
    say: Callable[[str], None] | None = None,
    *,
    stop: bool = False,
    take_over: bool = False,
    keep_incomplete: bool = False,
    elsewhere: Elsewhere | None = None,
    adopts: bool = False,
) -> Recovery:
    """Bring every unfinished run of this state directory to its end.

    `say` gets a sentence now and then (while jobs are waited for, and about what was set aside).
    `stop`: jobs that still run are stopped, not waited for. `take_over`: journals of other hosts
    too are taken for abandoned. `keep_incomplete`: unfinished outputs stay where they are, but
    are noted as incomplete all the same. `elsewhere` knows the files that are not on this disk.
    `adopts`: attempts on other machines will be taken over, so journals that tell of them stay.
    Raises InfrastructureError, StateError.
    """
    paths = journal.left_behind(state_dir)
    if not paths:
        return Recovery()
    journal.sweep(state_dir)
    # What the recovery before this one set aside has had its time.
    discard_aside(state_dir)
    here = os.getcwd()
    state_dir = os.path.abspath(state_dir)
    moved = journal.taken_over(_readable(paths)) if len(paths) > 1 else {}
    work = _Recovering(
        state_dir, store, say or (lambda _text: None), stop, keep_incomplete, elsewhere, adopts
    )
    work.moved = {os.path.abspath(path): tokens for path, tokens in moved.items()}
    try:
        for path in paths:
            os.chdir(here)
            work.one(os.path.abspath(path), take_over)
    finally:
        os.chdir(here)
    return work.result()


def _readable(paths: Iterable[str]) -> Iterator[Past]:
    for path in paths:
        try:
            yield journal.read(path)
        except FileNotFoundError:  # it has come to its end in this moment
            continue


def discard_aside(state_dir: str) -> None:
    """Throw away what recoveries set aside: for the end of a run that went well."""
    try:
        files.remove(os.path.join(state_dir, "aside"))
    except OSError:
        pass


class _Recovering:
    def __init__(
        self,
        state_dir: str,
        store: Store,
        say: Callable[[str], None],
        stop: bool,
        keep: bool,
        elsewhere: Elsewhere | None,
        adopts: bool,
    ) -> None:
        self.state_dir = state_dir
        self.store = store
        self.say = say
        self.stop = stop
        self.keep = keep
        self.elsewhere = elsewhere
        self.adopts = adopts
        self.pending: list[Past] = []
        self.moved: Mapping[str, Mapping[str, Past]] = {}
        self.runs: list[str] = []
        self.committed: list[str] = []
        self.adopted: list[str] = []
        self.stopped = 0
        self.incomplete: list[str] = []
        self.aside: list[tuple[str, str]] = []
        self.foreign: list[str] = []
        self.unneeded: list[str] = []
        self.vouched: set[str] = set()
        self.known: Mapping[str, tuple[int, int, int, str | None]] | None = None

    def result(self) -> Recovery:
        return Recovery(
            tuple(self.runs),
            tuple(self.committed),
            tuple(self.adopted),
            self.stopped,
            tuple(self.incomplete),
            tuple(self.aside),
            tuple(self.foreign),
            tuple(self.pending),
            tuple(self.unneeded),
        )

    def one(self, path: str, take_over: bool) -> None:
        """Recover one journal, unless its run goes on or another process is at it."""
        try:
            past = journal.read(path)
        except FileNotFoundError:  # it has come to its end in this moment
            return
        state = None if past.owner is None else past.owner.state()
        if state == ALIVE:
            return
        moved = self.moved.get(past.path, {})
        if any(later.owner and later.owner.state() == ALIVE for later in moved.values()):
            return  # the run that took its attempts over sees to all of it
        past.drop(moved)
        if state == FOREIGN and not take_over:
            self.foreign.append(str(past.owner))
            return
        # Two starts at once would set each other's new outputs aside: one at a time. The lock
        # goes with the process that holds it.
        try:
            file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return
        try:
            self._lock(file, past)
            if not os.path.exists(path):
                return
            self._bring_to_end(past, local=state != FOREIGN)
        except OSError as error:
            raise InfrastructureError(
                f"the run `{past.run}` that was killed cannot be recovered:"
                f" {(error.strerror or str(error)).lower()}",
                code="RK0606",
                notes=(f"its journal is `{path}`",),
                help="free some space or make the folder writable, and run again",
            ) from error
        finally:
            os.close(file)

    def _lock(self, file: int, past: Past) -> None:
        # Not lockf: that lock would go when the journal is read by way of another descriptor.
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            pass
        except OSError:
            return  # a file system without locks: then there is nothing better to be had
        self.say(f"another process is recovering the run `{past.run}`: waiting for it")
        fcntl.flock(file, fcntl.LOCK_EX)

    def _bring_to_end(self, past: Past, local: bool) -> None:
        self.runs.append(past.run)
        self.known = None
        if local:
            running = past.maybe_started()
            self._end_processes(past, running)
            if past.host is not None:
                # Its last lines may have been written since.
                past = journal.read(past.path)
                past.drop(self.moved.get(past.path, {}))
                self.adopted += [
                    past.intents[token].key for token in running if token in past.results
                ]
        if past.workdir and os.path.isdir(past.workdir):
            os.chdir(past.workdir)
        self._commit(past)
        untouched = self._find_untouched(past)
        doubtful = self._set_aside(past, untouched)
        self._restore_updated(past)
        self._remove_temporary(past)
        if doubtful:
            self.store.mark_incomplete(doubtful)
            self.incomplete += doubtful
        leftovers.sweep(self.state_dir, (past.run, *past.intents))
        locks.clear(self.state_dir, past.run)
        if past.places:
            if self.adopts:
                self.pending.append(past)
                return
            self.say(
                f"the run `{past.run}` was killed; tasks of it may still be on Azure Batch. Run again"
                " with --az-batch to take them over, or `rulekit azure gc` to remove them"
            )
        os.unlink(past.path)
        journal.sync_folder(os.path.dirname(past.path))

    # --- processes ------------------------------------------------------------------------

    def _end_processes(self, past: Past, running: list[str]) -> None:
        """Wait for the runner process of the dead run, or end it and all of its jobs."""
        host = past.host
        if host is not None and is_running(*host):
            if self.stop:
                try:
                    os.kill(host[0], signal.SIGKILL)
                except ProcessLookupError:
                    pass  # it has just ended by itself
            else:
                names = ", ".join(f"`{past.intents[token].key}`" for token in running[:3])
                more = f" and {len(running) - 3} more" if len(running) > 3 else ""
                self.say(
                    f"the run `{past.run}` was killed, but its jobs still run: waiting for"
                    f" {names or 'its runner process'}{more}"
                )
            _wait_for(*host)
        if not running:
            return
        self.stopped += orphans.stop(set(running))

    # --- results --------------------------------------------------------------------------

    def _commit(self, past: Past) -> None:
        """Commit the results whose outputs are still what the result says."""
        batch: list[Finished] = []
        self.vouched = set()
        strict = past.owner is None or past.owner.rebooted()
        for token, result in past.results.items():
            facts = past.intents.get(token)
            if result.ok:
                fit = [output.path for output in result.outputs if self._still_is(output, strict)]
                self.vouched.update(fit)
                # One that is gone was temporary, and its last reader is done; or somebody took it
                # away: either way it is made again only if it is needed.
                gone = [o.path for o in result.outputs if not self._there(o.path)]
                if len(fit) + len(gone) != len(result.outputs):
                    continue
            if facts is not None and token not in past.committed:
                batch.append(Finished(facts, result))
        if batch:
            begun = (past.time, past.owner.host if past.owner is not None else "", "")
            self.store.commit(batch, past.run, begun=begun)
            self.committed += [done.facts.key for done in batch if done.result.ok]

    def _backups(self, past: Past) -> list[tuple[str, str]]:
        """Outputs of unfinished attempts, and where their old state is if they were to be updated."""
        return [
            (path, os.path.join(self.state_dir, "tmp", f"{token}.update.{number}"))
            for token in past.maybe_started()
            for number, path in enumerate(past.intents[token].outputs)
        ]

    def _find_untouched(self, past: Past) -> set[str]:
        """Outputs that were about to be saved when the attempt was killed, or are restored."""
        return {path for path, backup in self._backups(past) if os.path.lexists(f"{backup}.part")}

    def _restore_updated(self, past: Past) -> None:
        """Put the old state of outputs back that an unfinished attempt was to update."""
        for path, backup in self._backups(past):
            if os.path.lexists(backup):
                # If this is killed too, the next recovery sees that the file is whole again.
                files.touch(f"{backup}.part")
                files.remove(path)
                os.rename(backup, path)

    def _set_aside(self, past: Past, untouched: set[str]) -> list[str]:
        """Move away what nobody vouches for; the paths, whether or not there was something."""
        doubtful = past.doubtful()
        for result in past.results.values():
            # The crash of a machine may have taken the content of a finished file.
            if result.ok and past.owner is not None and past.owner.rebooted():
                doubtful += [o.path for o in result.outputs if self._there(o.path)]
        doubtful = [
            path
            for path in dict.fromkeys(doubtful)
            if path not in self.vouched | untouched and not self._is_on_record(path)
        ]
        # A failed job leaves an output in place only if it was told to: that is not to be trusted
        # either, but to be kept.
        kept = [
            path
            for token, result in past.results.items()
            if not result.ok and token in past.intents
            for path in past.intents[token].outputs
            if path not in self.vouched and self._there(path) and not self._is_on_record(path)
        ]
        if self.keep:
            return [*doubtful, *kept]
        folder = os.path.join(self.state_dir, "aside", past.run)
        before = len(self.aside)
        for path in doubtful:
            if self._is_elsewhere(path) or not os.path.lexists(path):
                continue
            target = free_name(os.path.join(folder, flat(path)))
            os.makedirs(os.path.dirname(target), exist_ok=True)
            try:
                os.rename(path, target)
            except FileNotFoundError:
                continue
            except OSError:
                # Another file system: a copy would be large and is worth nothing.
                files.remove(path)
                target = ""
            self.aside.append((path, target))
        count = len(self.aside) - before
        if count:
            files_were = "files were" if count > 1 else "file was"
            self.say(f"{count} unfinished output {files_were} set aside to `{folder}`")
        return [*doubtful, *kept]

    def _remove_temporary(self, past: Past) -> None:
        """Temporary outputs whose last reader ended when the run could not remove them any more.
        Only what still is what that reader read, or what was made, goes."""
        if not past.temps:
            return
        seen: dict[str, dict[str, FileResult]] = {}  # path: the jobs that are done with it
        makers: dict[str, FileResult] = {}
        for token, result in past.results.items():
            facts = past.intents.get(token)
            if not result.ok or facts is None or token in past.told:
                continue
            if any(o.path not in self.vouched and self._there(o.path) for o in result.outputs):
                continue  # it will run again
            makers.update((one.path, one) for one in result.outputs if one.path in past.temps)
            for one in result.inputs:
                if one.path in past.temps:
                    seen.setdefault(one.path, {})[facts.key] = one
        removed = 0
        for path, count in past.temps.items():
            readers = seen.get(path, {})
            last = next(iter(readers.values()), makers.get(path))
            if len(readers) < count or last is None or not self._still_is(last, strict=False):
                continue
            if self._is_elsewhere(path):
                self.unneeded.append(path)
            else:
                try:
                    files.remove(path)
                except OSError:
                    continue  # in a folder that is read-only now: no reason not to go on
            removed += 1
        if removed:
            what, them = ("outputs", "them") if removed > 1 else ("output", "it")
            self.say(
                f"{removed} temporary {what} of the run `{past.run}`, which was killed, removed:"
                f" nobody needs {them} now"
            )

    def _is_on_record(self, path: str) -> bool:
        """Whether a file is still what an earlier run made: then no attempt has touched it."""
        if self.known is None:
            self.known = self.store.snapshot().outputs
        row = self.known.get(path)
        return row is not None and self._still_is(FileResult(path, row[1], row[2], row[3]), False)

    def _is_elsewhere(self, path: str) -> bool:
        return self.elsewhere is not None and self.elsewhere.is_stored(path)

    def _there(self, path: str) -> bool:
        if self._is_elsewhere(path):
            assert self.elsewhere is not None
            return self.elsewhere.exists(path)
        return os.path.lexists(path)

    def _still_is(self, output: FileResult, strict: bool) -> bool:
        if self._is_elsewhere(output.path):
            assert self.elsewhere is not None
            return is_same(self.elsewhere, output.path, output.mtime_ns, output.size, output.digest)
        return _still_is(output, strict)


def _still_is(output: FileResult, strict: bool) -> bool:
    """Whether a file is what a result says; `strict`: by its content where that is known.

    After a crash of the machine a file may have the right size and time, but not its content.
    """
    try:
        own = os.lstat(output.path)
        mtime, size, content = files.stamp(output.path, own)
    except OSError:
        return False
    if output.size < 0:
        # One that was begun anew has no marker yet, and so another time.
        return size < 0 and output.mtime_ns == mtime
    if size != output.size or output.mtime_ns not in (own.st_mtime_ns, mtime):
        return False
    if strict and output.digest is not None:
        return digests.sha256(output.path, content) == output.digest
    return True


def _wait_for(pid: int, start: int) -> None:
    """Wait for the end of a process that is no child of this one."""
    try:
        file = os.pidfd_open(pid)
    except (OSError, AttributeError):
        file = -1
    try:
        poll = select.poll()
        if file >= 0:
            poll.register(file, select.POLLIN)
        while is_running(pid, start):
            if file >= 0:
                poll.poll(1000)
            else:
                time.sleep(0.1)
    finally:
        if file >= 0:
            os.close(file)
