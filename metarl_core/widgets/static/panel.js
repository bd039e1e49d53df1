// One square of the explorer: the walks of one policy, drawn on two canvases, and the handle that sets the task.

import { unpack } from "./policy_gradient.js";

const BEFORE = { light: "rgb(128 128 128 / 0.18)", dark: "rgb(200 200 200 / 0.3)" };
const STAR = "M0-10 2.4-3.1 9.5-3.1 3.8 1.3 5.9 8.1 0 4 -5.9 8.1 -3.8 1.3 -9.5-3.1 -2.4-3.1Z";
const ARROW = "M-9-2.5H1V-7L10 0 1 7V2.5H-9Z";

export const number = (value, digits) => value.toFixed(digits).replace("-", "−");
export const stepsInWords = (count) => `${count} gradient step${count === 1 ? "" : "s"}`;

/** Whether a computed colour, "rgb(17, 17, 17)", is nearer to black than to white. */
const dark = (color) => color.match(/[\d.]+/g).slice(0, 3).reduce((sum, part) => sum + Number(part), 0) < 384;

/** A new element with properties, attributes and children. */
export function make(tag, properties = {}, attributes = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** Single-precision numbers, from the bytes that a kernel sent or from any array. */
export function floats(values) {
  if (!(values instanceof DataView)) return Float32Array.from(values);
  return new Float32Array(values.buffer.slice(values.byteOffset, values.byteOffset + values.byteLength));
}

function icon(name, path, color) {
  const element = make("div", { className: name });
  element.innerHTML = `<svg viewBox="-12 -12 24 24" aria-hidden="true"><path d="${path}" fill="${color}"/></svg>`;
  return element;
}

/** One policy: its square with the walks, the handle that sets the task, and its returns. */
export class Panel {
  constructor({ label, color }, first, data, world, limit) {
    Object.assign(this, { label, color, world, limit, arena: data.arena, version: 0, stages: null, shown: 0, walks: 0 });
    this.canvas = make("canvas", {}, { role: "img", "aria-label": `${label}: walks` });
    this.below = make("canvas", {}, { "aria-hidden": "true" });
    this.star = icon("star", STAR, data.goalColor);
    this.handle = world.dial ? icon("dial", ARROW, "currentcolor") : this.star;
    this.handle.classList.add("handle");
    if (world.dial) Object.assign(this.star.style, { left: "50%", top: "50%" }); // the goal stays in the middle
    const spoken = first ? world.spoken(data.arena) : { "aria-hidden": "true" };
    for (const [name, value] of Object.entries(spoken)) this.handle.setAttribute(name, value);
    const inner = make("div", { className: "goals" });
    inner.style.inset = `${50 * (1 - data.arena.halfWidth / limit)}%`;
    this.square = make("div", { className: "square" }, {}, inner, this.below, this.canvas, this.star, this.handle);
    this.caption = make("span", { className: "returns", textContent: "…" });
    const swatch = make("i", { className: "swatch" });
    swatch.style.background = color;
    this.element = make(
      "figure", {}, {}, this.square,
      make("figcaption", {}, {}, make("b", {}, {}, swatch, label), make("span", {}, {}, "return ", this.caption)),
    );
  }

  /** Other parameters, for instance those that a training has reached. */
  learn(parameters, sizes) {
    [this.network, this.start, this.version] = [unpack(floats(parameters), sizes), null, 0];
  }

  placeTask(task) {
    const [x, y] = this.world.place(task, this.arena);
    this.handle.style.left = `${50 * (1 + x / this.limit)}%`;
    this.handle.style.top = `${50 * (1 - y / this.limit)}%`;
    if (this.world.dial) this.handle.firstChild.style.transform = `rotate(${-task[0]}rad)`;
    if (this.handle.tabIndex !== 0) return;
    this.handle.setAttribute("aria-valuenow", this.world.now(task));
    this.handle.setAttribute("aria-valuetext", this.world.words(task));
  }

  /** Mean returns before the steps and, if there are any, after them. */
  returns() {
    const ends = this.stages.length === 1 ? [this.stages[0]] : [this.stages[0], this.stages.at(-1)];
    return ends.map((stage) => number(stage.meanReturn, 1));
  }

  show(stages, version) {
    if (stages[0].walk !== this.stages?.[0].walk) this.walks += 1;
    [this.stages, this.version, this.shown] = [stages, version, this.shown + 1];
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
    const before = BEFORE[dark(paper) ? "dark" : "light"];
    const side = this.square.clientWidth;
    this.#onCanvas(this.below, [side, stage > 0, this.walks, first.lengths, before], side, (context, pixel) => {
      if (stage > 0) this.#paths(context, first, before, 0.8 * pixel, Infinity);
    });
    this.#onCanvas(this.canvas, [side, this.shown, stage, clock, paper], side, (context, pixel) => {
      context.globalAlpha = 0.4;
      this.#paths(context, present, this.color, 1.2 * pixel, clock);
      context.globalAlpha = 1;
      Object.assign(context, { fillStyle: this.color, strokeStyle: paper, lineWidth: pixel });
      this.#dots(context, present, 3 * pixel, clock);
      if (!this.world.dial) this.#dot(context, 0, 0, 3.5 * pixel); // where all walks start
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

  #dot(context, x, y, radius) {
    context.fillStyle = "rgb(128 128 128)";
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    context.fill();
  }

  #paths(context, { walk: { states }, lengths }, color, width, clock) {
    const [{ episodes }, { sign }] = [this.arena, this.world];
    Object.assign(context, { strokeStyle: color, lineWidth: width, lineJoin: "bevel" });
    for (let episode = 0; episode < episodes; episode++) {
      context.beginPath();
      context.moveTo(sign * states[2 * episode], sign * states[2 * episode + 1]);
      for (let time = 1; time <= Math.min(clock, lengths[episode]); time++) {
        const at = 2 * (time * episodes + episode);
        context.lineTo(sign * states[at], sign * states[at + 1]);
      }
      context.stroke();
    }
  }

  /** Where the walkers are. */
  #dots(context, { walk: { states }, lengths }, radius, clock) {
    const [{ episodes }, { sign }] = [this.arena, this.world];
    for (let episode = 0; episode < episodes; episode++) {
      const at = 2 * (Math.floor(Math.min(clock, lengths[episode])) * episodes + episode);
      context.beginPath();
      context.arc(sign * states[at], sign * states[at + 1], radius, 0, 2 * Math.PI);
      context.fill();
      context.stroke();
    }
  }
}
