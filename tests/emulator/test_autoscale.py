"""Autoscale formulas: the language, samples with their lag, errors; expressions against Python."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rulekit.emulator.autoscale import FormulaError, SampleStore, check, evaluate

NOW = 1_767_225_600.0  # Thursday 2026-01-01 00:00:00 UTC


def store(values: list[float] | None = None, speed: float = 1.0, **others: float) -> SampleStore:
    """Samples of $ActiveTasks, the last one a minute (of the service) before NOW."""
    made = SampleStore(speed)
    count = len(values or [])
    for number, value in enumerate(values or []):
        when = NOW - made.lag - made.period * (count - 1 - number)
        made.record(when, {"$ActiveTasks": value, **others})
    return made


def result(expression: str, samples: SampleStore | None = None, **current: float) -> str:
    """What the results say of a variable that the expression was given to."""
    names = {f"${name}": value for name, value in current.items()}
    run = evaluate(f"x = {expression};", samples or store(), NOW, names)
    assert run.error is None, run.error
    return run.results.split(";$x=")[1]


def error(formula: str, samples: SampleStore | None = None) -> tuple[str, str, str]:
    run = evaluate(formula, samples or store(), NOW, {"$TargetDedicatedNodes": 2})
    assert run.error is not None
    assert (run.dedicated, run.spot) == (2, 0)
    assert run.results == (
        "$TargetDedicatedNodes=2;$TargetLowPriorityNodes=0;$NodeDeallocationOption=requeue"
    )
    return run.error


def test_the_results_read_as_the_service_writes_them() -> None:
    run = evaluate("$TargetDedicatedNodes=3", store(), NOW)
    assert (run.dedicated, run.spot, run.deallocation, run.error) == (3, 0, "requeue", None)
    assert run.results == (
        "$TargetDedicatedNodes=3;$TargetLowPriorityNodes=0;$NodeDeallocationOption=requeue"
    )


def test_targets_aliases_and_options() -> None:
    run = evaluate(
        """
        // what a pool needs
        wanted = 7.9;   // cut, not rounded
        $TargetDedicated = wanted; $TargetLowPriority = -3;
        $NodeDeallocationOption = taskcompletion;;
        """,
        store(),
        NOW,
    )
    assert (run.dedicated, run.spot, run.deallocation) == (7, 0, "taskcompletion")
    assert run.results.endswith(";$wanted=7.9")


@pytest.mark.parametrize(
    ("expression", "wanted"),
    [
        ("1 + 2 * 3 - 4 / 8", "6.5"),
        ("-(2 - 5) * --2", "6"),
        ("10 - 4 - 3", "3"),
        ("1 < 2 == 3 >= 3", "1"),
        ("1 && 0 || 2", "1"),
        ("!0 + !5", "1"),
        ("0 ? 1 : 0 ? 2 : 3", "3"),
        ("1 ? 0 ? 4 : 5 : 6", "5"),
        ("1 / 0", "inf"),
        ('"a" < "b"', "1"),
        ("'a' == 'b'", "0"),
        (".5 + 1e2", "100.5"),
        ("avg(1, 2, 6)", "3"),
        ("len()", "0"),
        ("sum(1, 2) + len(4, 5)", "5"),
        ("lg(8) + ln(1) + log(1000)", "6"),
        ("max(2, 9, 4) - min(2, 9, 4) - range(2, 9, 4)", "0"),
        ("norm(3, 4)", "5"),
        ("std(2, 4, 4, 4, 5, 5, 7, 9) > 2.13 && std(1, 3) < 1.415", "1"),
        ("percentile($ActiveTasks.GetSample(10), 50)", "2"),
        ("percentile($ActiveTasks.GetSample(10), 100)", "4"),
        ("val($ActiveTasks.GetSample(10), 1)", "2"),
        ("ceil(1.2) + floor(1.8) + round(2.5)", "5"),
        ("rand() >= 0 && rand() < 1", "1"),
        ("$ActiveTasks.GetSample(10)", "[1,2,4]"),
        ("$ActiveTasks.GetSample(2) * 2 + 1", "[5,9]"),
        ("$ActiveTasks.GetSample(2) - $ActiveTasks.GetSample(2)", "[0,0]"),
        ("lg($ActiveTasks.GetSample(3))", "[0,1,2]"),
        ("max(9, $ActiveTasks.GetSample(3))", "9"),
        ("$PendingTasks.getsample(1)", "[4]"),
        ("$ActiveTasks.Count()", "3"),
        ("$ActiveTasks.GetSamplePeriod()", "00:00:30"),
        ("$ActiveTasks.HistoryBeginTime()", "2025-12-31T23:58:00.000Z"),
        ("$CurrentDedicatedNodes * 1.1", "11"),
        ("TimeInterval_Day * 2 - TimeInterval_Hour / 2", "1.23:30:00"),
        ("-TimeInterval_Minute < TimeInterval_Zero", "1"),
        ("time()", "2026-01-01T00:00:00.000Z"),
        ("time() + TimeInterval_Millisecond * 1500", "2026-01-01T00:00:01.500Z"),
        ('time() - time("2025-12-31T23:00:00Z")', "01:00:00"),
        ('time("Wed, 31 Dec 2025 23:00:00 GMT") < time()', "1"),
        ('time("2026-01-01T01:00:00+02:00")', "2025-12-31T23:00:00.000Z"),
        ('time("2025-07") < time("2026")', "1"),
        ("time().year + time().month + time().day", "2028"),
        ("time().weekday * 100 + time().hour + time().minute + time().second", "400"),
        ('time("2026-01-04").weekday', "7"),
    ],
)
def test_expressions(expression: str, wanted: str) -> None:
    assert result(expression, store([1, 2, 4]), CurrentDedicatedNodes=10) == wanted


def test_a_sample_is_seen_a_minute_late() -> None:
    made = SampleStore()
    made.record(NOW, {"$RunningTasks": 5})
    text = "$TargetDedicatedNodes = $RunningTasks.GetSample(1);"
    early = evaluate(text, made, NOW + 59, {"$TargetDedicatedNodes": 1})
    assert early.error is not None and early.error[0] == "InsufficientSampleData"
    assert early.dedicated == 1
    assert evaluate(text, made, NOW + 60).dedicated == 5


@pytest.mark.parametrize("speed", [1.0, 1000.0])
def test_per_cents_are_of_what_could_be_there(speed: float) -> None:
    full = store([7.0] * 40, speed)
    # Of ten minutes the last one is not there yet.
    assert result("$ActiveTasks.GetSamplePercent(TimeInterval_Minute * 10)", full) == "90"
    assert result("len($ActiveTasks.GetSample(TimeInterval_Minute * 10, 90))", full) == "18"
    span = "1 * TimeInterval_Minute, 6 * TimeInterval_Minute"
    assert result(f"$ActiveTasks.GetSamplePercent({span})", full) == "100"
    assert result(f"len($ActiveTasks.GetSample({span}, 100))", full) == "10"
    since = "time() - time() + TimeInterval_Minute * 2"
    assert result(f"len($ActiveTasks.GetSample({since}))", full) == "2"
    wrong = error("x = $ActiveTasks.GetSample(TimeInterval_Minute * 10, 95);", full)
    assert wrong == (
        "InsufficientSampleData",
        "Autoscale evaluation failed due to insufficient sample data",
        "Line 1, Col 18: Insufficient data from data set: $ActiveTasks wanted 95%, received 90%",
    )
    assert result("$ActiveTasks.GetSamplePercent(TimeInterval_Hour)", store()) == "0"


def test_only_the_chosen_branch_is_evaluated() -> None:
    formula = """
    percent = $PendingTasks.GetSamplePercent(180 * TimeInterval_Second);
    tasks = percent < 70 ? 1 : avg($PendingTasks.GetSample(180 * TimeInterval_Second));
    $TargetDedicatedNodes = min(25, tasks);
    """
    assert evaluate(formula, store(), NOW).dedicated == 1
    assert evaluate(formula, store([40.0] * 8), NOW).dedicated == 1  # 67 per cent
    assert evaluate(formula.replace("70", "60"), store([40.0] * 8), NOW).dedicated == 25


def test_a_lease() -> None:
    text = (
        'lease = time("Thu, 01 Jan 2026 00:10:00 GMT");\n'
        "$TargetDedicatedNodes = time() < lease ? 4 : 0;\n"
        "$NodeDeallocationOption = taskcompletion;\n"
    )
    assert evaluate(text, store(), NOW).dedicated == 4
    assert evaluate(text, store(), NOW + 601).dedicated == 0


def test_stop_ends_the_evaluation() -> None:
    run = evaluate("$TargetDedicatedNodes = 1; stop(); $TargetDedicatedNodes = 2;", store(), NOW)
    assert run.dedicated == 1
    run = evaluate("x = 0 ? stop() : 3; $TargetDedicatedNodes = x;", store(), NOW)
    assert run.dedicated == 3


@pytest.mark.parametrize(
    ("formula", "detail"),
    [
        ("$something_useless", "Line 1, Col 1: variable $something_useless is not defined"),
        ("x = 1;\n y = z;", "Line 2, Col 6: variable z is not defined"),
        ("$CPUPercent = 1;", "Line 1, Col 1: $CPUPercent cannot be assigned"),
        ("$NodeDeallocationOption = 3;", "Line 1, Col 1: $NodeDeallocationOption cannot be 3"),
        ("$TargetDedicatedNodes = 1/0;", "Line 1, Col 1: $TargetDedicatedNodes cannot be inf"),
        ("x = 1 + time();", "Line 1, Col 7: operator + is not defined for double and timestamp"),
        ("x = avg();", "Line 1, Col 5: avg of an empty vector"),
        ("x = val(1, 1);", "Line 1, Col 5: there is no element 1 in a vector of 1"),
        ('x = time("soon");', 'Line 1, Col 5: "soon" is not a time in W3C-DTF or RFC 1123'),
        ("x = time().week;", "Line 1, Col 12: timestamp has no member week"),
        ("x = $ActiveTasks.Sum();", "Line 1, Col 18: $ActiveTasks has no method Sum"),
        ('x = "a" ? 1 : 2;', "Line 1, Col 9: ?: needs a double, not a string"),
    ],
)
def test_what_cannot_be_evaluated_changes_nothing(formula: str, detail: str) -> None:
    code, message, found = error(formula)
    assert code == "AutoScalingFormulaEvaluationError"
    assert message and found == detail


@pytest.mark.parametrize(
    ("formula", "detail"),
    [
        ("x = ;", "Line 1, Col 5: unexpected ;"),
        ("x = 1 y = 2;", "Line 1, Col 7: unexpected y"),
        ("x = (1;", "Line 1, Col 7: unexpected ;"),
        ("x = 1 ? 2;", "Line 1, Col 10: unexpected ;"),
        ("x = mean(1);", "Line 1, Col 5: there is no function mean"),
        ("x = 1 & 2;", "Line 1, Col 7: unexpected character '&'"),
        ("x = 1 +", "Line 1, Col 8: unexpected the end"),
        ("x = " + "(" * 3000 + "1", "Line 1, Col 105: the expression is nested too deeply"),
        ("x = 1;" * 101, "Line 1, Col 601: more than 100 statements"),
    ],
)
def test_what_cannot_be_read_is_refused(formula: str, detail: str) -> None:
    with pytest.raises(FormulaError) as caught:
        check(formula)
    assert (caught.value.code, caught.value.detail) == ("AutoScalingFormulaSyntaxError", detail)


def test_the_length_has_a_limit() -> None:
    check("x = 1;" + " " * (8192 - 6))
    with pytest.raises(FormulaError) as caught:
        check("x = 1;" + " " * (8193 - 6))
    assert caught.value.code == "AutoScalingFormulaTooLong"


def test_a_long_formula_is_no_deep_one() -> None:
    assert result("+".join(["1"] * 4000)) == "4000"


# -- expressions against Python ----------------------------------------------------------------

_NUMBERS = st.integers(0, 20).map(float) | st.sampled_from([0.5, 2.25, 1e6])
_TREES = st.recursive(
    _NUMBERS,
    lambda inner: (
        st.tuples(
            st.sampled_from(["+", "-", "*", "<", "<=", ">", ">=", "==", "!=", "&&", "||"]),
            inner,
            inner,
        )
        | st.tuples(st.sampled_from(["neg", "not"]), inner)
        | st.tuples(st.just("?:"), inner, inner, inner)
        | st.tuples(st.sampled_from(["max", "min", "sum", "avg"]), inner, inner)
    ),
    max_leaves=12,
)
_LEVEL = {"?:": 0, "||": 1, "&&": 2, "==": 3, "!=": 3, "<": 4, "<=": 4, ">": 4, ">=": 4}
_LEVEL.update({"+": 5, "-": 5, "*": 6, "neg": 7, "not": 7})


def _text(tree: object, needed: int, left: bool = True) -> str:
    """As few parentheses as the precedences allow."""
    if isinstance(tree, float):
        return f"{tree:g}"
    word, *parts = tree  # type: ignore[misc]
    if word in ("max", "min", "sum", "avg"):
        return f"{word}({', '.join([_text(part, 0) for part in parts])})"
    level = _LEVEL[word]
    if word == "?:":
        text = f"{_text(parts[0], 1)} ? {_text(parts[1], 0)} : {_text(parts[2], 0)}"
    elif word in ("neg", "not"):
        text = {"neg": "-", "not": "!"}[word] + _text(parts[0], 7)
    else:
        text = f"{_text(parts[0], level)} {word} {_text(parts[1], level + 1)}"
    return f"({text})" if level < needed else text


def _value(tree: object) -> float:
    if isinstance(tree, float):
        return tree
    word, *parts = tree  # type: ignore[misc]
    a, *rest = [_value(part) for part in parts]
    if word == "?:":
        return rest[0] if a else rest[1]
    if word in ("neg", "not"):
        return -a if word == "neg" else float(not a)
    if word in ("max", "min", "sum", "avg"):
        both = [a, *rest]
        return {"max": max, "min": min, "sum": sum, "avg": lambda v: sum(v) / 2}[word](both)
    b = rest[0]
    return float(
        {
            "+": a + b,
            "-": a - b,
            "*": a * b,
            "<": a < b,
            "<=": a <= b,
            ">": a > b,
            ">=": a >= b,
            "==": a == b,
            "!=": a != b,
            "&&": bool(a and b),
            "||": bool(a or b),
        }[word]
    )


@given(_TREES)
def test_expressions_have_the_value_python_gives_them(tree: object) -> None:
    assert math.isclose(float(result(_text(tree, 0))), _value(tree), rel_tol=1e-12)


@given(
    st.lists(
        st.sampled_from(
            [
                "x",
                "y",
                "=",
                ";",
                "(",
                ")",
                ",",
                ".",
                "+",
                "-",
                "*",
                "/",
                "<",
                "==",
                "&&",
                "!",
                "?",
                ":",
                "1",
                "2.5",
                "'a'",
                "time",
                "avg",
                "val",
                "$ActiveTasks",
                "GetSample",
                "TimeInterval_Minute",
                "$TargetDedicatedNodes",
                "stop",
                "hour",
                "1e308",
            ]
        ),
        max_size=25,
    )
)
def test_any_text_gives_a_run(words: list[str]) -> None:
    run = evaluate(" ".join(words), store([1, 2]), NOW, {"$TargetDedicatedNodes": 2})
    assert run.dedicated >= 0 and run.results.startswith("$TargetDedicatedNodes=")
