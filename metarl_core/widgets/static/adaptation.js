// Drag a goal, or turn the controls: policies walk, take a policy-gradient step, and walk again. The page; the numbers
// come from policy_gradient.js. `mount(element, data)` works on any page; in a notebook, anywidget calls `render`.

import { Panel, floats, make, number, stepsInWords } from "./panel.js";
import { adapt, prepare } from "./policy_gradient.js";
import { HANDLES } from "./worlds.js";

const SLICE = 24; // milliseconds of computing between two redraws
const SECONDS = 1.25; // that a whole walk takes on the screen

/**
 * Build the explorer in `element`. What is returned: `away()` takes it away again, `learn(parameters)` shows other
 * parameters, {label: array}.
 *
 * data: methods [{label, color}], parameters by label, sizes of the network, noises and starts (one array a stage), task,
 * goalColor, stepSize, and the arena: world, tanh, episodes, horizon, discount, bound, move, endsAtGoal, minLogStd,
 * halfWidth (of the square of goals, or of first states).
 */
export function mount(element, data) {
  const { arena } = data;
  const world = HANDLES[arena.world];
  const numbers = { arena, noises: data.noises.map(floats), starts: data.starts.map(floats) };
  const wish = { task: [...data.task], stepSize: data.stepSize, steps: 1 };
  const limit = world.view * arena.halfWidth;
  const still = window.matchMedia("(prefers-reduced-motion: reduce)");
  let version = 1; // of the wish; a panel shows the version that it was computed for
  let job = null;
  let frame = null;
  let playing = null; // {stages still to be shown, since}
  let replay = "all"; // what to play when the numbers are there: nothing, the last walk, or all
  let announcement = null;

  const panels = data.methods.map((method, index) => new Panel(method, index === 0, data, world, limit));
  const stepButtons = [...numbers.noises.keys()].map((count) =>
    make("button", { type: "button", textContent: count, onclick: () => change({ steps: count }, "last") }, {
      "aria-label": stepsInWords(count),
    }),
  );
  const stepSize = make("input", { type: "range", min: 0, max: 4 * wish.stepSize, step: wish.stepSize / 10, value: wish.stepSize }, {
    "aria-label": "step size alpha",
  });
  stepSize.oninput = () => change({ stepSize: Number(stepSize.value) });
  const shownSize = make("output");
  const again = make("button", { type: "button", textContent: "Walk again", className: "again" });
  again.onclick = () => play("all");
  const phase = make("p", { className: "phase" }, { "aria-hidden": "true" });
  const spoken = make("p", { className: "spoken" }, { "aria-live": "polite" });
  const root = make(
    "section",
    { className: "metarl-adaptation" },
    { "aria-label": world.title, "data-lm-suppress-shortcuts": "true" },
    make(
      "div",
      { className: "controls" },
      {},
      make("div", { className: "steps" }, { role: "group", "aria-label": "gradient steps" }, "gradient steps", ...stepButtons),
      make("label", {}, {}, "step size α", stepSize, shownSize),
      again,
    ),
    phase,
    make("div", { className: "panels" }, {}, ...panels.map((panel) => panel.element)),
    spoken,
  );
  element.append(root);

  function change(changes, then = null) {
    Object.assign(wish, changes);
    version += 1;
    [playing, replay] = [null, then];
    showControls();
    wake();
    clearTimeout(announcement);
    announcement = setTimeout(announce, 700);
  }

  function showControls() {
    for (const [count, button] of stepButtons.entries()) button.setAttribute("aria-pressed", count === wish.steps);
    shownSize.value = wish.stepSize.toFixed(2);
    for (const panel of panels) panel.placeTask(wish.task);
  }

  function announce() {
    if (panels.some((panel) => panel.version !== version)) {
      announcement = setTimeout(announce, 300);
      return;
    }
    const returns = panels.map((panel) => `${panel.label} ${panel.returns().join(" to ")}`);
    spoken.textContent = `${world.announced(world.words(wish.task))}; ${stepsInWords(wish.steps)}. Mean return: ${returns.join("; ")}.`;
  }

  /** Compute the oldest panel anew until all are of the present wish. */
  function* work() {
    for (;;) {
      const panel = panels.reduce((oldest, one) => (one.version < oldest.version ? one : oldest));
      if (panel.version === version) return;
      const { task, stepSize: first, steps } = wish;
      const [now, { network }] = [version, panel];
      const rates = Array.from({ length: steps }, (_, step) => (step === 0 ? first : first / 2));
      const start = panel.start ?? (yield* prepare(network, numbers));
      const stages = yield* adapt(start, numbers, task, rates);
      if (panel.network !== network) continue; // it has learned meanwhile
      panel.start = start;
      panel.show(stages, now);
    }
  }

  function play(what) {
    const last = wish.steps;
    playing = still.matches ? null : { stages: what === "all" && last > 0 ? [0, last] : [last], since: performance.now() };
    replay = null;
    wake();
  }

  function wake() {
    frame ??= requestAnimationFrame(redraw);
  }

  function redraw(time) {
    frame = null;
    const until = performance.now() + SLICE;
    job ??= work();
    while (job !== null && performance.now() < until) if (job.next().done) job = null;
    if (job === null && replay !== null) play(replay);
    let clock = arena.horizon;
    if (playing !== null) {
      clock = (Math.max(0, time - playing.since) / 1000) * (arena.horizon / SECONDS);
      if (clock > 1.2 * arena.horizon) {
        playing.stages.shift();
        [playing.since, clock] = [time, 0];
        if (playing.stages.length === 0) [playing, clock] = [null, arena.horizon];
      }
    }
    const stage = playing === null ? wish.steps : playing.stages[0];
    phase.textContent = stage === 0 ? "Walks before any step" : `Walks after ${stepsInWords(stage)}; grey: before`;
    for (const panel of panels) panel.draw(stage, clock);
    if (job !== null || playing !== null) wake();
  }

  for (const panel of panels) {
    const dragTo = (event, then) => {
      const box = panel.square.getBoundingClientRect();
      const along = (place, start, side) => (2 * (place - start) / side - 1) * limit;
      const [x, y] = [along(event.clientX, box.left, box.width), -along(event.clientY, box.top, box.height)];
      change({ task: world.at(x, y, arena) }, then);
    };
    panel.square.onpointerdown = (event) => {
      // A finger on the square scrolls the page; on the handle it drags.
      if (event.button !== 0 || (event.pointerType === "touch" && !panel.handle.contains(event.target))) return;
      event.preventDefault();
      panels[0].handle.focus({ preventScroll: true });
      panel.square.setPointerCapture(event.pointerId);
      panel.square.onpointermove = (move) => dragTo(move);
      dragTo(event);
    };
    panel.square.onpointerup = panel.square.onpointercancel = (event) => {
      if (panel.square.onpointermove === null) return;
      panel.square.onpointermove = null;
      dragTo(event, "last");
    };
  }
  panels[0].handle.onkeydown = (event) => {
    const task = world.key(event, wish.task, arena);
    if (!task) return;
    event.preventDefault();
    change({ task });
  };
  const resized = new ResizeObserver(wake);
  for (const panel of panels) resized.observe(panel.square);
  function learn(parameters) {
    for (const panel of panels) panel.learn(parameters[panel.label], data.sizes);
    wake();
  }

  function away() {
    cancelAnimationFrame(frame);
    clearTimeout(announcement);
    resized.disconnect();
    root.remove();
  }

  showControls();
  learn(data.parameters);
  return { away, learn };
}

function render({ model, el }) {
  const explorer = mount(el, { ...model.get("data"), parameters: model.get("parameters") });
  const learn = () => explorer.learn(model.get("parameters"));
  model.on("change:parameters", learn);
  return () => {
    model.off("change:parameters", learn);
    explorer.away();
  };
}

export default { render };
