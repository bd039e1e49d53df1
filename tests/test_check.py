"""The frame of the checks: each kind of wrong answer gets the message made for it."""

import io
import random
import signal
import sys
import threading
import time
import warnings
from contextlib import redirect_stdout
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
import torch

from metarl_core.check import (
    CheckFailed,
    Draw,
    NotDone,
    Wrong,
    case,
    design_check,
    function_check,
    value_check,
)
from metarl_core.check.compare import difference
from metarl_core.check.copies import changed, clone
from metarl_core.check.limits import TooLong, limited


def _draw_case(draw):
    gamma = draw.choice(0.0, 1.0, draw.uniform(0.3, 0.95), draw.uniform(0.3, 0.95))
    rewards = draw.normal(draw.integer(2, 4), draw.integer(2, 6), dtype=torch.float32)
    return case(rewards, gamma=gamma).noting({"gamma is 0": gamma == 0.0})


def _by_definition(rewards, gamma):
    return torch.stack([sum(gamma**t * r for t, r in enumerate(episode)) for episode in rewards])


check = function_check(
    "discounted_return", _by_definition, _draw_case,
    Wrong("undiscounted", "Where does gamma come in?", lambda rewards, gamma: rewards.sum(-1)),
    Wrong("late_start", "At what power does it begin?", lambda rewards, gamma: gamma * _by_definition(rewards, gamma)),
    Wrong("negative", "A sign is lost.", when=lambda got, *a, **k: (got * _by_definition(*a, **k) < 0).all()),
)  # fmt: skip


def right(rewards, gamma):
    return (rewards * gamma ** torch.arange(rewards.shape[-1])).sum(-1)


def rejected(answer, by=check) -> CheckFailed:
    with pytest.raises(CheckFailed) as caught:
        by(answer)
    assert caught.value._render_traceback_() == [str(caught.value)]
    assert caught.value.__cause__ is None and caught.value.__context__ is None
    return caught.value


def test_right_answer_prints_one_line():
    out = io.StringIO()
    with redirect_stdout(out):
        assert check(right) is None
    assert out.getvalue() == "Passed: `discounted_return` is right on 24 different inputs.\n"


def test_misconceptions_are_named():
    assert rejected(lambda rewards, gamma: rewards.cumsum(-1)[:, -1]).misconception == "undiscounted"
    late = rejected(lambda rewards, gamma: right(rewards, gamma) * gamma)
    assert (late.misconception, str(late)) == ("late_start", "At what power does it begin?")
    assert rejected(lambda rewards, gamma: -3 * right(rewards, gamma)).misconception == "negative"


def test_a_misconception_must_explain_every_wrong_result():
    def sometimes(rewards, gamma):
        return rewards.sum(-1) if gamma < 0.6 else torch.zeros(len(rewards))

    assert rejected(sometimes).misconception is None


def test_a_misconception_is_named_beside_nan_that_has_another_cause():
    def draw_padded(draw):
        padding = draw.choice(0.0, float("nan"))
        return case(draw.normal(3), torch.tensor([True, draw.chance(0.5), False]), padding)

    def total(values, mask, padding):
        return torch.where(mask, values, 0.0).sum()

    check_total = function_check("total", total, draw_padded, Wrong("negative", "A sign.", lambda *a: -total(*a)))
    error = rejected(lambda v, m, p: -(torch.where(m, v, p) * m).sum(), check_total)
    assert error.misconception == "negative" and str(error).startswith("A sign.\n(the result contains NaN")
    of_finite_numbers = rejected(lambda v, m, p: -total(v, m, p) if v[0] > 0 else total(v, m, p) / 0, check_total)
    assert of_finite_numbers.misconception is None


def test_a_misconception_is_named_beside_one_case_in_which_numbers_ran_away():
    def draw_long(draw):
        return case(draw.normal(2), draw.once(20, 600, draw.integer(1, 4)))

    def shrunk(values, steps):
        return values * torch.tensor(0.1).double() ** steps

    def grown_and_cancelled(values, steps):
        grown = grows(values, steps)
        return grown - grown * 0  # no number where the other way is infinite

    def grows(values, steps):
        return values / torch.tensor(0.1).double() ** steps

    check_shrunk = function_check("shrunk", shrunk, draw_long, Wrong("grows", "It grows.", grows))
    assert rejected(grown_and_cancelled, check_shrunk).misconception == "grows"


