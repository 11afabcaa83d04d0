"""A run as JSON-LD, by the Workflow Run and Provenance Run Crate profiles 0.5 (on RO-Crate 1.1).

The workflow is the main entity, rules are its tools and steps, the run and each of its attempts are
`CreateAction`s; what they read and made are files of the crate, or, where the file is not in it, a
`CreativeWork` with its size and digest. Names of properties: https://w3id.org/ro/wfrun and
https://www.researchobject.org/ro-crate/specification/1.1.
"""

from __future__ import annotations

import mimetypes
import time
from urllib.parse import quote

from rulekit import __version__
from rulekit.crate.facts import environment_file, script_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from rulekit.crate.facts import JobFacts, RunFacts
    from rulekit.crate.payload import Payload
    from rulekit.model.rule import Rule

CONTEXT = [
    "https://w3id.org/ro/crate/1.1/context",
    "https://w3id.org/ro/terms/workflow-run/context",
]
_PROFILES = (
    ("https://w3id.org/ro/wfrun/process/0.5", "Process Run Crate", "0.5"),
    ("https://w3id.org/ro/wfrun/workflow/0.5", "Workflow Run Crate", "0.5"),
    ("https://w3id.org/ro/wfrun/provenance/0.5", "Provenance Run Crate", "0.5"),
    ("https://w3id.org/workflowhub/workflow-ro-crate/1.0", "Workflow RO-Crate", "1.0"),
)
_LANGUAGE = "https://w3id.org/workflowhub/workflow-ro-crate#snakemake"
_ENGINE = "#rulekit"
_AGENT = "#agent"
_LICENCE = "#licence"


def metadata(facts: RunFacts, payload: Payload, agent: str, now: float) -> dict[str, Any]:
    """The content of ``ro-crate-metadata.json``. `agent` is the name of who ran it, maybe empty."""
    return _Graph(facts, payload).document(agent, now)


