"""Questions without the SDK: signed as the SDK signs, answers read as the reference describes them."""

from __future__ import annotations

import pytest
from azure.core.pipeline import PipelineContext, PipelineRequest
from azure.core.pipeline.transport import HttpRequest
from azure.storage.blob._shared.authentication import SharedKeyCredentialPolicy

from rulekit.node.web import Web
from rulekit.storage.azblob.account import account_of
from rulekit.storage.azblob.light import _NEVER, LightClient, parsed

KEY = "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY="


@pytest.mark.parametrize(
    "url",
    ["https://acc.blob.core.windows.net", "http://127.0.0.1:10000/acc", "https://acc.blob.core.cloudapi.de"],
)  # fmt: skip
@pytest.mark.parametrize(
    ("method", "name", "query"),
    [
        (
            "GET",
            "",
            {"comp": "list", "restype": "container", "include": "metadata", "prefix": "a b/ü&?#%"},
        ),
        (
            "GET",
            "",
            {"comp": "list", "restype": "container", "marker": "2!92!MDAw+/=", "delimiter": "/"},
        ),
        ("GET", "a b/ü#%?&=.txt", {}),
        ("HEAD", "plain", {}),
        ("PUT", "a b/ü#%?&=.txt", {}),
        ("PUT", "", {"restype": "container"}),
    ],
)
def test_requests_are_signed_as_the_sdk_signs_them(url, method, name, query):
    from urllib.parse import quote, urlencode

    client = LightClient(account_of(url, KEY, name="acc"), Web(0))
    path = "/box" + ("/" + quote(name, safe="/-._~!$'()*,;:@") if name else "")
    ours = client._headers(method, path, query, _NEVER if method == "PUT" and name else {})
    signature = ours.pop("Authorization")
    target = url + path + ("?" + urlencode(query, quote_via=quote) if query else "")
    request = PipelineRequest(HttpRequest(method, target, headers=ours), PipelineContext(None))
    SharedKeyCredentialPolicy("acc", KEY).on_request(request)
    assert request.http_request.headers["Authorization"] == signature
    assert KEY not in signature


PAGE = """\
<?xml version="1.0" encoding="utf-8"?>
<EnumerationResults ServiceEndpoint="https://acc.blob.core.windows.net/" ContainerName="box">
<Prefix>p/</Prefix><MaxResults>5000</MaxResults><Delimiter>/</Delimiter>
<Blobs>
<Blob><Name>p/a &amp; b.txt</Name><Properties><Last-Modified>Sun, 22 Nov 2026 01:00:00 GMT</Last-Modified>
<Etag>0x8DE1</Etag><Content-Length>900</Content-Length><Content-MD5>1B2M2Y8AsgTpgAmY7PhCfg==</Content-MD5>
<BlobType>BlockBlob</BlobType></Properties><Metadata><rulekit>{}</rulekit></Metadata><OrMetadata/></Blob>
<Blob><Name Encoded="true">p/x%EF%BF%BE%20y</Name><Properties>
<Last-Modified>Sun, 22 Nov 2026 01:00:01 GMT</Last-Modified><Etag>"0x8DE2"</Etag><Content-Length>0</Content-Length>
<Content-MD5/></Properties></Blob>
<BlobPrefix><Name>p/folder/</Name></BlobPrefix>
<Blob><Name>p/hns</Name><Properties><Last-Modified>Sun, 22 Nov 2026 01:00:01 GMT</Last-Modified>
<Content-Length>0</Content-Length><ResourceType>directory</ResourceType></Properties></Blob>
<Blob><Name>p/marked</Name><Properties><Content-Length>0</Content-Length></Properties>
<Metadata><Hdi_isfolder>true</Hdi_isfolder></Metadata></Blob>
</Blobs><NextMarker>2!more</NextMarker></EnumerationResults>"""


def test_a_page_of_a_listing():
    page = parsed(PAGE.encode())
    first, second = page.blobs
    moment = 1795309200 * 1_000_000_000
    assert first == (
        "p/a & b.txt",
        (moment, 900, "md5:1B2M2Y8AsgTpgAmY7PhCfg=="),
        {"rulekit": "{}"},
    )
    assert second == ("p/x\ufffe y", (moment + 1_000_000_000, 0, "etag:0x8DE2"), {})
    assert page.folders == ["p/folder/", "p/hns/", "p/marked/"]
    assert page.marker == "2!more"
    empty = parsed(b"<EnumerationResults><Blobs/><NextMarker/></EnumerationResults>")
    assert (empty.blobs, empty.folders, empty.marker) == ([], [], "")


def test_pages_follow_each_other(azurite, container):
    for i in range(7):
        azurite.put(container, f"p/{i}", b"x" * i)
    client = LightClient(account_of(azurite.url, azurite.key), Web(5))
    pages = list(client.pages(container, "p/", page=3))
    assert [len(page.blobs) for page in pages] == [3, 3, 1]
    assert [stamp.size for page in pages for _, stamp, _ in page.blobs] == list(range(7))
