"""`snakemake.report`: only names."""

from __future__ import annotations


def data_uri_from_file(file: str, defaultenc: str = "utf8") -> str:
    """The content of a file as a ``data:`` URI."""
    import base64
    import mimetypes

    kind, encoding = mimetypes.guess_type(file)
    with open(file, "rb") as opened:
        data = base64.b64encode(opened.read()).decode("ascii")
    return f"data:{kind or 'text/plain'};charset={encoding or defaultenc};base64,{data}"
