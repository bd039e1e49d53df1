"""What Sphinx reads: pages of the web edition, laid from notebooks, course.toml, README and the package."""
