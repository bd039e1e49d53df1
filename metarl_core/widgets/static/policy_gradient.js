// Adaptation by policy-gradient steps, as metarl_core computes it, in plain JavaScript, for the two worlds of chapter 00:
// "goal" (PointNavigation; the task is the goal [x, y]) and "turned" (TurnedControls; the task is the angle [phi]).
//
// Pure functions of arrays; nothing here draws. Walks of all episodes lie in one array: row = time * episodes + episode.
// A computation that takes more than a moment is a generator, which pauses now and then so that a page can draw in
// between; `finish` runs it to its end. Numbers are doubles; torch's are single, and the two agree to about six digits.

const ARRIVAL = 0.01; // an episode ends when both coordinates are that close to the goal

/**
 * What differs between the worlds. `move` writes the state that an action leads to, in place: states[to], states[to + 1].
 * The state is the position in the one, the offset of the goal from the point in the other.
 */
const WORLDS = {
  goal: {
    move(states, from, to, [a, b], { move, bound }) {
      states[to] = states[from] + (move / bound) * Math.min(bound, Math.max(-bound, a));
      states[to + 1] = states[from + 1] + (move / bound) * Math.min(bound, Math.max(-bound, b));
    },
    distance: (states, at, goal) => Math.hypot(states[at] - goal[0], states[at + 1] - goal[1]),
    seen: false, // the walks before the first step depend on the task only in where they end
  },
  turned: {
    move(states, from, to, [a, b], { move }, [angle]) {
      const length = move / Math.max(1, Math.hypot(a, b)); // an action longer than 1 is shortened to 1
      const [cosine, sine] = [Math.cos(angle), Math.sin(angle)];
      states[to] = states[from] - length * (cosine * a - sine * b);
      states[to + 1] = states[from + 1] - length * (sine * a + cosine * b);
    },
    distance: (states, at) => Math.hypot(states[at], states[at + 1]),
    seen: true,
  },
};

/** Run a paused computation to its end and return its result. */
export function finish(computation) {
  for (;;) {
    const { done, value } = computation.next();
    if (done) return value;
  }
}

/**
 * The network in a flat array: weight0 [out, in], bias0, weight1, ..., log_std, as the package orders its parameters.
 * Weights are kept [in, out], so that what one input contributes lies together.
 */
export function unpack(flat, sizes) {
  let at = 0;
  const layers = [];
  for (let l = 0; l + 1 < sizes.length; l++) {
    const [inputs, outputs] = [sizes[l], sizes[l + 1]];
    const weight = new Float64Array(inputs * outputs);
    for (let o = 0; o < outputs; o++) for (let i = 0; i < inputs; i++) weight[i * outputs + o] = flat[at++];
    layers.push({ inputs, outputs, weight, bias: Float64Array.from(flat.slice(at, at + outputs)) });
    at += outputs;
  }
  return { layers, logStd: Float64Array.from(flat.slice(at)) };
}

/**
 * y += x M: a row vector x [rows] times a matrix M [rows, columns], each read from its own offset.
 * All the time goes here. Zeros of x, half of them behind a ReLU, are left out; the others go four at a time.
 */
function addProduct(y, yAt, x, xAt, matrix, matrixAt, rows, columns, active) {
  let count = 0;
  for (let i = 0; i < rows; i++) if (x[xAt + i] !== 0) active[count++] = i;
  let n = 0;
  for (; n + 3 < count; n += 4) {
    const [i, j, k, m] = [active[n], active[n + 1], active[n + 2], active[n + 3]];
    const [a, b, c, d] = [x[xAt + i], x[xAt + j], x[xAt + k], x[xAt + m]];
    const [p, q, r, s] = [matrixAt + i * columns, matrixAt + j * columns, matrixAt + k * columns, matrixAt + m * columns];
    for (let o = 0; o < columns; o++) {
      y[yAt + o] += a * matrix[p + o] + b * matrix[q + o] + c * matrix[r + o] + d * matrix[s + o];
    }
  }
  for (; n < count; n++) {
    const [a, p] = [x[xAt + active[n]], matrixAt + active[n] * columns];
    for (let o = 0; o < columns; o++) y[yAt + o] += a * matrix[p + o];
  }
}

/** The perceptron on one row: fills activations[1], activations[2], ... from activations[0]; ReLU or tanh in between. */
export function forward(layers, activations, row, active, tanh) {
  layers.forEach((layer, l) => {
    const [y, at] = [activations[l + 1], row * layer.outputs];
    y.set(layer.bias, at);
    addProduct(y, at, activations[l], row * layer.inputs, layer.weight, 0, layer.inputs, layer.outputs, active);
    if (l + 1 === layers.length) return;
    if (tanh) for (let o = at; o < at + layer.outputs; o++) y[o] = Math.tanh(y[o]);
    else for (let o = at; o < at + layer.outputs; o++) if (y[o] < 0) y[o] = 0;
  });
}

export function std(network, arena) {
  return network.logStd.map((value) => Math.exp(Math.max(value, arena.minLogStd)));
}

