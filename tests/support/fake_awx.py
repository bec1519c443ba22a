# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of the v2 API of AWX 24 that its modules call for this collection, in memory, with a record of every write.

It knows few kinds of objects and few fields, and refuses all others; what AWX answers with 400 it answers with 400.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import awx_rules as rules
from scripted_s3 import headers_of, http, serving

TOKEN = "token-of-the-fake-awx"
ROOT = "/api/v2/"
ENCRYPTED = "$encrypted$"
LOOKUPS = {"name", "organization", "organization__name", "credential_type", "identifier", "inventory"} | {
    "workflow_job_template",
    "unified_job_template",
}

Item = dict[str, Any]


class Refused(Exception):
    """An answer that is not 2xx."""

    def __init__(self, status: str, about: object) -> None:
        super().__init__(about)
        self.status = status
        self.about = about


def bad(problem: object) -> Refused:
    return Refused("400 Bad Request", {"error": problem})


@dataclass(frozen=True)
class Kind:
    """One endpoint: its fields with their defaults, those that a new object needs, those that name another object, and
    those in which no two objects may agree."""

    fields: Mapping[str, Any]
    required: tuple[str, ...] = ("name",)
    relations: Mapping[str, str] = field(default_factory=dict)
    unique: tuple[str, ...] = ("name", "organization")
    links: Mapping[str, str] = field(default_factory=dict)
    has_survey: bool = False


NAMED = {"name": "", "description": ""}
OWNED = {**NAMED, "organization": None}
ASKED = ("job_type", "limit", "tags", "credential", "diff_mode", "variables")
PROMPTS = {"job_tags": "ask_tags_on_launch", "limit": "ask_limit_on_launch", "job_type": "ask_job_type_on_launch"}
ORGANIZATION = {"organization": "organizations"}
SWITCHES = {"survey_enabled": False, "allow_simultaneous": False}
NODES = "workflow_job_template_nodes"
APPROVALS = "workflow_approval_templates"
TEMPLATE = {"unified_job_template": "unified_job_templates"}
UNIFIED = ("job_templates", "workflow_job_templates", "projects", "inventory_sources", APPROVALS)
KINDS: Mapping[str, Kind] = {
    "organizations": Kind(NAMED, unique=("name",)),
    "credential_types": Kind(
        {**NAMED, "kind": "", "inputs": {}, "injectors": {}, "managed": False}, ("name", "kind"), unique=("name",)
    ),
    "credentials": Kind(
        {**OWNED, "credential_type": None, "inputs": {}},
        ("name", "credential_type"),
        {**ORGANIZATION, "credential_type": "credential_types"},
        ("name", "organization", "credential_type"),
    ),
    "execution_environments": Kind(
        {**OWNED, "image": "", "pull": ""}, ("name", "image"), ORGANIZATION, unique=("name",)
    ),
    "projects": Kind(
        {**OWNED, "scm_type": "", "scm_url": "", "scm_branch": "", "scm_update_on_launch": False, "credential": None},
        relations={**ORGANIZATION, "credential": "credentials"},
    ),
    "inventories": Kind({**OWNED, "kind": "", "host_filter": None}, ("name", "organization"), ORGANIZATION),
    "inventory_sources": Kind(
        {**NAMED, "inventory": None, "source": "", "source_project": None, "source_path": ""}
        | {"overwrite": False, "overwrite_vars": False, "update_on_launch": False},
        ("name", "inventory", "source", "source_project", "source_path"),
        {"inventory": "inventories", "source_project": "projects"},
        ("name", "inventory"),
    ),
    "job_templates": Kind(
        {**OWNED, **SWITCHES, "inventory": None, "project": None, "playbook": "", "execution_environment": None}
        | {"extra_vars": "", "timeout": 0}
        | {f"ask_{asked}_on_launch": False for asked in ASKED},
        ("name", "inventory", "project", "playbook"),
        {**ORGANIZATION, "inventory": "inventories", "project": "projects"}
        | {"execution_environment": "execution_environments"},
        links={"credentials": "credentials"},
        has_survey=True,
    ),
    "workflow_job_templates": Kind({**OWNED, **SWITCHES}, relations=ORGANIZATION, has_survey=True),
    NODES: Kind(
        {"identifier": "", "workflow_job_template": None, "unified_job_template": None, "job_tags": None, "type": ""},
        ("identifier", "workflow_job_template"),
        {**TEMPLATE, "workflow_job_template": "workflow_job_templates"},
        ("identifier", "workflow_job_template"),
        {"success_nodes": NODES, "failure_nodes": NODES, "always_nodes": NODES},
    ),
    APPROVALS: Kind({**NAMED, "timeout": 0}, unique=()),
    "schedules": Kind(
        {**NAMED, "rrule": "", "unified_job_template": None, "extra_data": {}, "enabled": True},
        ("name", "rrule", "unified_job_template"),
        TEMPLATE,
        ("name", "unified_job_template"),
    ),
}


@dataclass(frozen=True)
class Write:
    method: str
    path: str
    body: Item


