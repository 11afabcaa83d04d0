"""The grammar of the rule language, as data: `rulefile.lark`, explained in GRAMMAR.md."""