/**
 * Episodes of a policy, in the world that `arena.world` names: action = mean(state) + std * noise.
 * An end by arrival leaves the rows after it zero; without a task, which only the world of hidden goals allows, all
 * episodes run to the horizon. `starts` are the first states, [episode, 2].
 * Returns activations by layer; activations[0] are the states, one time step more than there are moves.
 */
export function* walk(network, noise, arena, starts, task = null) {
  const { episodes, horizon } = arena;
  const rows = horizon * episodes;
  const { layers } = network;
  const activations = [new Float64Array((rows + episodes) * 2)];
  for (const layer of layers) activations.push(new Float64Array(rows * layer.outputs));
  const [states, means] = [activations[0], activations[layers.length]];
  states.set(starts);
  const spread = std(network, arena);
  const lengths = new Int32Array(episodes).fill(horizon);
  const active = new Int32Array(Math.max(...layers.map((layer) => layer.inputs)));
  const action = new Float64Array(2);
  const { move } = WORLDS[arena.world];
  for (let row = 0; row < rows; row++) {
    const [time, episode] = [Math.floor(row / episodes), row % episodes];
    if (row % 50 === 49) yield;
    if (time >= lengths[episode]) continue;
    forward(layers, activations, row, active, arena.tanh);
    const next = row + episodes;
    for (let axis = 0; axis < 2; axis++) action[axis] = means[2 * row + axis] + spread[axis] * noise[2 * row + axis];
    move(states, 2 * row, 2 * next, action, arena, task);
    if (task && arrived(states, next, arena, task)) lengths[episode] = time + 1;
  }
  return { activations, states, lengths, noise };
}

function arrived(states, row, arena, goal) {
  return (
    arena.endsAtGoal &&
    Math.abs(states[2 * row] - goal[0]) < ARRIVAL &&
    Math.abs(states[2 * row + 1] - goal[1]) < ARRIVAL
  );
}

/** Rewards [row] (minus the distance to the goal after each move), lengths [episode] and the mean return. */
export function judge({ states }, arena, task) {
  const { episodes, horizon } = arena;
  const { distance } = WORLDS[arena.world];
  const rewards = new Float64Array(horizon * episodes);
  const lengths = new Int32Array(episodes);
  let total = 0;
  for (let episode = 0; episode < episodes; episode++) {
    let time = 0;
    for (let over = false; time < horizon && !over; time++) {
      const [row, next] = [time * episodes + episode, (time + 1) * episodes + episode];
      rewards[row] = -distance(states, 2 * next, task);
      total += rewards[row];
      over = arrived(states, next, arena, task);
    }
    lengths[episode] = time;
  }
  return { rewards, lengths, meanReturn: total / episodes };
}

/** Reward-to-go minus the linear baseline, scaled to mean 0 and standard deviation 1; zero after an episode's end. */
export function advantages({ states }, { rewards, lengths }, arena) {
  const { episodes, horizon, discount } = arena;
  const returns = Float64Array.from(rewards);
  for (let row = (horizon - 1) * episodes - 1; row >= 0; row--) returns[row] += discount * returns[row + episodes];
  const taken = [];
  for (let row = 0; row < returns.length; row++) {
    if (Math.floor(row / episodes) < lengths[row % episodes]) taken.push(row);
  }

  // Least squares on [x, y, x^2, y^2, t, t^2, t^3, 1] with t in hundreds (Duan et al. 2016), by the normal equations.
  const features = (row) => {
    const clip = (value) => Math.min(10, Math.max(-10, value));
    const [x, y, t] = [clip(states[2 * row]), clip(states[2 * row + 1]), Math.floor(row / episodes) / 100];
    return [x, y, x * x, y * y, t, t * t, t * t * t, 1];
  };
  const system = Array.from({ length: 8 }, (_, i) => Float64Array.from({ length: 9 }, (_, j) => (i === j ? 1e-5 : 0)));
  for (const row of taken) {
    const f = features(row);
    for (let i = 0; i < 8; i++) {
      for (let j = 0; j < 8; j++) system[i][j] += f[i] * f[j];
      system[i][8] += f[i] * returns[row];
    }
  }
  const coefficients = solve(system);

  const result = new Float64Array(returns.length);
  let [sum, squares] = [0, 0];
  for (const row of taken) {
    result[row] = returns[row] - features(row).reduce((total, f, i) => total + f * coefficients[i], 0);
    sum += result[row];
  }
  for (const row of taken) squares += (result[row] -= sum / taken.length) ** 2;
  const scale = Math.sqrt(squares / taken.length) + 1e-8;
  for (const row of taken) result[row] /= scale;
  return result;
}

/** The solution of [A | b], by elimination with pivots. */
function solve(system) {
  const n = system.length;
  for (let i = 0; i < n; i++) {
    let pivot = i;
    for (let j = i + 1; j < n; j++) if (Math.abs(system[j][i]) > Math.abs(system[pivot][i])) pivot = j;
    [system[i], system[pivot]] = [system[pivot], system[i]];
    for (let j = 0; j < n; j++) {
      if (j === i) continue;
      const factor = system[j][i] / system[i][i];
      for (let k = i; k <= n; k++) system[j][k] -= factor * system[i][k];
    }
  }
  return system.map((row, i) => row[n] / row[i]);
}

