"""Each package carries a true copy of plugin_runtime."""

from __future__ import annotations

from typing import TYPE_CHECKING

import vendor_runtime

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["vendor_runtime.py", *arguments])
    return vendor_runtime.main()


def test_a_copy_that_differs_is_named_and_written_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(vendor_runtime, "ROOT", tmp_path)
    monkeypatch.setattr(vendor_runtime, "MODULES", {"tap": ("errors",)})
    assert run(monkeypatch) == 0
    assert run(monkeypatch, "--check") == 0

    copy = tmp_path / "tap" / "plugin_runtime" / "errors.py"
    copy.write_text("changed")
    (copy.parent / "stranger.py").write_text("")
    assert run(monkeypatch, "--check") == 1
    said = capsys.readouterr().out
    assert "tap/plugin_runtime/errors.py differs from its source" in said
    assert "tap/plugin_runtime/stranger.py is not listed" in said
    assert run(monkeypatch) == 0
    assert run(monkeypatch, "--check") == 0
