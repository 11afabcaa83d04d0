"""`.condarc` and its variables, channels, and secrets that are never shown."""

from __future__ import annotations

import pytest

from rulekit.environments import here, read_settings
from rulekit.environments.channels import channels_of, found_again, without_secrets
from rulekit.environments.envfile import parse_environment
from rulekit.errors import SoftwareError


@pytest.fixture
def condarc(tmp_path):
    home = tmp_path / "h"
    home.mkdir()

    def settings(text, **variables):
        (home / ".condarc").write_text(text)
        return read_settings({"HOME": str(home), **variables})

    return settings


def spec(*channels):
    lines = "".join(f"  - {one}\n" for one in channels)
    text = f"channels:\n{lines}dependencies: [a]\n"
    return parse_environment(text.encode(), "/work/flow/envs/e.yaml")


def urls(settings, *channels):
    return [place.url for place in channels_of(spec(*channels), settings)]


def test_names_and_places_of_channels(condarc):
    found = condarc(
        "channel_alias: https://mirror.example/conda/\n"
        "custom_channels: {own: https://own.example/x}\n"
        "default_channels: [https://d.example/main]\n"
    )
    assert urls(found, "conda-forge", "own", "own/label/dev", "defaults") == [
        "https://mirror.example/conda/conda-forge",
        "https://own.example/x/own",
        "https://own.example/x/own/label/dev",
        "https://d.example/main",
    ]
    assert urls(found, "https://a/b/", "/srv/c h", "./near", "nodefaults") == [
        "https://a/b",
        "file:///srv/c%20h",
        "file:///work/flow/envs/near",
    ]


def test_the_user_s_channels_count_only_where_the_file_names_none(condarc):
    found = condarc("channels: [mine]\n")
    assert urls(found, "theirs") == ["https://conda.anaconda.org/theirs"]
    assert urls(found) == ["https://conda.anaconda.org/mine"]
    assert urls(condarc(""))[0] == "https://repo.anaconda.com/pkgs/main"


def test_variables_win_and_fill_in(condarc, tmp_path):
    found = condarc(
        "channel_priority: flexible\nproxy_servers: {https: 'http://u:${PW}@p:1'}\n",
        CONDA_CHANNEL_PRIORITY="disabled",
        CONDA_PKGS_DIRS=str(tmp_path / "pk"),
        PW="geheim",
    )
    assert found.channel_priority == "disabled"
    assert found.package_cache == str(tmp_path / "pk")
    assert dict(found.proxies)["https"] == "http://u:geheim@p:1"
    assert "geheim" not in repr(found) + str(found)
    assert condarc("channel_priority: true\n").channel_priority == "flexible"
    assert condarc("").package_cache.endswith(".cache/rulekit/pkgs")


@pytest.mark.parametrize(
    "text", ["channels: [", "[]", "channel_priority: high\n", "channel_alias: [x]"]
)
def test_wrong_settings(condarc, text):
    with pytest.raises(SoftwareError) as raised:
        condarc(text)
    assert raised.value.diagnostics[0].code == "RK0520"


def test_passwords_and_tokens_are_asked_with_but_not_shown(condarc, monkeypatch):
    monkeypatch.setenv("TOKEN", "tk-123")
    found = condarc("mirrored_channels: {big: [https://m1/big, https://m2/big]}\n")
    places = channels_of(
        spec("https://user:pw@host/chan", "https://host/t/$TOKEN/priv", "big"), found
    )
    assert [place.url for place in places] == [
        "https://host/chan",
        "https://host/priv",
        "https://conda.anaconda.org/big",
    ]
    assert places[0].ask == () and places[0].login == "user:pw"
    assert places[1].ask == ("https://host/t/tk-123/priv",)
    assert places[2].ask == ("https://m1/big", "https://m2/big")
    shown = repr(places)
    assert "pw" not in shown and "tk-123" not in shown
    text = "GET https://u:p@h/t/abc/x failed"
    assert without_secrets(text) == "GET https://h/x failed"


def test_a_moved_folder_of_packages_is_found(tmp_path, condarc):
    new = tmp_path / "new channel" / "noarch"
    new.mkdir(parents=True)
    (new / "a-1-0.conda").write_bytes(b"")
    places = channels_of(spec(str(new.parent)), condarc(""))
    found = found_again("file:///gone/chan/noarch/a-1-0.conda", places)
    assert found == f"{places[0].url}/noarch/a-1-0.conda"
    assert found_again("file:///gone/chan/noarch/b-1-0.conda", places).startswith("file:///gone")
    assert found_again("https://h/noarch/a-1-0.conda", places).startswith("https://h")


def test_the_platform_can_be_given(monkeypatch):
    monkeypatch.setenv("CONDA_SUBDIR", "osx-64")
    assert here() == "osx-64"
