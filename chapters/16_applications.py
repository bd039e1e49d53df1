# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 16 Applications
#
# **Which method fits which problem, and does it beat the plain baseline?**
#
# You will be able to
#
# - cast an applied problem as a task family, by five questions
# - clean data until held out means held out
# - derive a baseline that learns from the training tasks without a network, and prove when nothing beats it
# - tell from where each method wins what it has learned
#
# Before you start: chapter 07, [Few-shot image classification](07_few_shot_images.ipynb).
#
# Reading: about 30 minutes. Running: at most 60 seconds and 1500 MB on the machine that README names; `make doctor` compares yours.

# %% tags=["hide-input"]
import torch

from metarl_core.claims import claim
from metarl_core.evaluation import t_interval
from metarl_core.exact import chain_counts, chain_logits, chain_symbols, fit_prior
from metarl_core.figures import ch16 as figures
from metarl_core.figures.intervals import in_words
from metarl_core.figures.words import table as show_table
from metarl_core.meta import Prototypes
from metarl_core.randomness import seeded
from metarl_core.recipes import few_languages
from metarl_core.results import load_table
from metarl_core.session import begin
from metarl_core.tasks.languages import distinct_languages, load_languages, names_by_language, script_of

begin()
table = load_table("few_languages")
recipe = few_languages.Settings()

# %% [markdown]
# ## 1 Five questions
#
# Somebody brings a problem and asks whether meta-learning helps. Robots with unknown loads, cars on ice, new users of a
# shop, markets that change, opponents, languages, assays of molecules: all of them are said to be applications. Before
# a method is chosen, five questions want an answer.
#
# 1. **What is a task**, and what does a new one give you to adapt on?
# 2. **What is $p(\mathcal{T})$?** Where do training tasks come from, and are those that you will meet drawn from the
#    same distribution?
# 3. **What is held out?** A test task must be new in the sense in which tasks will be new in use.
# 4. **What is the plain rival?** It may use the training tasks, too. "Ridge regression on one task alone" is a rival
#    that has been tied up.
# 5. **What is measured, and at which cost?** And what happens outside $p(\mathcal{T})$, where use begins sooner or later?
#
# This chapter answers them for one case, from data to verdict. It is supervised, so that you see results within
# seconds, it has real data that ship with a package, and its plain rival is unusually good. The other cases will be
# appendices to this chapter; none of them is there yet.
#
# **The case.** A service gets short strings and must say which language they are in. Languages are added all the time,
# with five words as examples. Names of countries in many languages ship with Babel, a package that JupyterLab brings
# along; they come from the CLDR, a database of the Unicode consortium.

# %% tags=["hide-input"]
figures.questions(
    [
        ("task", "five languages,\nfive words of each"),
        ("p(T)", "languages that are written\nin Latin letters"),
        ("held out", "languages; outside p(T):\nCyrillic ones"),
        ("plain rival", "Bayes' rule for\nchains of letters"),
        ("measured", "accuracy on\nten other words of each"),
    ]
)

# %% [markdown]
# ## 2 When is a language held out?
#
# Babel has names in more than three hundred languages. Take those that are mostly written in Latin letters, and look at
# what two of them share.

# %%
every = names_by_language()  # names in lower case, without those that are the same in English
latin = {code: words for code, words in every.items() if script_of(words) == "LATIN" and len(words) >= 60}
kept = distinct_languages(latin)


def shared(one, other):
    """The share of names that two languages have in common, of the one that has fewer."""
    return len(latin[one] & latin[other]) / min(len(latin[one]), len(latin[other]))


copies = {code: max((shared(code, other), other) for other in kept if other != code) for code in latin}
shown = ["no", "teo", "rwk", "ses", "nn"]

# %% tags=["hide-input"]
show_table(["language", "names", "closest of those that stay", "names in common"], [
    (code, len(latin[code]), copies[code][1], f"{copies[code][0]:.0%}") for code in shown if code in latin
])  # fmt: skip

# %% [markdown]
# **Predict, then run.** (a) Of the languages in Latin letters, how many are second copies of another: about one in
# fifty, one in ten, one in four? (b) Draw test languages at random from the uncleaned list, three in ten. What share of
# them has a copy among the training languages?
#
# *Your prediction:*

