"""What an optional package's absence is told in: one sentence with the command."""

COMMAND = "pip install -c constraints.txt -e '.[benchmarks]'"


def missing_extra(what: str, package: str) -> ModuleNotFoundError:
    """The error for something that needs the extra `benchmarks`, whose `package` is not there."""
    return ModuleNotFoundError(f"{what} needs {package}, which is not installed: {COMMAND}", name=package)
