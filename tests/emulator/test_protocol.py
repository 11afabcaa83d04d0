"""The protocol by hand: signatures, versions, bodies, headers, pages, conditions."""

from __future__ import annotations

import time
import urllib.parse

import pytest
from azure.core import MatchConditions
from azure.core.credentials import AccessToken
from azure.core.exceptions import HttpResponseError
from emukit import (
    VERSION,
    Raw,
    add,
    client_of,
    finished,
    machine,
    make_job,
    make_pool,
    refused,
    running,
    shell,
)

from rulekit.emulator import auth, formats
from rulekit.emulator.server import Emulator

POOL = {
    "id": "pool",
    "vmSize": "Standard_D2_v3",
    "virtualMachineConfiguration": machine().as_dict(),
}


@pytest.fixture(scope="module")
def emulator():
    with Emulator() as made:
        yield made
        assert made.errors == []


@pytest.fixture
def raw(emulator):
    return Raw(emulator)


def wrong(answer, status, code):
    got, headers, body = answer
    assert (got, body["code"]) == (status, code), body
    assert body["message"]["lang"] == "en-US"
    assert f"\nRequestId:{headers['request-id']}\nTime:" in body["message"]["value"]
    assert body["odata.metadata"].endswith("Container.errors/@Element")
    assert headers["dataserviceversion"] == "3.0"
    return {v["key"]: v["value"] for v in body.get("values", ())}


def test_signatures(raw):
    assert raw("GET", "/pools")[0] == 200
    other = auth.base64.b64encode(b"another key").decode()
    wrong(raw("GET", "/pools", key=other), 403, "AuthenticationFailed")
    wrong(raw("GET", "/pools", sign=False), 401, "AuthenticationFailed")
    for header in ("", "SharedKey", "SharedKey emulated", "SharedKey nobody:abc", "Basic abc"):
        answer = raw("GET", "/pools", headers={"authorization": header})
        assert answer[0] in (401, 403), header
        assert answer[2]["code"] == "AuthenticationFailed"
    # A stranger does not learn which addresses there are.
    wrong(raw("GET", "/nothing/here", sign=False), 401, "AuthenticationFailed")


def test_what_is_signed_counts(raw, emulator):
    """A request that was changed on its way is refused."""
    from rulekit.emulator.messages import Call

    when = formats.http_date(time.time())
    headers = {"ocp-date": when, "host": "x"}
    text = auth.string_to_sign(
        Call("GET", f"/pools?api-version={VERSION}&maxresults=5", headers, b""), emulator.account
    )
    signed = f"SharedKey {emulator.account}:{auth.signature(text, emulator.key)}"
    sent = {"ocp-date": when, "authorization": signed}
    good = {"api-version": VERSION, "maxresults": "5"}
    assert raw("GET", "/pools", query=good, headers=sent)[0] == 200
    wrong(
        raw("GET", "/pools", query={**good, "maxresults": "6"}, headers=sent),
        403,
        "AuthenticationFailed",
    )
    wrong(raw("GET", "/jobs", query=good, headers=sent), 403, "AuthenticationFailed")
    wrong(raw("POST", "/pools", query=good, headers=sent), 403, "AuthenticationFailed")
    late = {**sent, "ocp-date": formats.http_date(time.time() - 60)}
    wrong(raw("GET", "/pools", query=good, headers=late), 403, "AuthenticationFailed")


@pytest.mark.parametrize("shift,status", [(-880, 200), (880, 200), (-920, 403), (920, 403)])
def test_the_window_of_fifteen_minutes(raw, shift, status):
    when = formats.http_date(time.time() + shift)
    assert raw("GET", "/pools", headers={"ocp-date": when})[0] == status


def test_a_skewed_clock_of_the_service(raw, emulator):
    emulator.service.skew_s = 1000.0
    try:
        wrong(raw("GET", "/pools"), 403, "AuthenticationFailed")
    finally:
        emulator.service.skew_s = 0.0


class Token:
    def __init__(self, text):
        self.text = text

    def get_token(self, *_scopes, **_options):
        return AccessToken(self.text, int(time.time()) + 3600)


def test_tokens(emulator):
    from azure.batch import BatchClient

    def pools(token):
        with BatchClient(emulator.url, Token(token), retry_total=0) as client:
            # By http only when it is asked for.
            return list(client.list_pools(enforce_https=False))

    assert pools(auth.make_token()) == []
    for bad in (
        auth.make_token("https://storage.azure.com"),
        auth.make_token(lifetime_s=-10),
        "no.jwt.atall",
        "nothing",
    ):
        with pytest.raises(HttpResponseError) as caught:
            pools(bad)
        assert caught.value.status_code == 401