# %%
names, generator = sorted(latin), seeded(0)
leaks = []
for _ in range(200):
    order = torch.randperm(len(names), generator=generator).tolist()
    trained = {names[place] for place in order[: round(0.7 * len(names))]}
    tested = [code for code in names if code not in trained]
    leaks.append(sum(any(shared(code, other) > 0.5 for other in trained) for code in tested) / len(tested))
leak = sum(leaks) / len(leaks)
equal = sum(shared(code, "teo") > 0.98 for code in latin)  # teo is Teso, of Uganda and Kenya

# %% tags=["hide-input"]
claim(
    f"(a) {len(latin) - len(kept)} of {len(latin)} languages share more than half of their names with another that stays. "
    f"{equal} hold the list of Teso, up to a name or two. (b) {leak:.0%} of randomly drawn test languages have a copy among the "
    "training languages.",
    0.1 < 1 - len(kept) / len(latin) < 0.4 and 0.05 < leak < 0.5,
)

# %% [markdown]
# So a split of the raw list would be "by language" and still not held out; a method that memorises would be rewarded
# for it. Some pairs are close relatives, as the two written standards of Norwegian. Others look like one list that was
# filled in for many languages at once; which it is, the file does not say. We keep one language of each such group, drop names that English has in the same form, and drop languages with fewer than
# sixty names left. `load_languages` does that and splits the rest.

# %%
languages = load_languages()
sizes = {split: len(members) for split, members in languages.members.items()}
task = languages.sample_few_shot(1, recipe.ways, recipe.shots, 2, seeded(3), "test")


def spelled(codes):
    return ["".join(chr(code) for code in word if code) for word in codes.tolist()]


support, query = spelled(task.support_inputs[0]), spelled(task.query_inputs[0])

# %% tags=["hide-input"]
show_table(["class", "five words to learn from", "and two to be classified"], [
    (k, ", ".join(support[5 * k : 5 * k + 5]), ", ".join(query[2 * k : 2 * k + 2])) for k in range(recipe.ways)
])  # fmt: skip
claim(
    f"There are {sizes['train']} training languages, {sizes['test']} test languages, and {sizes['ood']} languages in "
    "Cyrillic letters, out of distribution.",
    sizes["train"] > 60 and sizes["test"] > 25 and sizes["ood"] > 5,
)


# %% [markdown]
# Cover the last column and try it yourself. Some words are easy, and some can be in two of the languages at once; nobody
# reaches 100 %.
#
# ## 3 A rival that learns without a network
#
# Think of a word as a chain: from a mark $\circ$ to its first letter, from each letter to the next, and back to the
# mark. A language $\ell$ is then a table $P^\ell$ of the chances $P^\ell_{ab}$ that $b$ follows $a$. Before we have
# seen anything of a language, let the rows of its table be independent draws from Dirichlet distributions,
#
# $$P^\ell_{a\cdot} \sim \mathrm{Dirichlet}(\alpha_{a\cdot}), \qquad
#   p(P_{a\cdot}) \propto \prod_b P_{ab}^{\alpha_{ab} - 1}. \tag{16.1}$$
#
# Say that the five words hold the step from $a$ to $b$ $c_{ab}$ times. Their probability is $\prod_{ab}
# P_{ab}^{c_{ab}}$, and by Bayes' rule the density of the row given the words is the product of both:
#
# $$p(P_{a\cdot} \mid \text{words}) \propto \prod_b P_{ab}^{\alpha_{ab} + c_{ab} - 1}, \tag{16.2}$$
#
# a Dirichlet distribution again, with parameters $\alpha_{ab} + c_{ab}$. Its mean is the chance of the next step,
#
# $$p(a \to b \mid \text{words}) = \frac{\alpha_{ab} + c_{ab}}{\sum_{b'} (\alpha_{ab'} + c_{ab'})}. \tag{16.3}$$
#
# A new word's probability is the product over its steps, where each step is counted before the next one is asked for.
# With five languages that are equally likely, Bayes' rule says: choose the language under which the word is most
# probable. *If* languages are drawn from (16.1), no classifier of single words has a higher expected accuracy, whatever
# it has been trained on: it is the posterior, and choosing its largest entry minimises the probability of an error.
#
# Where does $\alpha$ come from? From the training tasks. Its rows follow the mean frequencies of the training languages,
# and how much they weigh, $\sum_b \alpha_{ab}$, is the value under which the training languages' counts are most
# probable. This is called empirical Bayes, and it is meta-learning: an inner loop in closed form, (16.2), and an outer
# loop over one number and one table.

