"""The first explorer in a browser, on a bare page without a kernel: its numbers beside torch's, pointer and keys."""

import json
import os
import re

import numpy as np
import pytest
import torch
from lab_browser import FLAGS, find_chromium, wait
from playwright.sync_api import sync_playwright

from metarl_core.agents import GaussianPolicy
from metarl_core.meta import PolicyMAML
from metarl_core.meta.policies import adaptation_curve
from metarl_core.parameters import initial_parameters
from metarl_core.tasks import GridGoals, PointNavigation, TurnedControls
from metarl_core.widgets import adaptation_explorer
from metarl_core.widgets.adaptation import STATIC, as_task

SITE = "http://metarl.test/"
PAGE = """<!doctype html><link rel="stylesheet" href="adaptation.css"><body><div id="here"></div>"""
RATES = [0.5, 0.25, 0.25]

# Parameters and returns of every stage and policy, for each goal; names and layout as in torch.
CURVES = """async ([name, tasks, rates]) => {
    const { adapt, finish, prepare, unpack } = await import('/policy_gradient.js');
    const data = await (await fetch(`/${name}.json`)).json();
    const transposed = ({ weight, inputs, outputs }) => Array.from(
        { length: inputs * outputs }, (_, n) => weight[(n % inputs) * outputs + Math.floor(n / inputs)]);
    return data.methods.map(({ label }) => {
        const start = finish(prepare(unpack(data.parameters[label], data.sizes), data));
        return tasks.map(task => finish(adapt(start, data, task, rates)).map(stage => ({
            meanReturn: stage.meanReturn,
            flat: [...stage.network.layers.flatMap(layer => [...transposed(layer), ...layer.bias]),
                   ...stage.network.logStd],
        })));
    });
}"""
MOUNT = """async (name) => {
    const { mount } = await import('/adaptation.js');
    const data = await (await fetch(`/${name}.json`)).json();
    window.explorer = mount(document.querySelector('#here'), data);
}"""


def networks(family, activation):
    """A policy and two starts: one that strays, and one that holds its place a little and seldom acts wildly."""
    spaces = family.observation_space, family.action_space
    policy = GaussianPolicy(*spaces, activation=activation, generator=torch.Generator().manual_seed(0))
    wild = initial_parameters(policy)
    calm = {name: value.clone() for name, value in wild.items()}
    calm["log_std"] -= 1.0
    calm["mean.bias1"] += 0.1
    return family, policy, {"MAML": calm, "random initialisation": wild}


class SinglePrecisionStarts(TurnedControls):
    """In double precision the same first offsets, which otherwise are drawn anew in each precision."""

    def initial(self, rng, params):
        drawn = super().initial(rng, {name: value.float() for name, value in params.items()})
        return drawn.to(params["angle"].dtype)


@pytest.fixture(scope="module")
def cases():
    """Family, policy and starts, by the name of the page's data; both worlds and both activations."""
    return {
        "goal": networks(PointNavigation(), torch.relu),
        "turned": networks(TurnedControls(), torch.relu),
        "goal-tanh": networks(PointNavigation(horizon=30), torch.tanh),
        "turned-tanh": networks(TurnedControls(half_width=0.4), torch.tanh),
    }


@pytest.fixture(scope="module")
def case(cases):
    return cases["goal"]


@pytest.fixture(scope="module")
def page(cases):
    """A page that holds the module's files and the explorer's data, and nothing else."""
    chromium = find_chromium()
    if chromium is None:
        words = "no Chromium here: install one (Debian: apt-get install chromium) or name it in METARL_CHROMIUM"
        if os.environ.get("CI"):
            pytest.fail(words)
        pytest.skip(words)
    data = {name: page_data(adaptation_explorer(*case)) for name, case in cases.items()}
    kinds = {".js": "text/javascript", ".css": "text/css"}

    def answer(route):
        name = route.request.url.removeprefix(SITE)
        if name == "":
            route.fulfill(body=PAGE, content_type="text/html")
        elif name.removesuffix(".json") in data:
            route.fulfill(body=data[name.removesuffix(".json")], content_type="application/json")
        elif (STATIC / name).is_file():
            route.fulfill(body=(STATIC / name).read_text("utf-8"), content_type=kinds[(STATIC / name).suffix])
        else:
            route.fulfill(status=404, body="")

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, headless=True, args=FLAGS)
        page = browser.new_page(viewport={"width": 900, "height": 700}, reduced_motion="reduce")
        page.route("**/*", answer)
        page.errors = []
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        yield page
        assert page.errors == []
        browser.close()