def test_warnings_of_a_misconceptions_own_answer_are_not_shown(recwarn):
    by = function_check(
        "f", _by_definition, _draw_case,
        Wrong("m", "A word.", lambda rewards, gamma: warnings.warn("not the learner's", stacklevel=1)),
    )  # fmt: skip
    rejected(lambda rewards, gamma: torch.ones(len(rewards)), by)
    assert not recwarn.list


def test_a_misconception_must_agree_where_the_answer_is_right():
    def only_for_long_episodes(rewards, gamma):
        return rewards.sum(-1) if rewards.shape[1] > 4 else right(rewards, gamma)

    error = rejected(only_for_long_episodes)
    assert error.misconception is None and "Right on" in str(error)


def test_constant_is_rejected():
    error = rejected(lambda rewards, gamma: torch.ones(len(rewards)))
    assert error.kind == "value" and "largest difference" in str(error)


@pytest.mark.parametrize(
    ("spoil", "kind", "words"),
    [
        (lambda r: None, "type", "Is there a `return`?"),
        (lambda r: "abc", "type", "the str 'abc'"),
        (lambda r: r.numpy(), "type", "a numpy array of shape [2]"),
        (lambda r: r[:, None], "shape", "has shape [2, 1]; expected is [2]"),
        (lambda r: r.double(), "dtype", "torch.float64; expected is torch.float32"),
        (lambda r: r / 0 * 0, "finite", "NaN"),
        (lambda r: r / 0, "finite", "infinite"),
        (lambda r: r + 0.5, "value", "0.5"),
    ],
)
def test_structure_before_values(spoil, kind, words):
    error = rejected(lambda rewards, gamma: spoil(right(rewards, gamma)))
    assert error.kind == kind and words in str(error)


def test_predicates_are_spared_a_wrong_structure():
    fragile = function_check(
        "f", _by_definition, _draw_case, Wrong("m", "", when=lambda got, *a, **k: got.shape[7] > 0)
    )
    assert rejected(lambda rewards, gamma: None, fragile).kind == "type"


def test_exception_names_the_learners_line():
    def answer(rewards, gamma):
        weights = gamma
        return weights @ rewards  # a line to be quoted

    error = rejected(answer)
    assert error.kind == "exception"
    assert "TypeError" in str(error) and "return weights @ rewards  # a line to be quoted" in str(error)
    assert f"in line {answer.__code__.co_firstlineno + 2} of" in str(error)


def test_exception_deep_in_a_library_names_the_learners_line():
    error = rejected(lambda rewards, gamma: torch.nn.functional.linear(rewards, torch.zeros(3, 9)))
    assert (
        "RuntimeError" in str(error) and "test_check" not in str(error) and "torch.nn.functional.linear" in str(error)
    )


def test_wrong_signature():
    error = rejected(lambda rewards: rewards)
    assert "discounted_return(<2x2 Tensor>, gamma=" in str(error) and "unexpected keyword argument" in str(error)


def test_stub_is_not_done():
    def discounted_return(rewards, gamma):
        raise NotImplementedError()

    for answer in (discounted_return, None, ...):
        with pytest.raises(NotDone) as caught:
            check(answer)
        assert str(caught.value) == "Not done yet: fill in `discounted_return`."
        assert isinstance(caught.value, NotImplementedError)


def test_a_stub_that_the_answer_uses_is_named():
    def weights(n):
        raise NotImplementedError

    with pytest.raises(NotDone, match="fill in `weights`"):
        check(lambda rewards, gamma: weights(6) @ rewards)


def test_a_librarys_not_implemented_is_no_stub():
    error = rejected(lambda rewards, gamma: torch.ones(3, device="meta").cpu())
    assert "NotImplementedError" in str(error)


def test_arguments_must_survive():
    def answer(rewards, gamma):
        result = right(rewards, gamma)
        rewards.mul_(gamma)
        return result

    assert rejected(answer).kind == "changed arguments"