def test_modes_of_authentication():
    with (
        running(auth=frozenset({"token"})) as (emulator, client),
        refused("AuthenticationFailed", 403),
    ):
        client.get_pool("x")
    with Emulator(auth=frozenset({"key"})) as emulator:
        answer = Raw(emulator)(
            "GET", "/pools", headers={"authorization": "Bearer " + auth.make_token()}
        )
        wrong(answer, 403, "AuthenticationFailed")


def test_several_accounts():
    key = auth.base64.b64encode(b"k" * 32).decode()
    with Emulator(accounts={"one": key, "two": key}) as emulator:
        assert (emulator.account, emulator.key) == ("one", key)
        emulator.account = "two"
        with client_of(emulator) as client:
            assert list(client.list_pools()) == []


def test_the_version(raw):
    found = wrong(raw("GET", "/pools", query={}), 400, "MissingRequiredQueryParameter")
    assert found["QueryParameterName"] == "api-version"
    answer = raw("GET", "/pools", query={"api-version": "2019-01-01.1.0"})
    assert (
        wrong(answer, 400, "UnsupportedRequestVersion")["QueryParameterValue"] == "2019-01-01.1.0"
    )
    found = raw("GET", "/pools", query={"api-version": VERSION, "nonsense": "1"})
    wrong(found, 400, "UnsupportedQueryParameter")


def test_addresses_and_verbs(raw):
    wrong(raw("GET", "/nothing"), 404, "ResourceNotFound")
    wrong(raw("GET", "/"), 404, "ResourceNotFound")
    wrong(raw("GET", "/pools/x/nodes/y/z/w"), 404, "ResourceNotFound")
    wrong(raw("PUT", "/pools"), 405, "UnsupportedHttpVerb")
    wrong(raw("DELETE", "/supportedimages"), 405, "UnsupportedHttpVerb")
    wrong(raw("GET", "/pools/none"), 404, "PoolNotFound")
    wrong(raw("GET", "/jobs/none"), 404, "JobNotFound")
    wrong(raw("GET", "/jobs/none/tasks/x"), 404, "JobNotFound")
    wrong(raw("GET", "/pools/none/nodes"), 404, "PoolNotFound")


def test_bodies(raw):
    def post(body, **headers):
        return raw("POST", "/pools", body, headers=headers or None)

    wrong(post(b"{"), 400, "InvalidRequestBody")
    wrong(post(b"[]"), 400, "InvalidRequestBody")
    wrong(post(b"\xff\xfe"), 400, "InvalidRequestBody")
    wrong(post(b"[" * 100_000), 400, "InvalidRequestBody")
    wrong(raw("POST", "/pools"), 400, "InvalidRequestBody")
    found = wrong(post({**POOL, "vmsize": "x"}), 400, "InvalidRequestBody")
    assert "vmsize" in found["Reason"]
    deep = {"imageReference": {"publisher": "a", "sort": "b"}, "nodeAgentSKUId": "x"}
    found = wrong(post({**POOL, "virtualMachineConfiguration": deep}), 400, "InvalidRequestBody")
    assert "sort" in found["Reason"]
    for name in ("id", "vmSize"):
        body = {k: v for k, v in POOL.items() if k != name}
        assert wrong(post(body), 400, "MissingRequiredProperty")["PropertyName"] == name
        assert wrong(post({**body, name: None}), 400, "MissingRequiredProperty")
    for name, value in (
        ("vmSize", 3),
        ("targetDedicatedNodes", "three"),
        ("targetDedicatedNodes", True),
        ("targetDedicatedNodes", -1),
        ("targetDedicatedNodes", 1 << 40),
        ("enableAutoScale", "yes"),
        ("resizeTimeout", "15 minutes"),
        ("metadata", {}),
        ("metadata", [None]),
        ("startTask", "x"),
        ("taskSlotsPerNode", 0),
        ("taskSlotsPerNode", 257),
        ("taskSchedulingPolicy", {"nodeFillType": "other"}),
        ("displayName", "x" * 1025),
        ("id", "a/b"),
    ):
        wrong(post({**POOL, name: value}), 400, "InvalidPropertyValue")
    wrong(post(POOL, **{"content-type": "application/json"}), 400, "InvalidHeaderValue")
    wrong(post(POOL, **{"content-type": "text/plain"}), 400, "InvalidHeaderValue")
    big = {**POOL, "metadata": [{"name": "x" * 1000, "value": "y" * 1000}] * 600}
    wrong(post(big), 413, "RequestBodyTooLarge")
    assert raw("GET", "/pools")[2]["value"] == []


