"""`rulekit completion bash|zsh|fish`: scripts that ask `rulekit __complete` for candidates."""

from __future__ import annotations

import sys

from rulekit.errors.tree import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rulekit.cli.parse import Command

_BASH = """\
# rulekit completion for bash:  eval "$(rulekit completion bash)"
_rulekit_complete() {
    local IFS=$'\\n' cur="${COMP_WORDS[COMP_CWORD]}"
    local words=("${COMP_WORDS[@]:1:COMP_CWORD}")
    COMPREPLY=($(rulekit __complete "${words[@]}" 2>/dev/null | cut -f1))
    if [ ${#COMPREPLY[@]} -eq 0 ]; then
        COMPREPLY=($(compgen -f -- "$cur"))
        compopt -o filenames 2>/dev/null
    fi
}
complete -F _rulekit_complete rulekit
"""

_ZSH = """\
# rulekit completion for zsh:  eval "$(rulekit completion zsh)"
_rulekit() {
    local -a found shown
    local line
    for line in "${(@f)$(rulekit __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
        [[ -z $line ]] && continue
        found+=("${line%%$'\\t'*}")
        shown+=("${line/$'\\t'/  -- }")
    done
    if (( ${#found} )); then
        compadd -Q -l -d shown -a found
    else
        _files
    fi
}
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
compdef _rulekit rulekit
"""

_FISH = """\
# rulekit completion for fish:  rulekit completion fish | source
function __rulekit_complete
    set -l words (commandline -opc) (commandline -ct)
    rulekit __complete $words[2..-1] 2>/dev/null
end
complete -c rulekit -f -a '(__rulekit_complete)'
complete -c rulekit -n 'test (count (__rulekit_complete)) -eq 0' -F
"""

SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}


def execute(command: Command) -> int:
    shells = command.options.targets
    if len(shells) != 1 or shells[0] not in SCRIPTS:
        raise UsageError(
            "completion for which shell?",
            code="RK0110",
            help="rulekit completion bash, zsh or fish",
        )
    sys.stdout.write(SCRIPTS[shells[0]])
    return 0