@pytest.mark.parametrize("leave", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_an_answer_that_leaves_python_gets_a_sentence(leave):
    def answer(rewards, gamma):
        raise leave

    error = rejected(answer)
    assert error.kind == "exit" and "returned nothing" in str(error)


def _loops(rewards, gamma):
    while True:
        pass


def _swallows(rewards, gamma):
    while True:
        try:
            time.sleep(0.01)
        except Exception:
            continue


@pytest.mark.parametrize("answer", [_loops, _swallows, lambda rewards, gamma: time.sleep(1000)])
def test_an_endless_call_ends_with_a_sentence(answer, monkeypatch):
    monkeypatch.setenv("METARL_CHECK_SECONDS", "0.2")
    error = rejected(answer)
    assert error.kind == "time" and "had not returned after 0.2 seconds" in str(error)


def test_an_alarm_on_the_way_out_of_a_call_or_after_it_does_no_harm(monkeypatch):
    if not hasattr(signal, "setitimer"):
        pytest.skip("there is no timer signal here")
    ring = []
    keep = signal.signal

    def kept(number, handler):
        ring.append(handler)
        return keep(number, handler)

    monkeypatch.setattr(signal, "signal", kept)
    with limited(100.0):
        with pytest.raises(TooLong):
            (lambda: ring[0](signal.SIGALRM, sys._getframe()))()

        class Leaving:
            def __exit__(self):
                ring[0](signal.SIGALRM, sys._getframe())

        Leaving().__exit__()
    ring[0](signal.SIGALRM, None)
    assert len(ring) == 2 and signal.getitimer(signal.ITIMER_REAL)[0] == 0


def test_an_endless_call_ends_in_a_thread_too(monkeypatch):
    """As on Windows, where there is no timer signal."""
    monkeypatch.setenv("METARL_CHECK_SECONDS", "0.2")
    kinds = []
    thread = threading.Thread(target=lambda: kinds.append(rejected(_loops).kind))
    thread.start()
    thread.join(60)
    assert kinds == ["time"]


@pytest.mark.parametrize("given", ["soon", "-1", "0", "nan"])
def test_a_limit_that_is_none_is_refused(given, monkeypatch):
    monkeypatch.setenv("METARL_CHECK_SECONDS", given)
    with pytest.raises(ValueError, match="METARL_CHECK_SECONDS must be a number of seconds above 0"):
        check(right)


def test_the_learners_state_is_put_back():
    import matplotlib.pyplot as plt

    def answer(rewards, gamma):
        torch.set_grad_enabled(False)
        torch.set_default_dtype(torch.float64)
        torch.set_printoptions(precision=1)
        np.set_printoptions(precision=1)
        np.seterr(all="ignore")
        warnings.simplefilter("ignore", ImportWarning)
        plt.rcParams["font.size"] = 77
        plt.figure()
        torch.manual_seed(1)
        return right(rewards, gamma).float()

    torch.manual_seed(5)
    before = (torch.get_rng_state(), np.get_printoptions(), np.geterr(), list(warnings.filters), plt.get_fignums())
    size = plt.rcParams["font.size"]
    assert rejected(answer).kind == "global seed"
    assert torch.is_grad_enabled() and torch.get_default_dtype() == torch.float32
    assert torch.equal(torch.get_rng_state(), before[0]) and plt.rcParams["font.size"] == size
    assert (np.get_printoptions(), np.geterr(), list(warnings.filters), plt.get_fignums()) == before[1:]
    check(right)


def test_a_learners_own_defaults_do_not_matter():
    torch.set_default_dtype(torch.float64)
    try:
        with torch.no_grad():
            check(right)
        assert torch.get_default_dtype() == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)


def test_what_a_call_does_besides():
    def remembers(rewards, gamma, called=[]):  # noqa: B006
        called.append(1)
        return right(rewards, gamma) + (0 if len(called) < 25 else 1)

    def graph(rewards, gamma):
        return right(rewards.clone().requires_grad_(), gamma)

    def marks(rewards, gamma):
        rewards.requires_grad_()
        return right(rewards.detach(), gamma)

    def draws(rewards, gamma):
        torch.rand(1)
        return right(rewards, gamma)

    found = {answer.__name__: rejected(answer).kind for answer in (remembers, graph, marks, draws)}
    assert found == {"remembers": "second call", "graph": "graph", "marks": "flags", "draws": "global draws"}


