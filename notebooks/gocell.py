"""The %%go cell magic: Go in a Python notebook, inside the module that this file is part of.

    %load_ext gocell

A %%go cell is the body of main, after its imports. One that begins with "package" is a whole file.
It runs from the root of the module, so that it imports local packages; flags behind %%go go to
"go run". What it prints is shown, and so is each .png, .svg and .html that it writes into the
folder $NB_OUT. Nothing is written into the module. Cells share no variables: leave a file for the
next one, in a folder that both know.
"""

import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from IPython.display import HTML, SVG, Image, display

SHOW = {".png": lambda p: Image(filename=str(p)), ".svg": lambda p: SVG(filename=str(p)), ".html": lambda p: HTML(p.read_text())}

# Blank lines, comments and imports, with which a cell may begin.
IMPORTS = re.compile(r'(?:\s+|//.*\n|import\s*\([^)]*\)|import\s+[^\n(;]+;?)*')


class GoError(RuntimeError):
    """A cell that did not compile, or failed. The message is what Go says, with lines counted as in the cell."""

    def _render_traceback_(self):  # the frames of this file would not help anybody
        return [str(self)]


def program(cell):
    """Returns the cell as a file of Go whose errors name the cell's own lines, of which %%go is the first."""
    if re.match(r"(\s+|//.*\n)*package\b", cell):
        return "//line cell:2\n" + cell
    end = IMPORTS.match(cell).end()
    imports, body = cell[:end], cell[end:]
    line = 2 + imports.count("\n")
    return f"package main\n//line cell:2\n{imports}\nfunc main() {{\n//line cell:{line}\n{body}\n}}\n"


def go(line, cell):
    gomod = subprocess.check_output(["go", "env", "GOMOD"], cwd=Path(__file__).parent, text=True).strip()
    with tempfile.TemporaryDirectory() as folder:
        source, out = Path(folder, "cell.go"), Path(folder, "out")
        source.write_text(program(cell))
        out.mkdir()
        done = subprocess.run(
            ["go", "run", *shlex.split(line), str(source)], cwd=Path(gomod).parent, env={**os.environ, "NB_OUT": str(out)},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        sys.stdout.write(done.stdout)
        said = re.sub(r"(?:\S*/)?cell:(\d+)", r"cell:\1", done.stderr)
        if done.returncode != 0:
            raise GoError(said)
        sys.stderr.write(said)
        for path in sorted(out.iterdir()):
            if path.suffix in SHOW:
                display(SHOW[path.suffix](path))


def load_ipython_extension(shell):
    shell.register_magic_function(go, "cell")