# %%
def log_probability(word, words, alpha):
    """Logarithm of (16.3) multiplied over the steps of a word, after `words` of its language; numbers, 0 the mark."""
    counts, total = alpha.clone(), 0.0
    for chain, asked in [*((one, False) for one in words), (word, True)]:
        for a, b in zip(chain[:-1], chain[1:], strict=True):
            total += float((counts[a, b] / counts[a].sum()).log()) if asked else 0.0
            counts[a, b] += 1
    return total


def chains(codes):
    return [[one for one in chain if one >= 0] for chain in chain_symbols(codes, recipe.symbols).tolist()]


of_training = chain_symbols(languages.codes[languages.members["train"]], recipe.symbols)
counted = chain_counts(of_training, recipe.symbols)
alpha = fit_prior(counted)
known, new = chains(task.support_inputs[0]), chains(task.query_inputs[0])
mine = [[log_probability(word, known[5 * k : 5 * k + 5], alpha) for k in range(5)] for word in new]
theirs = chain_logits(task, alpha, 5)[0]
off = float((torch.tensor(mine) - theirs).abs().max())
right = (theirs.argmax(-1) == task.query_targets[0]).tolist()

# %% tags=["hide-input"]
claim(
    f"`metarl_core.exact.chain_logits` gives the same. The fitted rows weigh {float(alpha[1].sum()):.0f} steps, and of the ten "
    f"words above {sum(right)} are classified correctly.",
    off < 1e-3,
)

# %% [markdown]
# ## 4 Networks
#
# A network sees a word as the letters, pairs and triples that it holds: a vector of length 1 with 512 places (`ngrams`;
# a fixed hash sends each of them to a place, so that letters of any script have one). Two hidden layers of 64 follow.
# They are used in four ways, all of them met in chapter 07:
#
# | method | in training | on a new task |
# |---|---|---|
# | prototypes | episodes of 20 languages | class means in the last hidden layer |
# | MAML | episodes of 5 languages, one inner step | gradient steps on all parameters |
# | pre-training | a classifier of all training languages | a new last layer of zeros, gradient steps on all parameters |
# | random initialisation | nothing | the same |
#
# All that are trained see 400 words in each of 400 updates of Adam. Step sizes are the best of four (six of both
# together for MAML) and so are size and number of the steps at test: chosen on tasks of *training* languages, by
# trainings with a seed that is not in the table. Beside them stand the **nearest mean** of the vectors themselves, with
# no network at all, and **flat letter chains**, with $\alpha_{ab} = 1$, which know nothing of the training languages.
#
# Here is one of them, live; the table holds five seeds of each.

# %%
row = table.scores("prototypes, names")  # [seed, task, column]
outer_lr = float(row[0, 0, 2])
network, _ = few_languages.trained("prototypes", "names", 0, outer_lr, 0.0, recipe)
head = Prototypes(few_languages.loss, few_languages.features, few_languages.HEAD)
data = few_languages.as_ngrams(few_languages.held_out("names", "test", recipe), recipe)
adapted = head.adapt(network, data.support_inputs, data.support_targets)
live = few_languages.accuracies(adapted, data)

# %% tags=["hide-input"]
claim(
    f"Seed 0 reaches {float(live.mean()):.3f} on the held-out languages here, and {float(row[0, :, 0].mean()):.3f} in the "
    "table.",
    abs(float(live.mean()) - float(row[0, :, 0].mean())) < 0.03,
)

# %% [markdown]
# ## 5 Who wins, and where
#
# Four settings. **Names** are the real ones: on held-out languages in Latin letters, and on languages in Cyrillic
# letters, which no method met in training. **Made-up** languages are drawn from (16.1) with an $\alpha$ that we know:
# once as in training, and once with another table of mean frequencies. There, letter chains with the true $\alpha$ are
# the optimum, by the argument above.
#
# **Predict, then run.** (a) On held-out names, do networks beat letter chains? (b) In Cyrillic letters? (c) On made-up
# languages, how close does a network come to the optimum? (d) On made-up languages with another table, which is better:
# an $\alpha$ fitted to the training languages, or a flat one?
#
# *Your prediction:*

