rule = 1
rule.x = 2
report = lambda x: x
report(1)
module, use = 1, 2
storage[0] = 1
storage += 1
rule in x
checkpoint is None
include or 3
use
container
localrules == 3
workdir: "a statement"
ruleorder (1)
x = [
rule,
include,
]
"""
rule a:
"""
