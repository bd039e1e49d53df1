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
from metarl_core.tasks import PointNavigation
from metarl_core.widgets import adaptation_explorer
from metarl_core.widgets.adaptation import STATIC

SITE = "http://metarl.test/"
PAGE = """<!doctype html><link rel="stylesheet" href="adaptation.css"><body><div id="here"></div>"""
RATES = [0.5, 0.25, 0.25]

# Parameters and returns of every stage and policy, for each goal; names and layout as in torch.
CURVES = """async ([goals, rates]) => {
    const { adapt, finish, prepare, unpack } = await import('/policy_gradient.js');
    const data = await (await fetch('/data.json')).json();
    const transposed = ({ weight, inputs, outputs }) => Array.from(
        { length: inputs * outputs }, (_, n) => weight[(n % inputs) * outputs + Math.floor(n / inputs)]);
    return data.methods.map(({ parameters }) => {
        const start = finish(prepare(unpack(parameters, data.sizes), data.noises[0], data.arena));
        return goals.map(goal => finish(adapt(start, data.noises, data.arena, goal, rates)).map(stage => ({
            meanReturn: stage.meanReturn,
            flat: [...stage.network.layers.flatMap(layer => [...transposed(layer), ...layer.bias]),
                   ...stage.network.logStd],
        })));
    });
}"""
MOUNT = """async () => {
    const { mount } = await import('/adaptation.js');
    const data = await (await fetch('/data.json')).json();
    window.away = mount(document.querySelector('#here'), data);
}"""


@pytest.fixture(scope="module")
def case():
    """Family, policy and two starts: one that strays, and one that holds its place a little and seldom acts wildly."""
    family = PointNavigation()
    policy = GaussianPolicy(family.observation_space, family.action_space, generator=torch.Generator().manual_seed(0))
    wild = initial_parameters(policy)
    calm = {name: value.clone() for name, value in wild.items()}
    calm["log_std"] -= 1.0
    calm["mean.bias1"] += 0.1
    return family, policy, {"MAML": calm, "random initialisation": wild}


@pytest.fixture(scope="module")
def page(case):
    """A page that holds the module's files and the explorer's data, and nothing else."""
    chromium = find_chromium()
    if chromium is None:
        words = "no Chromium here: install one (Debian: apt-get install chromium) or name it in METARL_CHROMIUM"
        if os.environ.get("CI"):
            pytest.fail(words)
        pytest.skip(words)
    data = json.dumps(adaptation_explorer(*case).data, default=lambda sent: np.frombuffer(sent, "<f4").tolist())
    kinds = {".js": "text/javascript", ".css": "text/css"}

    def answer(route):
        name = route.request.url.removeprefix(SITE)
        if name == "":
            route.fulfill(body=PAGE, content_type="text/html")
        elif name == "data.json":
            route.fulfill(body=data, content_type="application/json")
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


def mounted(page):
    """The explorer on a fresh page, computed."""
    page.goto(SITE)
    page.evaluate(MOUNT)
    assert wait(lambda: "…" not in captions(page), 30)
    return page


def captions(page):
    return page.locator(".returns").all_inner_texts()


@pytest.mark.slow
@pytest.mark.parametrize(
    "dtype, parameters_off, returns_off", [(torch.float32, 1e-4, 1e-2), (torch.float64, 1e-7, 1e-4)]
)
def test_steps_are_those_of_torch(page, case, dtype, parameters_off, returns_off):
    """Three steps towards goals in corners, near the start, where episodes end early, and on its edge."""
    family, policy, starts = case
    goals = [[0.3, 0.25], [-0.5, 0.5], [0.02, -0.03], [0.0, -0.5]]
    page.goto(SITE)
    found = page.evaluate(CURVES, [goals, RATES])
    method = PolicyMAML(family, policy, episodes=20)
    names = [name for name in starts["MAML"] if name != "log_std"] + ["log_std"]
    for start, by_goal in zip(starts.values(), found, strict=True):
        start = {name: value.to(dtype) for name, value in start.items()}
        for goal, stages in zip(goals, by_goal, strict=True):
            expected = adaptation_curve(
                method, start, {"goal": torch.tensor([goal], dtype=torch.float32).to(dtype)},
                torch.Generator().manual_seed(1), inner_lr=RATES,
            )  # fmt: skip
            for stage, parameters, earned in zip(stages, expected.parameters, expected.returns[0], strict=True):
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
    page.evaluate("() => window.away()")
    assert page.locator("#here").inner_html() == ""


def test_bad_input_is_answered_in_one_sentence(case):
    family, policy, starts = case
    spaces = family.observation_space, family.action_space
    for arguments, words in [
        ((PointNavigation("sparse"), policy, starts), "family must have the reward 'distance', got 'sparse'"),
        ((family, GaussianPolicy(*spaces, activation=torch.tanh), starts), "policy must have the activation"),
        ((family, GaussianPolicy(*spaces, (5,)), starts), r"meta must have the policy's parameters|must have shape"),
        ((family, policy, {}), "starts must be a dictionary of at least one"),
        ((family, policy, starts, -1.0), "inner_lr must be at least 0"),
        ((family, policy, starts, 0.5, 0), "episodes must be at least 1"),
        ((family, policy, starts, 0.5, 20, -1), "seed must be at least 0"),
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
