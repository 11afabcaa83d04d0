; inherits: python

(rule_definition kind: _ @keyword)
(rule_definition name: (identifier) @function)
(module_definition kind: _ @keyword)
(module_definition name: (identifier) @module)
(directive keyword: _ @property)
(setting_statement keyword: _ @keyword.directive)
(setting_statement tag: (identifier) @module)
(name_list keyword: _ @keyword.directive)
(hook keyword: _ @keyword)
(use_rule ["use" "rule" "from" "exclude" "as" "with"] @keyword.import)
(use_rule rules: (identifier) @function)
(use_rule module: (identifier) @module)
(use_rule name: (name_pattern) @function)
(docstring) @string.documentation