def test_answers_have_their_headers(raw, emulator):
    status, headers, body = raw("POST", "/pools", POOL)
    try:
        assert (status, body) == (201, b"")
        assert headers["location"] == headers["dataserviceid"] == f"{emulator.url}/pools/pool"
        assert headers["etag"].startswith("0x8D")
        assert formats.parse_http_date(headers["last-modified"]) <= time.time() + 1
        assert len(headers["request-id"]) == 36
        echo = {"client-request-id": "mine", "return-client-request-id": "true"}
        assert raw("GET", "/pools", headers=echo)[1]["client-request-id"] == "mine"
        assert (
            "client-request-id" not in raw("GET", "/pools", headers={"client-request-id": "m"})[1]
        )
        status, headers, body = raw("HEAD", "/pools/pool")
        assert (status, body) == (200, b"")
        assert raw("HEAD", "/pools/none")[0] == 404
        status, headers, body = raw("GET", "/pools/pool")
        assert headers["content-type"].startswith("application/json")
        assert body["eTag"] == headers["etag"]
        assert body["url"] == f"{emulator.url}/pools/pool"
    finally:
        raw("DELETE", "/pools/pool")


def test_an_entity_tag_changes_with_edits_only():
    with running() as (emulator, client):
        make_pool(client)
        make_job(client)
        before = client.get_job("job").etag
        pool = client.get_pool("pool").etag
        add(client, "job", shell("t", "true"))
        task = client.get_task("job", "t").etag
        finished(client)
        assert client.get_task("job", "t").etag == task
        assert client.get_job("job").etag == before
        assert client.get_pool("pool").etag == pool
        client.update_job("job", {"priority": 3})
        after = client.get_job("job")
        assert after.etag != before
        # Conditions by the SDK.
        changed = {"etag": before, "match_condition": MatchConditions.IfNotModified}
        with refused("ConditionNotMet", 412):
            client.update_job("job", {"priority": 4}, **changed)
        client.update_job(
            "job", {"priority": 4}, etag=after.etag, match_condition=MatchConditions.IfNotModified
        )
        assert client.get_job("job").priority == 4
        with pytest.raises(HttpResponseError) as caught:
            client.get_job(
                "job",
                etag=client.get_job("job").etag,
                match_condition=MatchConditions.IfModified,
            )
        assert caught.value.status_code == 304
        raw = Raw(emulator)
        past, future = (formats.http_date(time.time() + s) for s in (-3600, 3600))
        assert raw("GET", "/jobs/job", headers={"if-modified-since": past})[0] == 200
        assert raw("GET", "/jobs/job", headers={"if-modified-since": future})[0] == 304
        assert raw("GET", "/jobs/job", headers={"if-unmodified-since": past})[0] == 412
        wrong(
            raw("DELETE", "/jobs/job", headers={"if-unmodified-since": past}),
            412,
            "ConditionNotMet",
        )
        wrong(
            raw("GET", "/jobs/job", headers={"if-modified-since": "x"}), 400, "InvalidHeaderValue"
        )


@pytest.fixture(scope="module")
def many():
    with running() as (emulator, client):
        make_pool(client, nodes=0)
        make_job(client)
        for chunk in range(13):
            add(client, "job", *(shell(f"t{chunk * 100 + n:04d}", "x") for n in range(100)))
        yield emulator, client


def test_pages(many):
    emulator, client = many
    raw = Raw(emulator)
    body = raw("GET", "/jobs/job/tasks")[2]
    assert len(body["value"]) == 1000
    link = urllib.parse.urlsplit(body["odata.nextLink"])
    assert link.netloc == f"127.0.0.1:{emulator.port}"
    assert "skiptoken" in link.query
    ids = [t.id for t in client.list_tasks("job", select=["id"])]
    assert ids == [f"t{n:04d}" for n in range(1300)]
    pages = [[t.id for t in page] for page in client.list_tasks("job", max_results=700).by_page()]
    assert [len(p) for p in pages] == [700, 600]
    # Exactly full: no page more.
    assert len(list(client.list_tasks("job", max_results=650).by_page())) == 2
    found = list(client.list_tasks("job", filter="startswith(id,'t01')", max_results=60))
    assert len(found) == 100
    # A task that is added or removed meanwhile shifts nothing.
    pager = client.list_tasks("job", max_results=400, select=["id"]).by_page()
    first = [t.id for t in next(pager)]
    client.delete_task("job", "t0100")
    rest = [t.id for page in pager for t in page]
    assert len(set(first + rest)) == len(first + rest) == 1300
    add(client, "job", shell("t0100", "x"))