def page_data(explorer):
    """What the browser gets, as JSON: numbers in place of bytes."""
    everything = explorer.data | {"parameters": explorer.parameters}
    return json.dumps(everything, default=lambda sent: np.frombuffer(sent, "<f4").tolist())


def mounted(page, name="goal"):
    """The explorer on a fresh page, computed."""
    page.goto(SITE)
    page.evaluate(MOUNT, name)
    assert wait(lambda: "…" not in captions(page), 30)
    return page


def captions(page):
    return page.locator(".returns").all_inner_texts()


GOALS = [[0.3, 0.25], [-0.5, 0.5], [0.02, -0.03], [0.0, -0.5]]
"""in corners, near the start, where episodes end early, and on its edge"""
ANGLES = [[2.0], [-3.1], [0.0]]


@pytest.mark.in_turn(4)
@pytest.mark.slow
@pytest.mark.parametrize(
    "dtype, parameters_off, returns_off", [(torch.float32, 1e-4, 1e-2), (torch.float64, 1e-7, 1e-4)]
)
@pytest.mark.parametrize("name", ["goal", "turned", "goal-tanh", "turned-tanh"])
def test_steps_are_those_of_torch(page, cases, name, dtype, parameters_off, returns_off):
    """Three steps from two initialisations, for several tasks."""
    family, policy, starts = cases[name]
    tasks = GOALS if name.startswith("goal") else ANGLES
    page.goto(SITE)
    found = page.evaluate(CURVES, [name, tasks, RATES])
    if isinstance(family, TurnedControls):
        family = SinglePrecisionStarts(half_width=family.half_width)
    method = PolicyMAML(family, policy, episodes=20)
    names = [name for name in starts["MAML"] if name != "log_std"] + ["log_std"]
    for start, by_task in zip(starts.values(), found, strict=True):
        start = {name: value.to(dtype) for name, value in start.items()}
        for numbers, stages in zip(tasks, by_task, strict=True):
            task = {name: value.to(dtype) for name, value in as_task(family, numbers).items()}
            expected = adaptation_curve(method, start, task, torch.Generator().manual_seed(1), inner_lr=RATES)
            # In single precision a walk that flees amplifies the last digit: there one step, in double three.
            compared = 2 if dtype == torch.float32 and name.startswith("turned") else 4
            each = list(zip(stages, expected.parameters, expected.returns[0], strict=True))
            for stage, parameters, earned in each[:compared]:
                flat = torch.cat([parameters[name].flatten() for name in names]).double()
                computed = torch.tensor(stage["flat"], dtype=torch.float64)
                torch.testing.assert_close(computed, flat, rtol=0, atol=parameters_off)
                assert abs(stage["meanReturn"] - float(earned)) < returns_off
            assert (flat - torch.cat([start[name].flatten() for name in names])).abs().max() > 100 * parameters_off


@pytest.mark.slow
def test_pointer_and_keys_move_the_goal(page):
    mounted(page)
    star = page.get_by_role("slider", name=re.compile("^Goal"))
    first, before = star.get_attribute("aria-valuetext"), captions(page)
    assert first == "x 0.30, y 0.25"
    box = page.locator(".square").last.bounding_box()  # any square drags the one goal
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + 2, box["y"] + 2, steps=5)
    page.mouse.up()
    assert star.get_attribute("aria-valuetext") == "x −0.50, y 0.50", "the goal stays in the square of training"
    assert wait(lambda: all(now != was for now, was in zip(captions(page), before, strict=True)), 30)
    page.keyboard.press("ArrowRight")  # the pointer has left the focus on the goal
    page.keyboard.press("Shift+ArrowDown")
    assert star.get_attribute("aria-valuetext") == "x −0.45, y 0.49"
    spoken = page.locator("[aria-live]")
    assert wait(lambda: "x −0.45, y 0.49; 1 gradient step" in spoken.inner_text(), 30)
    assert all(returns.split(" → ")[1] in spoken.inner_text() for returns in captions(page))


