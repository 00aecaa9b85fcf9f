"""What the programs of this repository share at run time. Each carries a copy: edit `plugin-runtime/`, not the copy."""
