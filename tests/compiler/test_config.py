"""Config files and values of the command line."""

import pytest

from rulekit.errors import RuleFileError
from rulekit.language.configs import load_configfile, load_data


def config(project, text, **settings):
    return project.load(text, **settings).config


def test_order_of_sources(project):
    project.write("one.yaml", "a: {x: 1, y: 1, l: [1, 2]}\nb: one\nc: one\n")
    project.write("two.json", '{"a": {"y": 2}, "b": "two", "d": {"k": 1}}')
    project.write("cli.yaml", "a: {z: cli, l: [9]}\nb: cli\n")
    text = "EARLY = copy.deepcopy(config)\nconfigfile: 'one.yaml'\nconfigfile: 'two.json'\n"
    assert config(project, text) == {
        "a": {"x": 1, "y": 2, "l": [1, 2]}, "b": "two", "c": "one", "d": {"k": 1},
    }  # fmt: skip
    workflow = project.load(
        text, configfiles=(str(project.folder / "cli.yaml"),), config={"b": "word", "n": {"m": 5}}
    )
    assert workflow.namespace["EARLY"] == {"a": {"z": "cli", "l": [9]}, "b": "word", "n": {"m": 5}}
    assert workflow.config == {
        "a": {"x": 1, "y": 2, "l": [9], "z": "cli"},
        "b": "word", "c": "one", "d": {"k": 1}, "n": {"m": 5},
    }  # fmt: skip
    assert workflow.configfiles == (str(project.folder / "cli.yaml"), "one.yaml", "two.json")


def test_the_command_line_wins_again_after_each_file(project):
    project.write("one.yaml", "a: 1\nlist: [1]\n")
    text = "config['a'] = 'changed'\nconfig['list'].append(2)\nconfigfile: 'one.yaml'\n"
    settings = {"a": 5, "list": [7]}
    assert config(project, text, config=settings) == {"a": 5, "list": [7]}
    assert settings == {"a": 5, "list": [7]}


def test_replace_workflow_config(project):
    project.write("one.yaml", "a: 1\nb: 2\n")
    found = config(
        project, "configfile: 'one.yaml'\n", config={"b": 3}, replace_workflow_config=True
    )
    assert found == {"b": 3}
    found = config(project, "configfile: 'one.yaml'\n", replace_workflow_config=True)
    assert found == {"a": 1, "b": 2}


def test_a_missing_file_is_no_error_with_configfile_on_the_command_line(project):
    other = project.write("other.yaml", "a: 1")
    assert config(project, "configfile: 'no.yaml'\n", configfiles=(other,)) == {"a": 1}


def test_configfile_is_relative_to_the_working_directory(project):
    project.write("c.yaml", "where: work")
    project.write("sub/c.yaml", "where: sub")
    project.write("sub/inc.smk", "configfile: 'c.yaml'\n")
    assert config(project, "include: 'sub/inc.smk'\n") == {"where": "work"}


def test_paths_are_accepted(project):
    project.write("c.yaml", "a: 1")
    assert config(project, "from pathlib import Path\nconfigfile: Path('c.yaml')\n") == {"a": 1}


def test_empty_file(project):
    project.write("c.yaml", "# nothing\n")
    assert config(project, "configfile: 'c.yaml'\n") == {}


@pytest.mark.parametrize(
    ("name", "text", "code", "line", "part"),
    [
        ("c.yaml", "a: 1\nb: [1\nc: 2\n", "RK0302", 3, "YAML"),
        ("c.yaml", "a:\n\tb: 1\n", "RK0302", 2, "YAML"),
        ("c.json", '{"a": 1,\n"b" 2}', "RK0302", 2, "JSON"),
        ("c.yaml", "- a\n- b\n", "RK0303", None, "list"),
        ("c.yaml", "just text", "RK0303", None, "str"),
    ],
)
def test_broken_files(project, name, text, code, line, part):
    path = project.write(name, text)
    with pytest.raises(RuleFileError) as caught:
        load_configfile(path)
    found = caught.value.diagnostics[0]
    assert found.code == code and part in found.message
    if line is not None:
        assert found.span.file == path and found.span.line == line
    # From a rule file as well.
    found = project.diagnostic(f"\nconfigfile: '{name}'\n")
    assert found.code == code


def test_tabs_get_a_word_of_help(project):
    path = project.write("c.yaml", "a:\n\tb: 1\n")
    with pytest.raises(RuleFileError) as caught:
        load_configfile(path)
    assert "tabs" in caught.value.diagnostics[0].help


def test_not_text(project):
    (project.folder / "c.yaml").write_bytes(b"a: \xff\xfe\n")
    with pytest.raises(RuleFileError, match="UTF-8"):
        load_data("c.yaml")
    with pytest.raises(RuleFileError, match="cannot be read"):
        load_data(str(project.folder))


def test_yaml_is_parsed_once_and_comes_back_as_it_was(project, monkeypatch):
    import sys

    project.write("c.yaml", "a: [1, 2.5, true, null, text, {k: v}]\n1: one\nx: &x [1]\ny: *x\n")
    first = config(project, "configfile: 'c.yaml'\n")
    monkeypatch.setitem(sys.modules, "yaml", None)  # importing it fails from now on
    again = config(project, "configfile: 'c.yaml'\n")
    assert again == first and list(again) == list(first)
    assert again["a"] == [1, 2.5, True, None, "text", {"k": "v"}] and again[1] == "one"


def test_values_that_only_yaml_knows(project):
    import datetime

    project.write("c.yaml", "day: 2024-01-31\n")
    for _ in range(2):
        assert config(project, "configfile: 'c.yaml'\n") == {"day": datetime.date(2024, 1, 31)}


def test_yte_switched_off(project):
    path = project.write("c.yaml", "__use_yte__: false\na: 1\n")
    assert load_configfile(path) == {"a": 1}
