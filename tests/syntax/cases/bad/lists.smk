ruleorder: "a" > b
ruleorder: a, b
ruleorder:
localrules: a > b
localrules: a b
localrules:
ruleorder: a.b > c
