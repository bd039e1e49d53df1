// Drag a goal: policies walk, take a policy-gradient step for it, and walk again. The drawing; the numbers come from
// policy_gradient.js. `mount(element, data)` works on any page; in a notebook, anywidget calls `render`.

import { adapt, prepare, unpack } from "./policy_gradient.js";

const SLICE = 24; // milliseconds of computing between two redraws
const PACE = 80; // time steps of a walk a second
const VIEW = 1.4; // half the side of the picture, in half-widths of the square of goals
const BEFORE = "rgb(128 128 128 / 0.18)";
const STAR = "M0-10 2.4-3.1 9.5-3.1 3.8 1.3 5.9 8.1 0 4 -5.9 8.1 -3.8 1.3 -9.5-3.1 -2.4-3.1Z";

const number = (value, digits) => value.toFixed(digits).replace("-", "−");
const stepsInWords = (count) => `${count} gradient step${count === 1 ? "" : "s"}`;

/** A new element with properties, attributes and children. */
function make(tag, properties = {}, attributes = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** Single-precision numbers, from the bytes that a kernel sent or from any array. */
function floats(values) {
  if (!(values instanceof DataView)) return Float32Array.from(values);
  return new Float32Array(values.buffer.slice(values.byteOffset, values.byteOffset + values.byteLength));
}

/**
 * Build the explorer in `element`; the function that is returned takes it away again.
 *
 * data: methods [{label, color, parameters}], sizes of the network, noises (one array a stage), goal, goalColor,
 * stepSize, and the arena: episodes, horizon, discount, bound, move, endsAtGoal, minLogStd, halfWidth.
 */
export function mount(element, data) {
  const { arena } = data;
  const noises = data.noises.map(floats);
  const wish = { goal: [...data.goal], stepSize: data.stepSize, steps: 1 };
  const limit = VIEW * arena.halfWidth;
  const still = window.matchMedia("(prefers-reduced-motion: reduce)");
  let version = 1; // of the wish; a panel shows the version that it was computed for
  let job = null;
  let frame = null;
  let playing = null; // {stages still to be shown, since}
  let replay = "all"; // what to play when the numbers are there: nothing, the last walk, or all
  let announcement = null;

  const panels = data.methods.map((method, index) => new Panel(method, index === 0, data, limit));
  const stepButtons = [...noises.keys()].map((count) =>
    make("button", { type: "button", textContent: count, onclick: () => change({ steps: count }, "last") }, {
      "aria-label": stepsInWords(count),
    }),
  );
  const stepSize = make("input", { type: "range", min: 0, max: 2, step: 0.05, value: wish.stepSize }, {
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
    { "aria-label": "Drag the goal, and watch policies adapt to it", "data-lm-suppress-shortcuts": "true" },
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

  function moveGoal(x, y, then) {
    const inside = (value) => Math.min(arena.halfWidth, Math.max(-arena.halfWidth, Math.round(value * 100) / 100));
    change({ goal: [inside(x), inside(y)] }, then);
  }

  function showControls() {
    for (const [count, button] of stepButtons.entries()) button.setAttribute("aria-pressed", count === wish.steps);
    shownSize.value = wish.stepSize.toFixed(2);
    for (const panel of panels) panel.placeGoal(wish.goal);
  }

  function announce() {
    if (panels.some((panel) => panel.version !== version)) {
      announcement = setTimeout(announce, 300);
      return;
    }
    const [x, y] = wish.goal.map((value) => number(value, 2));
    const returns = panels.map((panel) => `${panel.label} ${panel.returns().join(" to ")}`);
    spoken.textContent = `Goal at x ${x}, y ${y}; ${stepsInWords(wish.steps)}. Mean return: ${returns.join("; ")}.`;
  }

  /** Compute the oldest panel anew until all are of the present wish. */
  function* work() {
    for (;;) {
      const panel = panels.reduce((oldest, one) => (one.version < oldest.version ? one : oldest));
      if (panel.version === version) return;
      const { goal, stepSize: first, steps } = wish;
      const now = version;
      const rates = Array.from({ length: steps }, (_, step) => (step === 0 ? first : first / 2));
      panel.start ??= yield* prepare(panel.network, noises[0], arena);
      panel.show(yield* adapt(panel.start, noises, arena, goal, rates), now);
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
      clock = (Math.max(0, time - playing.since) / 1000) * PACE;
      if (clock > arena.horizon + PACE / 4) {
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
      moveGoal(along(event.clientX, box.left, box.width), -along(event.clientY, box.top, box.height), then);
    };
    panel.square.onpointerdown = (event) => {
      // A finger on the square scrolls the page; on the star it drags.
      if (event.button !== 0 || (event.pointerType === "touch" && !panel.star.contains(event.target))) return;
      event.preventDefault();
      panels[0].star.focus({ preventScroll: true });
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
  panels[0].star.onkeydown = (event) => {
    const step = event.shiftKey ? 0.01 : 0.05;
    const moves = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, step], ArrowDown: [0, -step] };
    const move = moves[event.key];
    if (move === undefined) return;
    event.preventDefault();
    moveGoal(wish.goal[0] + move[0], wish.goal[1] + move[1]);
  };
  const resized = new ResizeObserver(wake);
  for (const panel of panels) resized.observe(panel.square);
  showControls();
  wake();
  return () => {
    cancelAnimationFrame(frame);
    clearTimeout(announcement);
    resized.disconnect();
    root.remove();
  };
}

/** One policy: its square with the goal, and its returns. */
class Panel {
  constructor({ label, color, parameters }, first, data, limit) {
    Object.assign(this, { label, color, limit, arena: data.arena, version: 0, stages: null, start: null });
    this.network = unpack(floats(parameters), data.sizes);
    this.canvas = make("canvas", {}, { role: "img", "aria-label": `${label}: walks` });
    this.below = make("canvas", {}, { "aria-hidden": "true" });
    this.star = make("div", { className: "star" }, first ? goalWords(data.arena.halfWidth) : { "aria-hidden": "true" });
    this.star.innerHTML = `<svg viewBox="-12 -12 24 24" aria-hidden="true"><path d="${STAR}" fill="${data.goalColor}"/></svg>`;
    const inner = make("div", { className: "goals" });
    inner.style.inset = `${50 * (1 - 1 / VIEW)}%`;
    this.square = make("div", { className: "square" }, {}, inner, this.below, this.canvas, this.star);
    this.caption = make("span", { className: "returns", textContent: "…" });
    const swatch = make("i", { className: "swatch" });
    swatch.style.background = color;
    this.element = make(
      "figure", {}, {}, this.square,
      make("figcaption", {}, {}, make("b", {}, {}, swatch, label), make("span", {}, {}, "return ", this.caption)),
    );
  }

  placeGoal([x, y]) {
    this.star.style.left = `${50 * (1 + x / this.limit)}%`;
    this.star.style.top = `${50 * (1 - y / this.limit)}%`;
    if (this.star.tabIndex !== 0) return;
    this.star.setAttribute("aria-valuenow", x);
    this.star.setAttribute("aria-valuetext", `x ${number(x, 2)}, y ${number(y, 2)}`);
  }

  /** Mean returns before the steps and, if there are any, after them. */
  returns() {
    const ends = this.stages.length === 1 ? [this.stages[0]] : [this.stages[0], this.stages.at(-1)];
    return ends.map((stage) => number(stage.meanReturn, 1));
  }

  show(stages, version) {
    [this.stages, this.version] = [stages, version];
    const words = this.returns();
    this.caption.textContent = words.join(" → ");
    const steps = stages.length - 1;
    this.canvas.setAttribute(
      "aria-label",
      `${this.label}: ${this.arena.episodes} walks after ${stepsInWords(steps)}; mean return ${words.join(" to ")}`,
    );
  }

  /** The walks of a stage up to a time, over those before any step. What has not changed is not drawn again. */
  draw(stage, clock) {
    if (this.stages === null || this.square.clientWidth === 0) return; // not computed yet, or hidden
    const [first, present] = [this.stages[0], this.stages[Math.min(stage, this.stages.length - 1)]];
    const paper = getComputedStyle(this.star.firstChild).stroke; // light or dark, as the page is
    const side = this.square.clientWidth;
    this.#onCanvas(this.below, [side, stage > 0, first.lengths], side, (context, pixel) => {
      if (stage > 0) this.#paths(context, first, BEFORE, 0.8 * pixel, Infinity);
    });
    this.#onCanvas(this.canvas, [side, this.version, stage, clock, paper], side, (context, pixel) => {
      context.globalAlpha = 0.4;
      this.#paths(context, present, this.color, 1.2 * pixel, clock);
      context.globalAlpha = 1;
      Object.assign(context, { fillStyle: this.color, strokeStyle: paper, lineWidth: pixel });
      this.#dots(context, present, 3 * pixel, clock);
      context.fillStyle = "rgb(128 128 128)";
      context.beginPath();
      context.arc(0, 0, 3.5 * pixel, 0, 2 * Math.PI);
      context.fill();
    });
  }

  /** Draw in the arena's coordinates, unless the canvas shows this state already. */
  #onCanvas(canvas, state, side, paint) {
    const key = `${window.devicePixelRatio} ${state.join(" ")}`;
    if (canvas.dataset.state === key) return;
    canvas.dataset.state = key;
    canvas.width = canvas.height = Math.round(side * window.devicePixelRatio); // also clears it
    const context = canvas.getContext("2d");
    const scale = canvas.width / (2 * this.limit);
    context.setTransform(scale, 0, 0, -scale, canvas.width / 2, canvas.width / 2);
    paint(context, (2 * this.limit) / side);
  }

  #paths(context, { walk: { positions }, lengths }, color, width, clock) {
    const { episodes } = this.arena;
    Object.assign(context, { strokeStyle: color, lineWidth: width, lineJoin: "bevel" });
    for (let episode = 0; episode < episodes; episode++) {
      context.beginPath();
      context.moveTo(0, 0);
      for (let time = 1; time <= Math.min(clock, lengths[episode]); time++) {
        const at = 2 * (time * episodes + episode);
        context.lineTo(positions[at], positions[at + 1]);
      }
      context.stroke();
    }
  }

  /** Where the walkers are. */
  #dots(context, { walk: { positions }, lengths }, radius, clock) {
    const { episodes } = this.arena;
    for (let episode = 0; episode < episodes; episode++) {
      const at = 2 * (Math.floor(Math.min(clock, lengths[episode])) * episodes + episode);
      context.beginPath();
      context.arc(positions[at], positions[at + 1], radius, 0, 2 * Math.PI);
      context.fill();
      context.stroke();
    }
  }
}

/** The goal as a slider in two directions, for the keyboard and for screen readers. */
function goalWords(halfWidth) {
  return {
    role: "slider",
    tabindex: 0,
    "aria-roledescription": "goal in the plane",
    "aria-label": "Goal. Arrow keys move it, with Shift by small steps",
    "aria-valuemin": -halfWidth,
    "aria-valuemax": halfWidth,
  };
}

export default { render: ({ model, el }) => mount(el, model.get("data")) };