/**
 * The backward pass of log pi(action | state), for every row: its derivative by each layer's output before the ReLU or tanh.
 * That of the mean is (action - mean) / std^2 = noise / std.
 */
export function* scores(network, { activations, noise }, arena) {
  const { layers } = network;
  const spread = std(network, arena);
  const result = layers.map((layer) => new Float64Array(arena.horizon * arena.episodes * layer.outputs));
  const last = result[layers.length - 1];
  for (let row = 0; 2 * row < last.length; row++) {
    for (let axis = 0; axis < 2; axis++) last[2 * row + axis] = noise[2 * row + axis] / spread[axis];
    for (let l = layers.length - 1; l > 0; l--) {
      const { inputs, outputs, weight } = layers[l];
      const [x, above, below] = [activations[l], result[l], result[l - 1]];
      for (let i = 0; i < inputs; i++) {
        const out = x[row * inputs + i];
        if (out === 0 && !arena.tanh) continue; // the ReLU lets nothing through
        let sum = 0;
        for (let o = 0, w = i * outputs, a = row * outputs; o < outputs; o++) sum += weight[w + o] * above[a + o];
        below[row * inputs + i] = arena.tanh ? sum * (1 - out * out) : sum;
      }
    }
    if (row % 50 === 49) yield;
  }
  return result;
}

/** sum over rows of weights[row] * grad log pi(action | state), shaped like a network. */
export function* weightedGradient(network, { activations, noise }, score, weights, arena) {
  const gradient = {
    layers: network.layers.map((layer) => ({
      ...layer,
      weight: new Float64Array(layer.weight.length),
      bias: new Float64Array(layer.outputs),
    })),
    logStd: new Float64Array(2),
  };
  const together = 40; // rows: few enough for their derivatives to stay in the fast part of the memory
  const [column, active] = [new Float64Array(together), new Int32Array(together)];
  for (let row = 0; row < weights.length; row += together) {
    const rows = Math.min(together, weights.length - row);
    gradient.layers.forEach(({ inputs, outputs, weight, bias }, l) => {
      const [x, d] = [activations[l], score[l]];
      addProduct(bias, 0, weights, row, d, row * outputs, rows, outputs, active);
      for (let i = 0; i < inputs; i++) {
        for (let r = 0; r < rows; r++) column[r] = weights[row + r] * x[(row + r) * inputs + i];
        addProduct(weight, i * outputs, column, 0, d, row * outputs, rows, outputs, active);
      }
    });
    yield;
  }
  for (let row = 0; row < weights.length; row++) {
    for (let axis = 0; axis < 2; axis++) {
      if (network.logStd[axis] < arena.minLogStd) continue;
      gradient.logStd[axis] += weights[row] * (noise[2 * row + axis] ** 2 - 1);
    }
  }
  return gradient;
}

/** theta' = theta + rate * gradient. */
export function ascend(network, gradient, rate) {
  const add = (value, slope) => value.map((v, i) => v + rate * slope[i]);
  return {
    layers: network.layers.map((layer, l) => ({
      ...layer,
      weight: add(layer.weight, gradient.layers[l].weight),
      bias: add(layer.bias, gradient.layers[l].bias),
    })),
    logStd: add(network.logStd, gradient.logStd),
  };
}

/** What does not depend on the task: with a hidden goal the first walk to the horizon, and its backward pass. */
export function* prepare(network, { noises, starts, arena }) {
  if (WORLDS[arena.world].seen) return { network };
  const before = yield* walk(network, noises[0], arena, starts[0]);
  return { network, walk: before, scores: yield* scores(network, before, arena) };
}

/**
 * Walk, take a policy-gradient step, walk again, ...: one stage before the steps and one after each of them.
 *
 * `start` is what `prepare` returned; noises and starts have one array a stage, rates one step size a step.
 */
export function* adapt(start, { noises, starts, arena }, task, rates) {
  const before = start.walk ?? (yield* walk(start.network, noises[0], arena, starts[0], task));
  const stages = [{ network: start.network, walk: before, ...judge(before, arena, task) }];
  for (const [step, rate] of rates.entries()) {
    const now = stages[step];
    const advantage = advantages(now.walk, now, arena);
    const steps = now.lengths.reduce((a, b) => a + b);
    const score = (step === 0 && start.scores) || (yield* scores(now.network, now.walk, arena));
    const gradient = yield* weightedGradient(now.network, now.walk, score, advantage.map((a) => a / steps), arena);
    const network = ascend(now.network, gradient, rate);
    const after = yield* walk(network, noises[step + 1], arena, starts[step + 1], task);
    stages.push({ network, walk: after, ...judge(after, arena, task) });
  }
  return stages;
}