# %% tags=["hide-input"]
panels = {
    ("names", 0): "names,\nheld-out languages",
    ("names", 1): "names,\nCyrillic letters",
    ("made-up", 0): "made-up,\nheld-out languages",
    ("made-up", 1): "made-up,\nanother table",
}
methods = [name for name in figures.LOOK if name != "known prior"]
by_panel = {key: {n: table.scores(f"{n}, {key[0]}")[..., key[1]].mean(1) for n in methods} for key in panels}
by_panel["made-up", 0]["known prior"] = table.scores("known prior, made-up")[..., 0].mean(1)
figures.accuracies({panels[key]: found for key, found in by_panel.items()}, 1 / recipe.ways)
show_table(["accuracy", *(title.replace("\n", " ") for title in panels.values())], [
    (name, *(in_words(t_interval(found[name]), 3) if name in found and found[name].std() > 1e-6
             else f"{found[name].mean():.3f}" if name in found else "" for found in by_panel.values()))
    for name in figures.LOOK
])  # fmt: skip

# %% tags=["hide-input"]
mean = {key: {name: float(scores.mean()) for name, scores in found.items()} for key, found in by_panel.items()}


def ahead(one, other, kind, column):
    """How much the mean of one method is above another's, over seeds."""
    scores = [table.scores(f"{name}, {kind}")[..., column].mean(1) for name in (one, other)]
    return t_interval(scores[0] - scores[1])


nets = ("prototypes", "MAML", "pre-training")
best = {key: max(nets, key=found.get) for key, found in mean.items()}
gaps = {key: ahead(best[key], "letter chains", *key) for key in panels}
claim(
    f"(a) Yes: {best['names', 0]} is ahead of letter chains by {in_words(gaps['names', 0], 3, True)}, and of prototypes by "
    f"{in_words(ahead('pre-training', 'prototypes', 'names', 0), 3, True)}.",
    gaps["names", 0].low > 0 and best["names", 0] == "pre-training",
)
claim(
    f"(b) No: the best network there, {best['names', 1]}, is behind by {in_words(gaps['names', 1], 3, True)}, at "
    f"{mean['names', 1][best['names', 1]]:.2f} where chance gives 0.20.",
    gaps["names", 1].high < 0,
)
untrained = {key: ahead(best[key], "random initialisation", *key) for key in panels}
claim(
    f"In Cyrillic letters the best trained network is also {in_words(untrained['names', 1], 3, True)} from one that was never "
    f"trained; on made-up languages it is {in_words(untrained['made-up', 0], 3, True)} from it.",
    untrained["names", 1].high < 0 < untrained["made-up", 0].low,
)
optimum = mean["made-up", 0]["known prior"]
claim(
    f"(c) The optimum is {optimum:.3f}, the fitted prior reaches {mean['made-up', 0]['letter chains']:.3f}, the best "
    f"network, {best['made-up', 0]}, {mean['made-up', 0][best['made-up', 0]]:.3f}.",
    gaps["made-up", 0].high < 0 and abs(optimum - mean["made-up", 0]["letter chains"]) < 0.02,
)
claim(
    f"Every trained network stays below the nearest mean of its own inputs there, {mean['made-up', 0]['nearest mean']:.3f}, "
    f"and above it on held-out names, {mean['names', 0]['nearest mean']:.3f}.",
    all(
        mean["made-up", 0][name] < mean["made-up", 0]["nearest mean"]
        and mean["names", 0][name] > mean["names", 0]["nearest mean"]
        for name in nets
    ),
)
claim(
    f"(d) The flat one: {mean['made-up', 1]['flat letter chains']:.3f} against "
    f"{mean['made-up', 1]['letter chains']:.3f} for the fitted one. As in training it was the other way round, "
    f"{mean['made-up', 0]['flat letter chains']:.3f} against {mean['made-up', 0]['letter chains']:.3f}.",
    mean["made-up", 1]["flat letter chains"] > mean["made-up", 1]["letter chains"]
    and mean["made-up", 0]["flat letter chains"] < mean["made-up", 0]["letter chains"],
)