@pytest.mark.parametrize("seed", [torch.manual_seed, np.random.seed, random.seed])
def test_an_answer_that_seeds_is_not_said_to_draw(seed):
    def seeds(rewards, gamma):
        seed(7)
        return right(rewards, gamma)

    def seeds_and_draws(rewards, gamma):
        seed(7)
        torch.rand(1), np.random.rand(), random.random()
        return right(rewards, gamma)

    seed(7)  # the learner has done the same
    seen = rejected(seeds)
    assert seen.kind == "global seed" and "seeds a global generator" in str(seen) and "draws from a" not in str(seen)
    assert rejected(seeds_and_draws).kind == "global draws"


def test_a_quotient_of_differences_is_asked_for_where_a_derivative_by_hand_is_due():
    by, any_way = (
        function_check("f", lambda x: 3 * x**2, lambda draw: case(draw.normal(3)), autograd=allowed)
        for allowed in (False, True)
    )
    quotient = str(rejected(lambda x: ((x + 5e-4) ** 3 - (x - 5e-4) ** 3) / 1e-3, by))
    assert "single precision" in quotient and "quotient of two differences" in quotient
    assert "quotient" not in str(rejected(lambda x: 3 * x**2 + 1e-6, any_way))


def test_a_float32_inside_is_noticed_and_a_constant_times_a_flag_is_none():
    def draw_case(draw):
        return case(draw.normal(3), draw.flags(3), draw.uniform(0.3, 0.99) * draw.uniform(0.3, 0.99))

    by = function_check("f", lambda x, ends, gamma: x + torch.where(ends, 0.0, gamma * x), draw_case)
    by(lambda x, ends, gamma: x + gamma * ~ends * x)
    single = rejected(lambda x, ends, gamma: (x + gamma * ~ends * x).float().double(), by)
    assert single.kind == "value" and "single precision (float32)" in str(single)
    assert "float32" not in str(rejected(lambda x, ends, gamma: x + 0.01, by))


def test_drawn_numbers_lie_in_their_range():
    for low, high in ((0.0, 1.0), (0.5, 0.99), (-3.0, 2.0), (0.001, 0.02), (5.0, 5.3)):
        found = {Draw(seed).uniform(low, high) for seed in range(200)}
        assert low <= min(found) < low + 0.1 * (high - low) and high - 0.1 * (high - low) < max(found) <= high
        assert all(float(np.float32(number)) == number for number in found)


def _draw_noise(draw):
    return case(draw.integer(1, 4), draw.new_generator())


def test_a_generator_must_move_on():
    by = function_check("noise", lambda n, generator: [n], _draw_noise, observe=lambda f, n, g: list(f(n, g).shape))
    by(lambda n, generator: torch.randn(n, generator=generator))

    def copies(n, generator):
        return torch.randn(n, generator=clone(generator))

    assert rejected(copies, by).kind == "generator"
    assert rejected(lambda n, generator: torch.randn(n), by).kind == "global draws"


@pytest.mark.parametrize(
    "answer",
    [
        lambda x: torch.func.grad(lambda x: x**3)(x),
        lambda x: torch.func.jvp(lambda x: x**3, (x,), (torch.ones_like(x),))[1],
        lambda x: torch.autograd.functional.jacobian(lambda x: x**3, x),
        lambda x: torch.autograd.grad(y**3, y)[0] if (y := x.clone().requires_grad_()) is not None else None,
    ],
)
def test_a_derivative_by_hand_is_not_answered_by_autograd(answer):
    by = function_check("slope", lambda x: 3 * x**2, lambda draw: case(draw.normal(1)[0]), autograd=False)
    by(lambda x: 3 * x * x)
    assert rejected(answer, by).kind == "method"


def test_a_failure_is_shown_small_and_placed():
    def answer(rewards, gamma):
        return right(rewards, gamma) + (1.0 if gamma == 0 else 0.0)

    message = str(rejected(answer))
    assert "wrong where gamma is 0, and nowhere else" in message and "Type, shape and dtype are right" in message
    assert "rewards = [[" in message and "gamma = 0" in message and "expected is" in message
    assert "<2x2 Tensor>" in message, "a small one is sought"


