"""Shows that a check can fail: puts one mistake at a time into a copy of the sources, builds a
program there, and has a judge look whether that program finds it. Used by the files named mutate."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent.parent


def build(tree, target):
    folder = tree / "build"
    if not folder.exists():
        subprocess.run(["meson", "setup", folder, tree, "-Dexamples=false", "-Dcli=disabled",
                        "-Dwerror=false"], check=True, capture_output=True)
    subprocess.run(["ninja", "-j2", "-C", folder, target], check=True, capture_output=True)
    return folder / target


def edit(tree, file, old, new):
    """Returns why it can't be done, or None."""
    path = tree / file
    text = path.read_text(encoding="utf-8")
    if text.count(old) != 1:
        return f"can't be made any more: {file} has changed"
    path.write_text(text.replace(old, new), encoding="utf-8")
    return None


def try_one(tree, target, mutation, judge):
    """Returns whether it was found, and how, or why not."""
    _, file, old, new, *rest = mutation
    edits = [(file, old, new)] if isinstance(file, str) else list(zip(file, old, new))
    texts = {tree / name: (tree / name).read_text(encoding="utf-8") for name, _, _ in edits}
    try:
        for one in edits:
            why = edit(tree, *one)
            if why:
                return False, why
        return judge(build(tree, target), *rest)
    except subprocess.CalledProcessError as failure:
        return False, f"it does not compile: {failure.stdout.decode()[-300:]}"
    finally:
        for path, text in texts.items():
            path.write_text(text, encoding="utf-8")


def run(target, mutations, judge):
    """Tries those with a word of the command line in their name, else all. A mutation is (what is
    wrong; the file; what stands there; what stands there then; more for the judge), with tuples in
    the place of the three where it takes several edits. The judge gets the built program and the
    rest, and returns what try_one() does. Returns the exit code."""
    wanted = [m for m in mutations
              if not sys.argv[1:] or any(word in m[0] for word in sys.argv[1:])]
    missed = 0
    with tempfile.TemporaryDirectory() as scratch:
        tree = Path(scratch) / "tree"
        shutil.copytree(TOP, tree, ignore=shutil.ignore_patterns("build*", ".git"))
        for mutation in wanted:
            found, how = try_one(tree, target, mutation, judge)
            missed += not found
            print(f"{'ok    ' if found else 'MISSED'}  {mutation[0]}: {how}", flush=True)
    print(f"mutate: {len(wanted) - missed} found, {missed} missed")
    return 1 if missed or not wanted else 0