class _Graph:
    def __init__(self, facts: RunFacts, payload: Payload) -> None:
        self._facts = facts
        self._payload = payload
        self._rule_files = frozenset(facts.rule_files)
        self._entities: dict[str, dict[str, Any]] = {}
        self._parts: dict[str, None] = {}

    def document(self, agent: str, now: float) -> dict[str, Any]:
        facts = self._facts
        main = self._workflow()
        for path in (*facts.rule_files[1:], *facts.config_files, *facts.other_files):
            self._file(path)
        if agent:
            self._add({"@id": _AGENT, "@type": "Person", "name": agent})
        who = {"agent": {"@id": _AGENT}} if agent else {}
        jobs = [self._job(number, job, who) for number, job in enumerate(facts.jobs, 1)]
        whole = self._run(main, who)
        for path in self._payload.places:
            self._file(path)
        begun = time.strftime("%Y-%m-%d %H:%M", time.localtime(facts.run.started))
        root: dict[str, Any] = {
            "@id": "./",
            "@type": "Dataset",
            "name": f"{facts.title}: run of {begun}",
            "description": f"A run of the workflow {facts.title} by rulekit {__version__}: its "
            "files, its jobs, and what made what.",
            "datePublished": iso(now),
            "license": {"@id": _LICENCE},
            "conformsTo": [{"@id": profile} for profile, _, _ in _PROFILES],
            "mainEntity": {"@id": main},
            "hasPart": [{"@id": name} for name in self._parts],
            "mentions": [{"@id": name} for name in (whole, *jobs)],
        }
        for profile, name, version in _PROFILES:
            self._add({"@id": profile, "@type": "CreativeWork", "name": name, "version": version})
        self._add(
            {
                "@id": _LICENCE,
                "@type": "CreativeWork",
                "name": "No licence stated",
                "description": "Whoever publishes this crate says here under which terms.",
            }
        )
        head: dict[str, Any] = {
            "@id": "ro-crate-metadata.json",
            "@type": "CreativeWork",
            "about": {"@id": "./"},
            "conformsTo": [{"@id": "https://w3id.org/ro/crate/1.1"}, {"@id": _PROFILES[-1][0]}],
        }
        preview: dict[str, Any] = {
            "@id": "ro-crate-preview.html",
            "@type": "CreativeWork",
            "about": {"@id": "./"},
        }
        entities = (head, root, preview, *self._entities.values())
        return {"@context": CONTEXT, "@graph": [_tidy(one) for one in entities]}

    def _add(self, entity: dict[str, Any]) -> str:
        name: str = entity["@id"]
        self._entities.setdefault(name, entity)
        return name

    # -- the workflow ------------------------------------------------------------------------

    def _workflow(self) -> str:
        facts = self._facts
        main = self._file(facts.rule_files[0])
        # Of this run only, as the profile wants it; one may not be in the rule file any more.
        known = {rule.name: rule for rule in facts.rules}
        used = dict.fromkeys(job.work.rule for job in facts.jobs)
        rules = {name: known.get(name) for name in used}
        tools = [self._tool(name, rule) for name, rule in rules.items()]
        steps = [self._step(name, len(rules)) for name in rules]
        entity = self._entities[main]
        entity["@type"] = ["File", "SoftwareSourceCode", "ComputationalWorkflow", "HowTo"]
        entity["name"] = facts.title
        entity["programmingLanguage"] = {"@id": _LANGUAGE}
        parts = [self._file(path) for path in facts.rule_files[1:]]
        entity["hasPart"] = [{"@id": name} for name in (*tools, *parts)]
        entity["step"] = [{"@id": name} for name in steps]
        self._add(
            {
                "@id": _LANGUAGE,
                "@type": "ComputerLanguage",
                "name": "Snakemake",
                "identifier": {"@id": "https://snakemake.github.io/"},
                "url": {"@id": "https://snakemake.github.io/"},
            }
        )
        return main

    def _tool(self, name: str, rule: Rule | None) -> str:
        entity: dict[str, Any] = {
            "@id": f"#rule/{_quoted(name)}",
            "@type": "SoftwareApplication",
            "name": name,
        }
        if rule is not None:
            if rule.docstring:
                entity["description"] = rule.docstring.strip()
            known = [
                self._file(path)
                for path in (environment_file(rule), script_file(rule))
                if path is not None and path in self._payload.places
            ]
            entity["softwareRequirements"] = [{"@id": place} for place in known]
        return self._add(entity)

    def _step(self, name: str, last: int) -> str:
        return self._add(
            {
                "@id": f"#step/{_quoted(name)}",
                "@type": "HowToStep",
                "name": name,
                "position": str(self._facts.order.get(name, last)),
                "workExample": {"@id": f"#rule/{_quoted(name)}"},
            }
        )

    # -- actions -----------------------------------------------------------------------------

    def _run(self, main: str, who: dict[str, Any]) -> str:
        facts, run = self._facts, self._facts.run
        entity: dict[str, Any] = {
            "@id": f"#run/{_quoted(run.name)}",
            "@type": "CreateAction",
            "name": f"Run {run.name}",
            "description": run.command or "a run of the workflow",
            "instrument": {"@id": main},
            "startTime": iso(run.started),
            "object": [{"@id": self._file(path)} for path in facts.sources],
            "result": [{"@id": self._file(path)} for path in facts.results],
        }
        entity["object"] += [{"@id": self._file(path)} for path in facts.config_files]
        entity.update(who)
        failed = [job for job in facts.jobs if job.work.cause]
        if run.ended is not None:
            entity["endTime"] = iso(run.ended)
        _status(entity, run.ok, f"{len(failed)} attempts failed" if failed else "it was stopped")
        if run.ok is None and run.live:
            entity["actionStatus"] = "http://schema.org/ActiveActionStatus"
            entity.pop("error", None)
        self._add(
            {
                "@id": _ENGINE,
                "@type": "SoftwareApplication",
                "name": "rulekit",
                "softwareVersion": __version__,
            }
        )
        organise = {
            "@id": f"#engine/{_quoted(run.name)}",
            "@type": "OrganizeAction",
            "name": f"rulekit {__version__} on this run",
            "instrument": {"@id": _ENGINE},
            "object": [{"@id": f"#control/{at}"} for at in range(1, len(facts.jobs) + 1)],
            "result": {"@id": entity["@id"]},
            "startTime": entity["startTime"],
            **who,
        }
        if "endTime" in entity:
            organise["endTime"] = entity["endTime"]
        self._add(organise)
        return self._add(entity)

    def _job(self, number: int, job: JobFacts, who: dict[str, Any]) -> str:
        work = job.work
        entity: dict[str, Any] = {
            "@id": f"#job/{number}",
            "@type": "CreateAction",
            "name": work.key if work.number == 1 else f"{work.key}, attempt {work.number}",
            "instrument": {"@id": f"#rule/{_quoted(work.rule)}"},
            "startTime": iso(work.started),
            "object": [{"@id": self._file(path)} for path in job.inputs],
            "result": [{"@id": self._file(path)} for path in job.outputs],
            "description": job.command or f"a job of rule {work.rule}",
            **who,
        }
        self._add(
            {
                "@id": f"#control/{number}",
                "@type": "ControlAction",
                "name": f"rulekit on {entity['name']}",
                "instrument": {"@id": f"#step/{_quoted(work.rule)}"},
                "object": {"@id": entity["@id"]},
            }
        )
        if work.ended is not None:
            entity["endTime"] = iso(work.ended)
            _status(entity, not work.cause, work.cause)
        else:
            entity["actionStatus"] = "http://schema.org/ActiveActionStatus"
        for line in job.environment.split("\n"):
            if line.startswith("container "):
                entity["containerImage"] = {"@id": self._image(line.removeprefix("container "))}
        logs = [path for path in work.logs if path in self._payload.places]
        if logs:
            entity["subjectOf"] = [{"@id": self._file(path)} for path in logs]
        used = [
            self._usage(number, name, value, unit)
            for name, value, unit in (
                ("cpuTime", work.cpu_s, "SEC"),
                ("maximumMemory", work.rss_kb, "KibiBYTE"),
            )
            if value is not None
        ]
        if used:
            entity["resourceUsage"] = [{"@id": name} for name in used]
        return self._add(entity)

    def _usage(self, number: int, name: str, value: float, unit: str) -> str:
        return self._add(
            {
                "@id": f"#job/{number}/{name}",
                "@type": "PropertyValue",
                "name": name,
                "propertyID": name,
                "value": f"{value:g}",
                "unitCode": f"http://qudt.org/vocab/unit/{unit}",
            }
        )

    def _image(self, text: str) -> str:
        name = text.strip()
        registry, _, rest = name.removeprefix("docker://").rpartition("/")
        image, _, tag = rest.partition(":")
        entity = {
            "@id": f"#image/{_quoted(name)}",
            "@type": "ContainerImage",
            "additionalType": {
                "@id": "https://w3id.org/ro/terms/workflow-run#"
                + ("SIFImage" if name.endswith(".sif") else "DockerImage")
            },
            "name": f"{registry}/{image}" if registry else image,
        }
        if tag:
            entity["tag"] = tag
        return self._add(entity)

    # -- files -------------------------------------------------------------------------------

    def _file(self, path: str) -> str:
        """The entity of a file: a part of the crate, or the description of one that is not."""
        facts = self._facts.files.get(path)
        place = self._payload.places.get(path)
        if place is None:
            entity: dict[str, Any] = {"@type": "CreativeWork"}
            entity["@id"] = path if "://" in path else f"#file/{_quoted(path)}"
            entity["name"] = _shown(path)
        else:
            entity = {"@type": "Dataset" if place.endswith("/") else "File"}
            entity["@id"] = _quoted(place)
            entity["name"] = _shown(place.rstrip("/"))
            self._parts[entity["@id"]] = None
            if entity["@type"] == "File":
                kind = "text/plain" if path in self._rule_files else mimetypes.guess_type(place)[0]
                entity["encodingFormat"] = kind or "application/octet-stream"
        if facts is not None:
            if facts.size is not None and entity["@type"] != "Dataset":
                entity["contentSize"] = str(facts.size)
            if facts.changed:
                entity["dateModified"] = iso(facts.changed)
            if facts.digest is not None and facts.digest.startswith("sha256:"):
                entity["sha256"] = facts.digest.removeprefix("sha256:")
        return self._add(entity)


def _tidy(entity: dict[str, Any]) -> dict[str, Any]:
    """One value stands for itself, none is left out: so the specification wants it."""
    made = {}
    for name, value in entity.items():
        if isinstance(value, list):
            if not value:
                continue
            made[name] = value[0] if len(value) == 1 else value
        else:
            made[name] = value
    return made


def _status(entity: dict[str, Any], ok: bool | None, cause: str) -> None:
    if ok:
        entity["actionStatus"] = "http://schema.org/CompletedActionStatus"
        return
    entity["actionStatus"] = "http://schema.org/FailedActionStatus"
    entity["error"] = cause


def iso(moment: float) -> str:
    """A time as ISO 8601, in UTC."""
    return time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(moment))


def _quoted(path: str) -> str:
    return quote(path, safe="/:@!$&'()*+,;=~", errors="surrogateescape").replace(":", "%3A")


def _shown(path: str) -> str:
    return path.encode("utf-8", "backslashreplace").decode()