def test_a_rounding_is_called_one():
    double = function_check("f", _by_definition, lambda draw: case(draw.normal(3, 4), gamma=draw.uniform(0.5, 0.9)))
    rounded = str(rejected(lambda rewards, gamma: right(rewards, gamma).float().double(), double))
    assert "right to four digits" in rounded and "single precision" in rounded
    assert "right to four digits" not in str(rejected(lambda rewards, gamma: right(rewards, gamma) + 1e-3, double))


def test_observe_judges_the_gradient():
    def gradient(loss, theta):
        (g,) = torch.autograd.grad(loss(theta), theta)
        return g

    def cases(draw):
        return case(draw.normal(3).requires_grad_())

    by = function_check(
        "loss", lambda theta: theta.detach(), cases,
        Wrong("detached", "The graph was cut.", raises="does not require grad"),
        Wrong("factor", "Where has the half gone?", lambda theta: (theta**2).sum()),
        observe=gradient,
    )  # fmt: skip
    by(lambda theta: 0.5 * theta @ theta)
    assert rejected(lambda theta: 0.5 * theta.detach() @ theta.detach(), by).misconception == "detached"
    assert rejected(lambda theta: theta @ theta, by).misconception == "factor"
    assert "returned None, and using that raised" in str(rejected(lambda theta: None, by))


def test_value():
    slope = value_check(
        "slope", -2.5, Wrong("sign", "Which way is downhill?", 2.5), Wrong("big", "Too big.", when=lambda a: a > 9)
    )
    for answer in (-2.5, np.float32(-2.5), torch.tensor(-2.5), -2.5001, Fraction(-5, 2), Decimal("-2.5"), [-2.5][0]):
        slope(answer)
    assert rejected(2.5, slope).misconception == "sign"
    assert rejected(10, slope).misconception == "big"
    assert rejected(1.0, slope).kind == "value" and str(rejected(1.0, slope)) == "`slope` is not right: 1.0."
    assert rejected("x", slope).kind == "type" and "-2.5" not in str(rejected("x", slope))
    assert rejected(True, slope).kind == "type"
    assert rejected(float("nan"), slope).kind == "finite"
    for answer in (None, ...):
        with pytest.raises(NotImplementedError, match="fill in `slope`"):
            slope(answer)


def test_design():
    plan = design_check(
        "plan", {"seeds": int, "rate": float, "split": ("train", "test")},
        Wrong("one_seed", "Luck?", when=lambda p: p["seeds"] < 5),
        Wrong("leak", "Seen before?", when=lambda p: p["split"] == "train"),
    )  # fmt: skip
    good = {"seeds": 5, "rate": 1, "split": "test"}
    plan(good)
    assert rejected({**good, "seeds": 1}, plan).misconception == "one_seed"
    assert rejected({**good, "split": "train"}, plan).misconception == "leak"
    assert rejected({**good, "split": "all"}, plan).kind == "type"
    assert rejected({**good, "seeds": True}, plan).kind == "type"
    assert rejected({"seeds": 5}, plan).kind == "shape"
    assert rejected([5], plan).kind == "type"
    with pytest.raises(NotImplementedError, match=r'plan\["split"\]'):
        plan({**good, "split": ...})


def test_compare_nested():
    expected = {"w": torch.zeros(2), "n": (1, True, "a", 0.5, None, np.zeros(2))}
    same = {"w": torch.zeros(2), "n": (1, True, "a", 0.5, None, np.zeros(2))}

    def off(got):
        return difference(got, expected, 1e-5, 1e-8)

    assert off(same) is None
    assert "lacks the keys 'n'" in off({"w": torch.zeros(2)}).message
    assert off({**same, "n": same["n"][:3]}).kind == "shape"
    odd = [(0, 2, "value"), (0, True, "type"), (1, 1, "type"), (2, "b", "value"), (3, "a", "type"), (3, 0.6, "value")]
    for place, wrong, kind in [*odd, (4, 0, "type"), (5, np.zeros(3), "shape"), (5, np.zeros(2, "f4"), "dtype")]:
        parts = list(same["n"])
        parts[place] = wrong
        found = off({**same, "n": tuple(parts)})
        assert found.kind == kind and f"['n'][{place}]" in found.message
    first = off({"w": torch.ones(2), "n": (1, True, "a", 0.5, None, None)})
    assert first.kind == "type"  # the type of the second part goes before the values of the first


