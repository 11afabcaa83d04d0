// Rule files: Python, by the grammar of tree-sitter-python, and the statements of the language.
const python = require("tree-sitter-python/grammar");

const GLOBALS = [
  "include", "configfile", "workdir", "wildcard_constraints", "envvars", "container", "singularity",
  "containerized", "conda", "report", "scattergather", "resource_scopes", "pepfile", "pepschema",
  "inputflags", "outputflags", "pathvars",
];
const HOOKS = ["onstart", "onsuccess", "onerror"];
const PROPERTIES = [
  "name", "input", "output", "params", "log", "benchmark", "threads", "resources", "retries",
  "priority", "message", "conda", "container", "singularity", "containerized", "envmodules",
  "wildcard_constraints", "shadow", "group", "cache", "handover", "default_target", "localrule",
  "pathvars", "version",
];
const ACTIONS = ["shell", "script", "notebook", "wrapper", "template_engine", "cwl"];
const MODULE_PROPERTIES = [
  "name", "snakefile", "meta_wrapper", "config", "prefix", "replace_prefix", "skip_validation",
  "pathvars", "workdir", "configfile",
];
const WORDS = [
  "rule", "checkpoint", "module", "subworkflow", "use", "storage", "ruleorder", "localrules",
  ...GLOBALS, ...HOOKS,
];

module.exports = grammar(python, {
  name: "rulefile",

  rules: {
    _compound_statement: ($, original) =>
      choice(
        original,
        $.rule_definition,
        $.module_definition,
        $.use_rule,
        $.setting_statement,
        $.name_list,
        $.hook,
      ),

    // Words of the language are names of Python wherever no statement can be meant.
    keyword_identifier: ($, original) =>
      choice(original, prec(-3, alias(choice(...WORDS), $.identifier))),

    rule_definition: ($) =>
      seq(
        field("kind", choice("rule", "checkpoint")),
        optional(field("name", $.identifier)),
        ":",
        field("body", $._rule_body),
      ),

    _rule_body: ($) =>
      choice($.directive, $._newline, alias($._directives, $.rule_body)),

    _directives: ($) =>
      seq($._indent, repeat1(choice($.docstring, $.directive)), $._dedent),

    docstring: ($) => seq(choice($.string, $.concatenated_string), $._newline),

    directive: ($) =>
      choice(
        seq(
          field("keyword", choice(...PROPERTIES, ...ACTIONS)),
          ":",
          field("value", $._values),
        ),
        seq(field("keyword", "run"), ":", field("body", $._suite)),
      ),

    module_definition: ($) =>
      seq(
        field("kind", choice("module", "subworkflow")),
        optional(field("name", $.identifier)),
        ":",
        field("body", choice($._newline, alias($._module_directives, $.module_body))),
      ),

    _module_directives: ($) =>
      seq(
        $._indent,
        repeat1(choice($.docstring, alias($.module_directive, $.directive))),
        $._dedent,
      ),

    module_directive: ($) =>
      seq(field("keyword", choice(...MODULE_PROPERTIES)), ":", field("value", $._values)),

    use_rule: ($) =>
      seq(
        "use",
        "rule",
        field("rules", choice("*", $._names)),
        optional(seq("from", field("module", $.identifier))),
        optional(seq("exclude", field("exclude", $._names))),
        optional(seq("as", field("name", $.name_pattern))),
        choice($._newline, seq("with", ":", field("body", $._rule_body))),
      ),

    _names: ($) => seq($.identifier, repeat(seq(",", $.identifier))),

    name_pattern: (_) => token(/[\p{XID_Start}_*][\p{XID_Continue}*]*/u),

    setting_statement: ($) =>
      seq(
        field(
          "keyword",
          choice(...GLOBALS, seq("storage", optional(field("tag", $.identifier)))),
        ),
        ":",
        field("value", $._values),
      ),

    name_list: ($) =>
      seq(field("keyword", choice("ruleorder", "localrules")), ":", field("value", $._values)),

    hook: ($) => seq(field("keyword", choice(...HOOKS)), ":", field("body", $._suite)),

    // What could stand between the brackets of a call, over all lines that are indented deeper.
    _values: ($) =>
      choice(
        $._newline,
        alias($._inline_values, $.arguments),
        alias($._deeper_values, $.arguments),
      ),

    _inline_values: ($) =>
      seq(
        $._value,
        repeat(seq(",", $._value)),
        optional(","),
        choice($._newline, $._deeper_values),
      ),

    // No line's end counts in here: the scanner tells them only where one can be meant.
    _deeper_values: ($) =>
      seq($._indent, $._value, repeat(seq(",", $._value)), optional(","), $._dedent),

    _value: ($) =>
      choice(
        $.expression,
        $.list_splat,
        $.dictionary_splat,
        $.keyword_argument,
        alias($.parenthesized_list_splat, $.parenthesized_expression),
      ),
  },
});
