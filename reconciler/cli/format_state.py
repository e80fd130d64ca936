"""`reconciler fmt`: the files of the declared state in one layout."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from reconciler.cli.edit import refuse_more
from reconciler.cli.exit_status import Status
from reconciler.cli.read_site import read_site
from reconciler.cli.state_files import content_of, difference, refuse_unwritable, write_file
from reconciler.cli.streams import say, write
from reconciler.declared.load import load_state
from reconciler.declared.problems import Problems
from reconciler.declared.read.find import find_sources
from reconciler.declared.write.file_text import FileText
from reconciler.declared.write.format import formatted
from reconciler.declared.write.schema_line import schema_for
from reconciler.report.vocabulary import count


def fmt(site: Path | None, state: Path | None, *, check: bool) -> Status:
    """Writes every file that is not in the layout, or shows what would be written. Raises UsageError, InvalidInput."""
    settings, declaration = read_site(site, state)
    folder = declaration.folder
    sources = {source.name: source for source in find_sources(folder, Problems())}
    old = {name: content_of(source) for name, source in sources.items()}
    texts = {name: FileText.of(name, content).text for name, content in old.items()}
    laid_out = {name: formatted(text, schema_for(name, texts.items())).encode() for name, text in texts.items()}
    new = {name: content for name, content in laid_out.items() if content != old[name]}
    if not new:
        say(f"{count(len(sources), 'file')}, all in the layout")
        return Status.DONE
    after = load_state(folder, settings, today=declaration.state.today, instead=new)
    refuse_more(replace(declaration.state, commit=""), after.state, frozenset())
    if check:
        for name in new:
            write("\n".join(difference(sources[name].shown, old[name], new[name])))
        say(f"{count(len(new), 'file')} of {len(sources)} not in the layout\nnext: reconciler fmt")
        return Status.PENDING
    for name in new:
        refuse_unwritable(sources[name].path, old[name], sources[name].shown)
    for name, content in new.items():
        write_file(sources[name].path, content, sources[name].shown)
        write(sources[name].shown)
    say(f"{count(len(new), 'file')} of {len(sources)} written anew\nnext: git diff")
    return Status.DONE
