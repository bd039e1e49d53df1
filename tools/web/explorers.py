"""The explorers of chapter 00 as the notebook left them: all that their module needs, read from the outputs."""

from __future__ import annotations

import json
from typing import Any

from nbformat import NotebookNode

VIEW, STATE = "application/vnd.jupyter.widget-view+json", "application/vnd.jupyter.widget-state+json"


def explorer(notebook: NotebookNode, output: NotebookNode) -> dict[str, Any] | None:
    """What `mount` in metarl_core/widgets/static/adaptation.js takes, for the widget that this output shows.

    Bytes stand there as `{"base64": ...}`, trained parameters included. None where the output shows another widget.
    """
    models = notebook.metadata.get("widgets", {}).get(STATE, {}).get("state", {})
    model = models.get(output.get("data", {}).get(VIEW, {}).get("model_id"))
    if model is None or model["model_name"] != "AnyModel" or "parameters" not in model["state"]:
        return None
    state = json.loads(json.dumps({name: model["state"][name] for name in ("data", "parameters")}))
    for buffer in model["buffers"]:  # the state has a gap there, or an entry less
        *way, last = buffer["path"]
        place = state
        for step in way:
            place = place[step]
        place[last] = {"base64": buffer["data"]}
    return {**state["data"], "parameters": state["parameters"]}