@pytest.mark.slow
def test_pointer_and_keys_turn_the_controls(page):
    mounted(page, "turned")
    dial = page.get_by_role("slider", name=re.compile("^Angle that the controls"))
    before = captions(page)
    assert dial.get_attribute("aria-valuetext") == "115 degrees"
    box = page.locator(".square").last.bounding_box()
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(*middle)
    page.mouse.down()
    page.mouse.move(middle[0], middle[1] + 60, steps=5)
    page.mouse.up()
    assert dial.get_attribute("aria-valuetext") == "−90 degrees", "downwards"
    assert wait(lambda: all(now != was for now, was in zip(captions(page), before, strict=True)), 30)
    for key, words in (("ArrowLeft", "−85"), ("Shift+ArrowRight", "−86"), ("ArrowDown", "−91")):
        page.keyboard.press(key)
        assert dial.get_attribute("aria-valuetext") == f"{words} degrees"
    for _ in range(18):
        page.keyboard.press("ArrowRight")
    assert dial.get_attribute("aria-valuetext") == "179 degrees", "round and round"
    spoken = page.locator("[aria-live]")
    assert wait(lambda: "Controls turned by 179 degrees; 1 gradient step" in spoken.inner_text(), 30)
    star, square = page.locator(".star").last.bounding_box(), page.locator(".square").last.bounding_box()
    for start, side in (("x", "width"), ("y", "height")):
        off = (star[start] + star[side] / 2) - (square[start] + square[side] / 2)
        assert abs(off) < 2, "the goal stays in the middle"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["goal", "turned"])
def test_a_training_is_seen_while_it_runs(page, name):
    """Other parameters, as a kernel sends them: the panel shows what they do, and the others stay as they are."""
    mounted(page, name)
    before = captions(page)
    page.evaluate(
        """async (name) => {
            const { parameters } = await (await fetch(`/${name}.json`)).json();
            explorer.learn({ ...parameters, MAML: parameters["random initialisation"] });
        }""",
        name,
    )
    assert wait(lambda: captions(page) == [before[1], before[1]], 30)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["goal", "turned"])
def test_redraws_follow_the_hand(page, name):
    """At least fifteen redraws a second while the handle is moved: each works on numbers for some milliseconds only.

    The time that scripts take is counted, and not the clock on the wall, on which a busy machine may do other things.
    """
    mounted(page, name)
    client = page.context.new_cdp_session(page)
    client.send("Performance.enable")

    def measured():
        found = {entry["name"]: entry["value"] for entry in client.send("Performance.getMetrics")["metrics"]}
        return found["ScriptDuration"], page.evaluate("window.frames_seen")

    page.evaluate("""() => {
        window.frames_seen = 0;
        const count = () => { window.frames_seen += 1; requestAnimationFrame(count); };
        count();
    }""")
    before = measured()
    for key in ["ArrowLeft"] * 10 + ["ArrowUp"] * 10:
        page.keyboard.press(key)
        page.wait_for_timeout(30)
    spent, frames = (after - first for after, first in zip(measured(), before, strict=True))
    assert frames >= 5 and spent / frames < 1 / 15, f"{spent:.2f} s of scripts in {frames} frames"


