"""`rulener schema`: JSON Schemas of a pack's files, for editors."""

from __future__ import annotations

import json
from pathlib import Path

import click


@click.command()
@click.argument("folder", metavar="DIR")
def command(folder: str) -> int:
    """Write the JSON Schemas of a pack's files into the folder DIR, and print the settings by which VS Code uses them.

    \b
    Example:
      rulener schema .vscode
    """
    from rulener.authoring.files import replace_file
    from rulener.packs.schema import schemas

    Path(folder).mkdir(parents=True, exist_ok=True)
    for name, schema in schemas().items():
        replace_file(Path(folder) / name, (json.dumps(schema, indent=2) + "\n").encode("utf-8"))
    click.echo(json.dumps(settings(Path(folder)), indent=2))
    return 0


def settings(folder: Path) -> dict[str, object]:
    """What `.vscode/settings.json` needs for the YAML extension."""
    place = folder.as_posix()
    prefix = place if place.startswith(("/", "./")) else f"./{place}"
    return {
        "yaml.schemas": {
            f"{prefix}/pack.schema.json": "**/pack.yaml",
            f"{prefix}/cases.schema.json": "**/*.cases.yaml",
            f"{prefix}/rules.schema.json": ["**/*pack*/!(pack|*.cases).yaml"],
        }
    }