@dataclass
class FakeAwx:
    """C(playbooks) are what the project has. Ids are unique across all kinds, as those of templates are in AWX."""

    playbooks: list[str]
    objects: dict[str, dict[int, Item]] = field(default_factory=lambda: {kind: {} for kind in KINDS})
    surveys: dict[int, Item] = field(default_factory=dict)
    linked: dict[tuple[int, str], list[int]] = field(default_factory=dict)
    writes: list[Write] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.create("organizations", {"name": "Default"})

    def named(self, kind: str, name: str) -> Item:
        return next(item for item in self.objects[kind].values() if name in (item.get("name"), item.get("identifier")))

    def survey(self, name: str, kind: str = "job_templates") -> Item:
        return self.surveys.get(self.named(kind, name)["id"], {})

    def links(self, kind: str, name: str, link: str) -> list[str]:
        found = self.linked.get((self.named(kind, name)["id"], link), [])
        items = (self.objects[KINDS[kind].links[link]][number] for number in found)
        return sorted(item.get("name") or item["identifier"] for item in items)

    def create(self, kind: str, body: Item) -> Item:
        number = 1 + max((number for items in self.objects.values() for number in items), default=0)
        item = self._checked(kind, {**KINDS[kind].fields, "id": number}, body)
        if missing := [name for name in KINDS[kind].required if item[name] in ("", None)]:
            raise bad({name: ["This field is required."] for name in missing})
        self.objects[kind][number] = item
        return item

    def change(self, kind: str, number: int, body: Item) -> Item:
        self.objects[kind][number] = self._checked(kind, self.objects[kind][number], body)
        return self.objects[kind][number]

    def _checked(self, kind: str, old: Item, body: Item) -> Item:
        if unknown := set(body) - set(KINDS[kind].fields):
            raise bad(f"{kind} has no {', '.join(sorted(unknown))}")
        for name, other in KINDS[kind].relations.items():
            if body.get(name) is not None and self._find(other, body[name]) is None:
                raise bad({name: [f'Invalid pk "{body[name]}" - object does not exist.']})
        item = {**old, **body}
        for rival in self.objects[kind].values() if KINDS[kind].unique else ():
            if rival["id"] != item["id"] and all(rival.get(name) == item.get(name) for name in KINDS[kind].unique):
                raise bad({"__all__": [f"{kind} with these {', '.join(KINDS[kind].unique)} already exists."]})
        if problem := CHECKS.get(kind, _no_problem)(self, item):
            raise bad(problem)
        return item

    def _find(self, kind: str, number: int) -> Item | None:
        kinds = UNIFIED if kind == "unified_job_templates" else (kind,)
        return next((self.objects[name][number] for name in kinds if number in self.objects[name]), None)

    def answer(self, head: str, body: bytes) -> bytes:
        method, address, _version = head.split("\r\n")[0].split(" ")
        try:
            if headers_of(head).get("authorization") != f"Bearer {TOKEN}":
                raise Refused("401 Unauthorized", {"detail": "Authentication credentials were not provided."})
            status, answer = self._answer(method, address, json.loads(body) if body else {})
        except Refused as refused:
            status, answer = refused.status, refused.about
        version = {"X-API-Product-Name": "AWX", "X-API-Product-Version": "24.6.1"}
        return http(json.dumps(answer), status, Content_Type="application/json", **version)

    def _answer(self, method: str, address: str, body: Item) -> tuple[str, Any]:
        parts = urlsplit(address)
        path = parts.path.removeprefix(ROOT).strip("/").split("/")
        if method != "GET":
            self.writes.append(Write(method, parts.path.removeprefix(ROOT), body))
        if len(path) == 1 and method == "GET":
            return "200 OK", self._listing(path[0], dict(parse_qsl(parts.query)))
        if len(path) == 1 and method == "POST" and path[0] in KINDS:
            return "201 Created", self._shown(path[0], self.create(path[0], body))
        if len(path) > 1 and path[0] == "project_updates":
            return "200 OK", {"id": int(path[1]), "status": "successful"}
        item = self._find(path[0], int(path[1])) if path[0] in KINDS and len(path) > 1 else None
        if item is None:
            raise Refused("404 Not Found", {"detail": "Not found."})
        if len(path) == 2 and method in ("GET", "PATCH"):
            changed = self.change(path[0], item["id"], body) if method == "PATCH" else item
            return "200 OK", self._shown(path[0], changed)
        if len(path) == 3:
            return self._part(method, path[0], item, path[2], body)
        raise Refused("405 Method Not Allowed", {"detail": f"{method} is not allowed."})

    def _part(self, method: str, kind: str, item: Item, part: str, body: Item) -> tuple[str, Any]:
        if part in KINDS[kind].links:
            return self._link(method, item, KINDS[kind].links[part], part, body)
        if part == "survey_spec" and KINDS[kind].has_survey:
            if method == "POST":
                if problem := rules.survey_problem(body):
                    raise bad(problem)
                self.surveys[item["id"]] = body
            return "200 OK", self.surveys.get(item["id"], {})
        if (kind, part, method) == (NODES, "create_approval_template", "POST"):
            approval = self.create(APPROVALS, body)
            item["unified_job_template"] = approval["id"]
            return "201 Created", self._shown(APPROVALS, approval)
        raise Refused("404 Not Found", {"detail": "Not found."})

    def _link(self, method: str, item: Item, other: str, link: str, body: Item) -> tuple[str, Any]:
        numbers = self.linked.setdefault((item["id"], link), [])
        if method == "GET":
            return "200 OK", _page([self._shown(other, self.objects[other][number]) for number in numbers])
        if body.get("disassociate"):
            numbers.remove(body["id"])
            return "204 No Content", ""
        linked = self._find(other, body["id"])
        if linked is None:
            raise bad("there is no such object")
        kinds = [self.objects[other][number].get("credential_type") for number in numbers]
        if other == "credentials" and linked["credential_type"] in kinds:
            raise bad("Cannot assign multiple credentials of one type.")
        numbers.append(body["id"])
        return "204 No Content", ""

    def _listing(self, kind: str, query: Mapping[str, str]) -> Item:
        if unknown := set(query) - LOOKUPS:
            raise bad(f"no field to look for: {', '.join(sorted(unknown))}")
        if kind not in (*KINDS, "unified_job_templates"):
            raise Refused("404 Not Found", {"detail": "Not found."})
        kinds = UNIFIED if kind == "unified_job_templates" else (kind,)
        shown = [self._shown(name, item) for name in kinds for item in self.objects[name].values()]
        return _page([item for item in shown if all(self._matches(item, *pair) for pair in query.items())])

    def _matches(self, item: Item, name: str, value: str) -> bool:
        if name == "organization__name":
            owner = self.objects["organizations"].get(item.get("organization") or 0, {})
            return bool(owner.get("name") == value)
        return name in item and str(item[name]) == value

    def _shown(self, kind: str, item: Item) -> Item:
        address = f"{ROOT}{kind}/{item['id']}/"
        related = {link: f"{address}{link}/" for link in KINDS[kind].links}
        if KINDS[kind].has_survey:
            related["survey_spec"] = f"{address}survey_spec/"
        if kind == NODES and item["unified_job_template"] is not None:
            number = item["unified_job_template"]
            other = next(name for name in UNIFIED if number in self.objects[name])
            related["unified_job_template"] = f"{ROOT}{other}/{number}/"
        shown = {"type": kind.removesuffix("s"), **item, "url": address, "related": related, "summary_fields": {}}
        if kind == NODES:
            shown["type"] = "workflow_job_template_node"
        if kind == "projects":
            shown |= {"scm_revision": "0" * 40, "summary_fields": {"current_update": {"id": item["id"]}}}
        if kind == "credentials":
            secret = {one["id"] for one in self._type_of(item)["inputs"]["fields"] if one.get("secret")}
            shown["inputs"] = {name: ENCRYPTED if name in secret else it for name, it in item["inputs"].items()}
        return shown

    def _type_of(self, credential: Item) -> Item:
        return self.objects["credential_types"][credential["credential_type"]]

    def credential_problem(self, item: Item) -> str:
        fields = {one["id"]: one.get("type", "string") for one in self._type_of(item)["inputs"]["fields"]}
        odd = [name for name, value in item["inputs"].items() if fields.get(name) != _type_name(value)]
        return f"inputs: {', '.join(odd)}" if odd else ""

    def template_problem(self, item: Item) -> str:
        return "" if item["playbook"] in self.playbooks else "Playbook not found for project."

    def node_problem(self, item: Item) -> str:
        template = self._find("unified_job_templates", item["unified_job_template"] or 0) or {}
        refused = [prompt for prompt, ask in PROMPTS.items() if item.get(prompt) and not template.get(ask)]
        return f"{', '.join(refused)}: Field is not configured to prompt on launch." if refused else ""

    def schedule_problem(self, item: Item) -> str:
        survey = self.surveys.get(item["unified_job_template"], {})
        return rules.rule_problem(item["rrule"]) or rules.launch_problem(survey, item["extra_data"])


def _no_problem(_awx: FakeAwx, _item: Item) -> str:
    return ""


CHECKS: Mapping[str, Callable[[FakeAwx, Item], str]] = {
    "credential_types": lambda _awx, item: rules.credential_type_problem(item["inputs"], item["injectors"]),
    "credentials": FakeAwx.credential_problem,
    "job_templates": FakeAwx.template_problem,
    NODES: FakeAwx.node_problem,
    "schedules": FakeAwx.schedule_problem,
}


def _type_name(value: object) -> str:
    return {str: "string", bool: "boolean"}.get(type(value), "")


def _page(items: list[Item]) -> Item:
    return {"count": len(items), "next": None, "previous": None, "results": items}


@contextmanager
def running(awx: FakeAwx) -> Iterator[dict[str, str]]:
    """The environment in which the modules of AWX find it."""
    with serving(awx.answer) as port:
        yield {"CONTROLLER_HOST": f"http://127.0.0.1:{port}", "CONTROLLER_OAUTH_TOKEN": TOKEN}