# %% [markdown]
# The figure's dots are seeds and its bars t intervals over five of them; methods without training have one value.
#
# **Held-out names.** Networks see triples of letters and learn which of them tell languages apart; a chain sees pairs
# and weighs all alike. Which of the two differences counts was not varied here. The lead of pre-training over the
# meta-learners is small over prototypes and larger over MAML, whose number of steps at test lies at the upper end of
# what was tried.
#
# **Cyrillic letters.** The networks' lead turns into a deficit, even against networks that were never trained: they
# learned from n-grams of which the new words have almost none, and what reaches their places is an accident of the
# hash. The chain's table of frequencies is of no use, either, and still it counts: (16.2) works with letters that it
# has never met. A meta-learned start helps where test tasks are drawn as training tasks were. This is the fifth
# question of section 1, and a service that adds languages of a new script would meet it on its first day.
#
# **Made-up languages** show what the distance between methods is worth. Nothing can reach more than the known prior;
# the fitted one comes within the noise of it, from 85 training languages. A network that sees 400 words in each of 400
# updates does not: it stays below the nearest mean of the very vectors that it is given, which it beats on names, and
# training gives it little. With 512 places for some 18,000 triples, words of made-up languages share most of their
# places; a larger vector, more updates, or a penalty on weights were not tried. So "meta-learning beats the plain
# rival" is a statement about how well the rival's assumption fits the data: on made-up languages it holds exactly, on
# names it does not.
#
# **With another table** the fitted prior is worse than a flat one: what was learned from the training tasks now
# misleads. The same happened to networks in Cyrillic letters, only that there it is harder to see why.
#
# ## 6 Before you use this in earnest
#
# - **The data.** Names of countries are a narrow kind of text, and related words in all languages. Running text is
#   easier: five words of it hold "the" or "und". Test on what the service gets.
# - **Labels.** The CLDR calls its entries languages; some are written standards of one language. Which distinctions
#   matter is for those who speak them to say, and a wrong label is not a small thing for a person.
# - **Priors.** All five languages were equally likely. In use they are not, and (16.3) takes a prior over languages as one
#   more term; a network would have to be corrected by hand.
# - **The rival in earnest** is a character model with longer memory, trained on all text there is. With five words a
#   language it cannot be fitted; from (16.1) to such a model leads the way of giving longer contexts their own priors.
#
# ## 7 Check yourself
#
# Decide before you open an answer.
#
# **1.** A colleague splits a benchmark by user, and the same household has several accounts. Is a test user held out?
# (A) Yes, users are disjoint. (B) Only in the sense of the file. (C) Yes, if the split was random.
#
# <details><summary>Answer to 1</summary>
#
# **B.** As with copies of Swahili: the unit that is new in use is the household. *A* is what the file says; section 2
# measured what that was worth. *C*: a random split of copies puts copies on both sides.
#
# </details>
#
# **2.** Why can no network beat the known prior on made-up languages, in expectation? (A) Networks have too few units.
# (B) The posterior's largest entry minimises the probability of an error. (C) Dirichlet distributions are conjugate.
#
# <details><summary>Answer to 2</summary>
#
# **B**, and it holds for any classifier of single words. *A* would be an argument against this network only. *C* is why
# the posterior is easy to compute, not why it is best.
#
# </details>
#
# **3.** The fitted prior is worse than a flat one on languages of another table. What follows for use? (A) Never fit
# priors. (B) Fit them on more tasks. (C) Fit them where test tasks come from the same distribution, and watch whether
# they still do.
#
# <details><summary>Answer to 3</summary>
#
# **C.** *A* gives away the advantage on tasks like those of training. *B* makes the estimate of the wrong table more
# precise.
#
# </details>
#
# **4.** Somebody reports that MAML beats logistic regression with five words a language. Which question comes first?
# (A) How many seeds? (B) What could logistic regression learn from the training languages? (C) How many inner steps?
#
# <details><summary>Answer to 4</summary>
#
# **B**, the fourth question of section 1: MAML saw 85 languages, its rival none. *A* and *C* matter for the size of the
# difference, which means little as long as one side had no training tasks.
#
# </details>
#
# ## Further reading
#
# - H. Robbins, *An empirical Bayes approach to statistics*, 1956: priors from other tasks, long before the word. - D.
# J. C. MacKay and L. C. Bauman Peto, *A hierarchical Dirichlet language model*, 1995: section 3, for words in place
# of letters. - J. Snell, K. Swersky and R. Zemel, *Prototypical networks for few-shot learning*, 2017,
# arXiv:1703.05175. - J. Baxter, *A model of inductive bias learning*, 2000, arXiv:1106.0245: what can be guaranteed for
# new tasks, from how   many old ones.
#
# previous: [14 Growing beyond one machine](14_beyond_one_machine.ipynb) · next: [17 Reading critically](17_reading_critically.ipynb)
