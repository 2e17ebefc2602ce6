"""Shell completion of `limner`: click's for bash, zsh and fish, and one for PowerShell."""

import os

import click
from click.shell_completion import (
    CompletionItem,
    ShellComplete,
    add_completion_class,
    get_completion_class,
)

SHELLS = ("bash", "zsh", "fish", "powershell")

_COMPLETE_VARIABLE = "_LIMNER_COMPLETE"

_POWERSHELL_SOURCE = """\
Register-ArgumentCompleter -Native -CommandName %(prog_name)s -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $words = $commandAst.CommandElements |
        Where-Object { $_.Extent.EndOffset -lt $cursorPosition } |
        ForEach-Object { if ($null -ne $_.Value) { $_.Value } else { $_.Extent.Text } }
    $env:COMP_WORDS = $words -join "`n"
    $env:COMP_CWORD = $wordToComplete
    $env:%(complete_var)s = "powershell_complete"
    try {
        %(prog_name)s | ForEach-Object {
            $value, $help = $_ -split "`t", 2
            [System.Management.Automation.CompletionResult]::new(
                $value, $value, "ParameterValue", $help)
        }
    }
    finally {
        Remove-Item Env:COMP_WORDS, Env:COMP_CWORD, Env:%(complete_var)s -ErrorAction Ignore
    }
}
"""


@add_completion_class
class PowerShellComplete(ShellComplete):
    """Completion in Windows PowerShell 5.1 and PowerShell 7.

    The script passes the words before the cursor one a line, which leaves the backslashes and
    spaces of Windows paths as they are.
    """

    name = "powershell"
    source_template = _POWERSHELL_SOURCE

    def get_completion_args(self) -> tuple[list[str], str]:
        """Return the complete words after the program's name, and the incomplete one."""
        words = os.environ.get("COMP_WORDS", "").splitlines()
        return words[1:], os.environ.get("COMP_CWORD", "")

    def complete(self) -> str:
        """Return a line for each suggestion; none for paths, which PowerShell completes itself."""
        items = self.get_completions(*self.get_completion_args())
        return "\n".join(self.format_completion(item) for item in items if item.type == "plain")

    def format_completion(self, item: CompletionItem) -> str:
        """Return the value and its help; PowerShell refuses an empty one."""
        return f"{item.value}\t{item.help or item.value}"


def completion_script(program: click.Command, shell: str) -> str:
    """Return the script that makes a shell complete a program. Raises KeyError for an unknown one.

    The script calls the program by its name, which must be on the shell's path.
    """
    completer = get_completion_class(shell)
    if completer is None:
        raise KeyError(shell)
    return completer(program, {}, "limner", _COMPLETE_VARIABLE).source()
