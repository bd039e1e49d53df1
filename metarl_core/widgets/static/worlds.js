// The two worlds as a reader meets them: what the handle sets, where it stands, what keys do, and how it is spoken.

import { number } from "./panel.js";

const clamp = (value, limit) => Math.min(limit, Math.max(-limit, value));
const DEGREE = Math.PI / 180;

/**
 * By the name of a world: `view`, half the side of the picture in half-widths; `sign`, 1 where states are positions and
 * -1 where they are offsets of the goal; `dial`, whether the handle turns the controls and the goal stays in the middle;
 * `place`, where the handle stands; `at`, the task that a place stands for; `key`, the task after a key; how it sounds.
 */
export const HANDLES = {
  goal: {
    title: "Drag the goal, and watch policies adapt to it",
    view: 1.4,
    sign: 1,
    dial: false,
    place: (goal) => goal,
    at: (x, y, { halfWidth }) => [x, y].map((value) => clamp(Math.round(value * 100) / 100, halfWidth)),
    key(event, [x, y], arena) {
      const step = event.shiftKey ? 0.01 : 0.05;
      const moves = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, step], ArrowDown: [0, -step] };
      const move = moves[event.key];
      return move && this.at(x + move[0], y + move[1], arena);
    },
    now: ([x]) => x,
    words: ([x, y]) => `x ${number(x, 2)}, y ${number(y, 2)}`,
    announced: (words) => `Goal at ${words}`,
    spoken: ({ halfWidth }) => ({
      role: "slider",
      tabindex: 0,
      "aria-roledescription": "goal in the plane",
      "aria-label": "Goal. Arrow keys move it, with Shift by small steps",
      "aria-valuemin": -halfWidth,
      "aria-valuemax": halfWidth,
    }),
  },
  turned: {
    title: "Turn the controls, and watch policies adapt to them",
    view: 1.4,
    sign: -1,
    dial: true,
    place: ([angle], { halfWidth }) => [1.2 * halfWidth * Math.cos(angle), 1.2 * halfWidth * Math.sin(angle)],
    at: (x, y) => [Math.round(Math.atan2(y, x) / DEGREE) * DEGREE],
    key(event, [angle], arena) {
      const step = (event.shiftKey ? 1 : 5) * DEGREE;
      const turns = { ArrowLeft: step, ArrowUp: step, ArrowRight: -step, ArrowDown: -step };
      const turned = angle + turns[event.key];
      return turns[event.key] && this.at(Math.cos(turned), Math.sin(turned), arena);
    },
    now: ([angle]) => Math.round(angle / DEGREE),
    words: ([angle]) => `${number(Math.round(angle / DEGREE), 0)} degrees`,
    announced: (words) => `Controls turned by ${words}`,
    spoken: () => ({
      role: "slider",
      tabindex: 0,
      "aria-roledescription": "dial",
      "aria-label": "Angle that the controls are turned by. Arrow keys turn it, with Shift by small steps",
      "aria-valuemin": -180,
      "aria-valuemax": 180,
    }),
  },
};