def test_infinities_and_nans_that_are_expected():
    expected = torch.tensor([1.0, float("inf"), float("nan")])
    assert difference(expected.clone(), expected, 1e-5, 0) is None
    assert difference(torch.tensor([1.0, -float("inf"), float("nan")]), expected, 1e-5, 0).kind == "finite"
    assert difference(torch.tensor([2.0, float("inf"), float("nan")]), expected, 1e-5, 0).kind == "value"
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a misconception may lead to NaN everywhere, and the answer to a number
        assert difference(torch.tensor([2.0]), expected[2:], 1e-5, 0).kind == "value"


def test_clone_and_changed():
    generator = torch.Generator().manual_seed(3)
    net = torch.nn.Linear(2, 2)
    before = {"p": torch.zeros(2, requires_grad=True), "l": [np.ones(2), (1, "a")], "g": generator, "net": net}
    twin = clone(before)
    assert twin["p"].is_leaf and twin["p"].requires_grad and not changed(before, twin)
    assert torch.equal(torch.rand(3, generator=twin["g"]), torch.rand(3, generator=generator))
    with torch.no_grad():
        twin["net"].bias += 1
    assert changed(before, twin)
    twin = clone(before)
    twin["l"][0][0] = 7
    assert changed(before, twin)
    twin = clone(before)
    twin["new"] = 1
    assert changed(before, twin)


def test_a_misconception_must_be_recognisable_and_named_once():
    with pytest.raises(ValueError, match="needs an `answer`"):
        Wrong("x", "message")
    with pytest.raises(ValueError, match="twice"):
        value_check("v", 1, Wrong("x", "", 2), Wrong("x", "", 3))


def test_ipython_shows_the_message_alone_and_the_line_of_the_cell(capsys):
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell(user_ns={"check": check})
    shell.history_manager.enabled = False
    shell.colors = "nocolor"
    shell.run_cell("def answer(rewards, gamma):\n    weights = gamma\n    return weights @ rewards")
    shell.run_cell("check(answer)")
    shown = capsys.readouterr().out
    assert shown.startswith("Your code raised TypeError") and "Traceback" not in shown and "framework.py" not in shown
    assert "in line 3 of the cell or file that defines `answer`:\n    return weights @ rewards" in shown
    shell.run_cell("def answer(rewards, gamma):\n    raise NotImplementedError()\ncheck(answer)")
    assert capsys.readouterr().out.strip() == "Not done yet: fill in `answer`."


def test_what_is_seen_besides_a_wrong_result_is_said():
    def draw_case(draw):
        return case(draw.normal(3), draw.uniform(0.3, 0.9), draw.uniform(0.3, 0.9))

    product = function_check("f", lambda x, gamma, lam: gamma * lam * x, draw_case)
    constant = str(rejected(lambda x, gamma, lam: 0.9 * lam * x, product))
    assert "With other values of `gamma` the same comes out" in constant and "`lam`" not in constant

    def counts(x, gamma, lam, calls=[]):  # noqa: B006
        calls.append(x)
        return x + len(calls)

    assert "Called once more with the same arguments" in str(rejected(counts, product))

    def negates(x, gamma, lam):
        return x.neg_()

    assert "changes its arguments in place" in str(rejected(negates, product))

    def switches_off(x, gamma, lam):
        torch.set_grad_enabled(False)
        return gamma * lam * x

    assert rejected(switches_off, product).kind == "settings" and torch.is_grad_enabled()


def test_a_value_with_the_wrong_sign_or_nearly_right_is_called_so():
    answer = value_check("x", 1.44)
    assert "wrong sign" in str(rejected(-1.44, answer)) and "close, and not right" in str(rejected(1.45, answer))
    assert "close" not in str(rejected(1.5, answer)) and "sign" not in str(rejected(1.5, answer))
