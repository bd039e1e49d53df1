"""Cases 11 to 19: what chapters 05 and 06 are needed for."""

from .case import NOTHING, RAISES, SAYS, WRONG, Case

MIDDLE = (
    Case(
        11,
        "05",
        "The M in MAML",
        SAYS,
        "> MAML is the best known model-based method: its M stands for a model of the environment that is learned "
        "first.",
        "What would decide it?",
        (
            (
                "Whether MAML uses second derivatives.",
                "First-order MAML uses none and is as much, or as little, model-based. What does a model predict?",
            ),
            (
                "Whether MAML runs where there is no environment.",
                "It does, on regression. 'Model-agnostic' means any model that is trained by gradient descent: a "
                "network.",
            ),
            (
                "Whether it needs few samples.",
                "Model-free methods may need few as well. Which part of MAML predicts a next state?",
            ),
        ),
        "B",
    ),
    Case(
        12,
        "05",
        "Adapted weights, loaded",
        WRONG,
        "for support, query in tasks:\n"
        "    grads = torch.autograd.grad(loss(net, support), list(net.parameters()), create_graph=True)\n"
        "    fast = {n: p - lr * g for (n, p), g in zip(net.named_parameters(), grads)}\n"
        "    net.load_state_dict(fast)\n"
        "    meta_loss = meta_loss + loss(net, query)\n"
        "meta_loss.backward()",
        "`create_graph=True` is there. What does `backward` compute?",
        (
            (
                "The meta-gradient: the graph was kept.",
                "`load_state_dict` copies numbers. Which graph leads from the query loss back through `grads`?",
            ),
            (
                "Gradients at the adapted weights, and each task starts where the one before it ended.",
                "The copy cuts the graph, and it overwrites the meta-parameters: two faults in one line.",
            ),
            (
                "Nothing: it raises, since parameters were changed in place.",
                "`load_state_dict` copies under no_grad. With a linear network it runs through. What did the second "
                "task "
                "start from?",
            ),
        ),
        "B",
    ),
    Case(
        13,
        "05",
        "One name for two things",
        RAISES,
        "grad = []  # of each task\n"
        "for task in tasks:\n"
        "    for w, grad in zip(theta, torch.autograd.grad(loss(theta, task), theta)):\n"
        "        fast.append(w - lr * grad)\n"
        "    grad.append(query_grad(fast, task))",
        "Which line stops, and which one is to be changed?",
        (
            (
                "Line 5 stops; the loop variable in line 3 needs a name of its own.",
                "After the inner loop `grad` is a tensor, no longer the list.",
            ),
            (
                "Line 3 stops: `zip` cannot pair a list with a tuple.",
                "`zip` takes anything that can be gone through. What is `grad` after it?",
            ),
            (
                "Line 4 stops: the shapes of w and grad differ.",
                "A gradient has its parameter's shape. Go on to the next line.",
            ),
        ),
        "A",
    ),
    Case(
        14,
        "05",
        "Updated twice",
        RAISES,
        "def forward(self, tasks):\n"
        "    loss = sum(self.adapted_loss(task) for task in tasks)\n"
        "    loss.backward()\n"
        "    for p in self.parameters():\n"
        "        p -= self.lr * p.grad\n"
        "    return loss\n"
        "\n"
        "loss = model(tasks); loss.backward(); optimizer.step()",
        "Suppose the in-place line is silenced with `p.data`, and `retain_graph=True` is added. Is it repaired?",
        (
            (
                "Yes: both messages were about autograd's bookkeeping.",
                "Count the steps of one iteration, and what stands in `.grad` at the second one.",
            ),
            (
                "No: it now makes two updates, the second with both gradients added up.",
                "Who updates is to be decided once: a forward computes a loss, an optimiser moves.",
            ),
            (
                "No: the optimiser's step is lost, since `.data` detaches the parameters.",
                "`.data` shares memory with the parameter. Both moves reach it. How far does it go?",
            ),
        ),
        "B",
    ),
    Case(
        15,
        "05",
        "Back from the meta-test",
        WRONG,
        "> After meta-training, the loss of the meta-test phase is propagated back into the meta-parameters, so that "
        "they "
        "improve on the new tasks; the loss on these tasks is reported.",
        "What is reported?",
        (
            (
                "A training loss: held-out tasks were trained on.",
                "It is the query sets of *training* tasks that drive the meta-gradient. With few test tasks the gap is "
                "large.",
            ),
            (
                "How well new tasks are learned.",
                "The tasks have been trained on when they are reported. Who plays the new ones?",
            ),
            (
                "The right thing, since the support set of each task is kept apart from its query set.",
                "That keeps *data* apart within a task. What keeps the *tasks* apart?",
            ),
        ),
        "A",
    ),
    Case(
        16,
        "05",
        "Meta-training in turn",
        NOTHING,
        "def meta_train(model, tasks):\n"
        "    for task in tasks:\n"
        "        for _ in range(200):\n"
        "            sgd_step(model, task.loss)\n"
        "    model.meta_update()  # takes no loss",
        "What has the model learned at the end?",
        (
            (
                "A start that suits all of the tasks.",
                "Measure its error on the first task before and after it met the last. What did the start become?",
            ),
            (
                "How to learn: each task came after the others.",
                "What in the loop asks how well the model does *after* learning a task?",
            ),
            (
                "The last task; the update without a loss changes nothing.",
                "One shared model, fine-tuned on one task after the other, forgets. No quantity in it is a meta-loss.",
            ),
        ),
        "C",
    ),
    Case(
        17,
        "06",
        "What Reptile averages",
        WRONG,
        "# 'Reptile averages update directions, not parameters'\n"
        "directions = [-grad(loss_of(task), theta) for task in tasks]\n"
        "theta = theta + eps * mean(directions)",
        "What does this code do?",
        (
            (
                "Reptile: the average over tasks is the point of it.",
                "Where are the steps on *one* task? Compare with a step of SGD on the mean loss.",
            ),
            (
                "First-order MAML: the second derivatives are left out.",
                "First-order MAML takes its gradients at the *adapted* parameters. Where are these taken?",
            ),
            (
                "Joint training: one gradient of each task, all taken at θ.",
                "Reptile moves towards the mean of φ after k ≥ 2 steps on a task. The mean of φ − θ and the mean of φ "
                "give the same move.",
            ),
        ),
        "C",
    ),
    Case(
        18,
        "06",
        "Whose rate is learned?",
        SAYS,
        "> Meta-SGD learns, for each task, the step size that suits it.",
        "A new task comes. Where is its step size?",
        (
            (
                "It is found on the support set of the new task.",
                "That would be a search at test time. Which part of Meta-SGD does it?",
            ),
            (
                "It is the mean of the training tasks' rates.",
                "Nothing of the kind is stored. What shape does α have?",
            ),
            (
                "There is none of its own: one rate per parameter is learned with θ and serves all tasks.",
                "α has the shape of θ, and may be negative in places. A rate per task would not exist for a new one.",
            ),
        ),
        "C",
    ),
    Case(
        19,
        "06",
        "Two families",
        SAYS,
        "> Meta-learning has two families: gradient-based methods such as MAML, and optimisation-based ones such as "
        "Meta-SGD.",
        "How could one decide whether the line between them is real?",
        (
            (
                "By the names that the papers give.",
                "Names follow habits. Which experiment could come out differently if the line were real?",
            ),
            (
                "By the number of learned parameters: Meta-SGD has twice as many.",
                "True, and does it change how they are learned or used?",
            ),
            (
                "Freeze Meta-SGD's rates at one value and see whether MAML comes out.",
                "It does, to the last digit: Meta-SGD is MAML with one more thing learned, by the same gradient.",
            ),
        ),
        "C",
    ),
)