def test_wrong_query_options(many):
    _, client = many
    with refused("OutOfRangeQueryParameterValue", 400):
        list(client.list_tasks("job", max_results=0))
    with refused("OutOfRangeQueryParameterValue", 400):
        list(client.list_tasks("job", max_results=1001))
    for text in ("state eq", "nothing eq 'x'", "state ~ 'x'", "State eq 'active'"):
        with refused("InvalidQueryParameterValue", 400):
            list(client.list_tasks("job", filter=text))
    with refused("InvalidQueryParameterValue", 400):
        list(client.list_tasks("job", expand=["everything"]))


def test_selection_and_filters(many):
    _, client = many
    found = client.get_task("job", "t0007", select=["id", "state"])
    assert (found.id, found.state, found.command_line, found.etag) == (
        "t0007",
        "active",
        None,
        None,
    )
    assert client.get_task("job", "t0007", expand=["stats"]).task_statistics is not None
    assert client.get_job("job", expand=["stats"]).job_statistics is not None

    def count(text):
        return sum(1 for _ in client.list_tasks("job", filter=text, select=["id"]))

    assert count("state eq 'ACTIVE' and id lt 't0010'") == 10
    assert count("id eq 't0001' or id eq 't0002'") == 2
    assert count("executionInfo/exitCode eq 0") == 0
    assert count("creationTime gt DateTime'2020-01-01T00:00:00Z'") == 1300
    assert count("stateTransitionTime gt DateTime'2100-01-01T00:00:00Z'") == 0


def test_rough_clients(emulator):
    """What is no HTTP ends its connection and hurts nobody."""
    import socket

    for words in (
        b"\r\n\r\n",
        b"nonsense\r\n\r\n",
        b"GET / HTTP/9\r\n\r\n",
        b"\x16\x03\x01\x02\x00",
    ):
        with socket.create_connection(("127.0.0.1", emulator.port), 5) as connection:
            connection.sendall(words)
            connection.shutdown(socket.SHUT_WR)
            connection.recv(1000)
    with socket.create_connection(("127.0.0.1", emulator.port), 5) as connection:
        connection.sendall(b"POST /pools HTTP/1.1\r\nContent-Length: -5\r\n\r\n")
        assert b" 413 " in connection.recv(1000)
    with socket.create_connection(("127.0.0.1", emulator.port), 5) as connection:
        connection.sendall(b"GET /pools HTTP/1.1\r\n" + b"x: y\r\n" * 300 + b"\r\n")
        assert b" 400 " in connection.recv(1000)
    with socket.create_connection(("127.0.0.1", emulator.port), 5) as connection:
        # Several requests over one connection, a chunked one among them.
        for _ in range(3):
            connection.sendall(
                b"POST /pools?api-version=x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
                b"3\r\nabc\r\n0\r\n\r\n"
            )
            assert connection.recv(100_000).startswith(b"HTTP/1.1 401 ")
    assert Raw(emulator)("GET", "/pools")[0] == 200


@pytest.mark.parametrize(
    "text,seconds,written",
    [
        ("PT05M00S", 300, "PT5M"),
        ("PT01H30M00S", 5400, "PT1H30M"),
        ("P7D", 604800, "P7D"),
        ("P1W", 604800, "P7D"),
        ("PT0S", 0, "PT0S"),
        ("PT1.5S", 1.5, "PT1.5S"),
        ("P1DT2H3M4S", 93784, "P1DT2H3M4S"),
        (formats.UNLIMITED, formats.UNLIMITED_S, formats.UNLIMITED),
    ],
)
def test_durations(text, seconds, written):
    assert formats.parse_duration(text) == seconds
    assert formats.duration(seconds) == written


@pytest.mark.parametrize("text", ["", "P", "PT", "5", "P1H", "PT1D", "PT-1S", "P1DT"])
def test_no_durations(text):
    with pytest.raises(ValueError):
        formats.parse_duration(text)


def test_times():
    assert formats.stamp(0) == "1970-01-01T00:00:00.0000000Z"
    assert formats.parse_stamp("2026-11-22T01:02:03.1234567Z") == pytest.approx(1795309323.1234567)
    assert formats.parse_stamp("1970-01-01T01:00:00+01:00") == 0
    for text in ("", "2026", "2026-13-01T00:00:00Z", "yesterday"):
        with pytest.raises(ValueError):
            formats.parse_stamp(text)
    assert formats.http_date(0) == "Thu, 01 Jan 1970 00:00:00 GMT"
    tags = [formats.new_etag(1e9) for _ in range(100)]
    assert sorted(set(tags)) == tags
