"""The one thing pyproject.toml can't say: the theme goes into the wheel, beside the app.

Streamlit reads `.streamlit/config.toml` next to the script it runs. A name with a leading dot is no package, so that
package data can't hold it.
"""

from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

THEME = ".streamlit/config.toml"


class BuildWithTheme(build_py):
    """Copies the theme after the modules and counts it among the files of the distribution."""

    def run(self) -> None:
        """Build the modules, then lay the theme beside them."""
        super().run()
        if not self.editable_mode:  # an editable install runs the app where it stands, beside its theme
            target = Path(self.build_lib) / THEME
            target.parent.mkdir(parents=True, exist_ok=True)
            self.copy_file(THEME, str(target))

    def get_source_files(self) -> list[str]:
        """Return what a source distribution holds."""
        return [*super().get_source_files(), THEME]

    def get_outputs(self, include_bytecode: bool = True) -> list[str]:
        """Return what the build writes."""
        return [*super().get_outputs(include_bytecode), str(Path(self.build_lib) / THEME)]


setup(cmdclass={"build_py": BuildWithTheme})
