"""What pyproject.toml cannot say: the example state at the top is packed for `reconciler demo`."""

from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

EXAMPLE = Path("state")


class BuildWithExample(build_py):
    """Copies it beside the room that builds the demo site."""

    def run(self) -> None:
        super().run()
        folder = Path(self.build_lib, "reconciler", "sandbox", "example_state")
        folder.mkdir(parents=True, exist_ok=True)
        for file in sorted(EXAMPLE.iterdir()):
            self.copy_file(str(file), str(folder / file.name))


setup(cmdclass={"build_py": BuildWithExample})