@pytest.mark.slow
def test_buttons_and_step_size(page):
    mounted(page)
    after_one = captions(page)
    page.get_by_role("button", name="0 gradient steps").click()
    assert wait(lambda: not any("→" in words for words in captions(page)), 30)
    assert page.get_by_role("button", name="0 gradient steps").get_attribute("aria-pressed") == "true"
    page.get_by_role("button", name="3 gradient steps").click()
    assert wait(lambda: all("→" in words for words in captions(page)) and captions(page) != after_one, 30)
    page.get_by_role("slider", name="step size").fill("0")
    page.get_by_role("button", name="1 gradient step", exact=True).click()
    images = page.get_by_role("img", name=re.compile("20 walks after 1 gradient step; mean return"))
    assert wait(lambda: images.count() == 2, 30)
    inside = "() => { const e = document.querySelector('.metarl-adaptation'); return e.scrollHeight - e.clientHeight }"
    assert page.evaluate(inside) == 0, "nothing reaches out below: Lab would give the output a scroll bar"
    page.evaluate("() => explorer.away()")
    assert page.locator("#here").inner_html() == ""


def test_bad_input_is_answered_in_one_sentence(case):
    family, policy, starts = case
    spaces = family.observation_space, family.action_space
    for arguments, words in [
        ((PointNavigation("sparse"), policy, starts), "family must have the reward 'distance', got 'sparse'"),
        ((GridGoals(), policy, starts), "family must be a PointNavigation or TurnedControls, got GridGoals"),
        ((family, GaussianPolicy(*spaces, activation=torch.sigmoid), starts), "policy must have the activation"),
        ((family, GaussianPolicy(*spaces, (5,)), starts), r"meta must have the policy's parameters|must have shape"),
        ((family, policy, {}), "starts must be a dictionary of at least one"),
        ((family, policy, starts, -1.0), "inner_lr must be above 0"),
        ((family, policy, starts, 0.5, 0), "episodes must be at least 1"),
        ((family, policy, starts, 0.5, 20, 1.5), "discount must"),
        ((family, policy, starts, 0.5, 20, 0.99, -1), "seed must be at least 0"),
    ]:
        with pytest.raises(ValueError, match=words):
            adaptation_explorer(*arguments)


def test_picture_stands_in_where_widgets_are_not_shown(case, monkeypatch):
    monkeypatch.setenv("METARL_EDITION", "book")
    explorer = adaptation_explorer(*case)
    data, metadata = explorer._repr_mimebundle_()
    assert set(data) == {"application/vnd.jupyter.widget-view+json", "image/png", "text/plain"}
    assert "star" in metadata["image/png"]["alt"]
    # One module for anywidget, of the two files that a page imports.
    assert "import " not in re.sub(r"(?m)^\s*(//|\*|/\*).*$", "", explorer._esm)


def test_a_callback_shows_what_a_training_has_reached(case):
    family, policy, starts = case
    explorer = adaptation_explorer(family, policy, starts)
    before, wild = dict(explorer.parameters), starts["random initialisation"]
    show = explorer.callback("MAML")
    show(1, wild, None)
    assert explorer.parameters == before, "not after every iteration"
    show(2, wild, None)
    assert explorer.parameters == before | {"MAML": before["random initialisation"]}
    for broken, words in [
        (lambda: explorer.callback("PEARL"), "label must be one of MAML, random initialisation, got 'PEARL'"),
        (lambda: explorer.learned("MAML", {}), "meta must"),
    ]:
        with pytest.raises(ValueError, match=words):
            broken()


def test_the_books_picture_is_drawn_anew_in_the_end(case, monkeypatch):
    """At the desk it is not: a widget that is shown once more would forget where the reader dragged the goal."""
    family, policy, starts = case
    explorer, updates = adaptation_explorer(family, policy, starts), []
    explorer.finish(starts)  # never shown: nothing to draw
    explorer.shown = type("Shown", (), {"update": lambda self, what: updates.append(what)})()
    monkeypatch.delenv("METARL_EDITION", raising=False)
    explorer.finish(starts)
    assert updates == []
    monkeypatch.setenv("METARL_EDITION", "book")
    explorer.finish({"MAML": starts["random initialisation"]})
    assert updates == [explorer] and explorer.starts["MAML"] is starts["random initialisation"]
