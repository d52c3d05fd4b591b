// A two-armed bandit: a policy of two scores, moved by what each play pays.
(() => {
  const probabilities = z => {
    const e = z.map(v => Math.exp(v - Math.max(...z))), sum = e[0] + e[1];
    return e.map(v => v / sum);
  };
  // Down the slope of -log P(a) times the weight: weight (P - [k = a]).
  const update = (z, a, weight, lr) => probabilities(z).map((p, k) => z[k] - lr * weight * (p - (k === a)));
  // Each play; a draw is a number that chooses the arm, and one that is added to what it pays.
  const diary = (draws, pays, lr, baseline) => {
    let z = [0, 0], paid = 0;
    const days = draws.map(([u, noise], n) => {
      const p = probabilities(z)[0], a = +(u >= p), reward = pays[a] + noise, weight = reward - (baseline && n ? paid / n : 0);
      z = update(z, a, weight, lr);
      paid += reward;
      return { p, a, reward, weight };
    });
    return [...days, { p: probabilities(z)[0], z }];
  };
  // P(A) before each play and after the last.
  const play = (draws, pays, lr, baseline) => diary(draws, pays, lr, baseline).map(day => day.p);
  explorable.model.bandit = { probabilities, update, diary, play };
})();

explorable("bandit", ui => {
  const { diary, play } = explorable.model.bandit, { make, set, fixed } = ui, MOST = 300, COPIES = 12;
  const luck = copy => {
    const next = explorable.chance(1000 * seed.value + copy), bell = () => next() + next() + next() + next() - 2;
    return Array.from({ length: MOST }, () => [next(), 0.87 * bell()]); // spread 0.5
  };
  const plot = ui.plot({ x: [0, MOST], y: [0, 1], width: 380, height: 300, xlabel: "play", ylabel: "P(arm A)",
    label: "The probability of arm A over the plays, twelve gamblers" });
  const lines = Array.from({ length: COPIES }, (_, k) =>
    plot.path(k ? { stroke: "#0072b2", "stroke-opacity": 0.55 } : { class: "ink", "stroke-width": 2.5 }));
  const money = x => fixed(x, 1);
  const a = ui.range("a", { label: "Arm A pays, on average", min: -3, max: 5, step: 0.1, value: 2, text: money });
  const b = ui.range("b", { label: "Arm B pays, on average", min: -3, max: 5, step: 0.1, value: 3, text: money });
  const lr = ui.range("lr", { label: "Learning rate", min: 0.01, max: 1, step: 0.01, value: 0.5 });
  const baseline = ui.choice("baseline", { label: "Weight of a play", value: "no",
    options: [["no", "what it paid"], ["yes", "what it paid, less the mean so far"]] });
  const whole = (low, high) => text => /^\d{1,4}$/.test(text) && +text >= low && +text <= high ? +text : undefined;
  const seed = ui.state("luck", { value: 1, parse: whole(1, 999) });
  const plays = ui.state("plays", { value: 0, parse: whole(0, MOST) });
  const more = n => {
    if (plays.value >= MOST) return false;
    plays.set(Math.min(MOST, plays.value + n));
  };
  ui.button("Play once", () => more(1));
  ui.loop(() => more(1), "Play on", 40);
  ui.button("To the end", () => more(MOST));
  ui.button("Other luck", () => seed.set(seed.value % 999 + 1));
  const shown = Object.fromEntries(["Plays", "Arm, paid, weight", "Scores z", "P(A), P(B)", "The twelve P(A)", "Paid per play"].map(n => [n, ui.number(n)]));

  ui.draw(() => {
    const pays = [a.value, b.value], uses = baseline.value === "yes", n = plays.value;
    const all = lines.map((line, k) => {
      const draws = luck(k).slice(0, n), course = play(draws, pays, lr.value, uses);
      set(line, { d: plot.line(course.map((p, t) => [t, p])) });
      return course[n];
    });
    const days = diary(luck(0).slice(0, n), pays, lr.value, uses), { p, z } = days[n], last = days[n - 1];
    shown["Plays"](`${n}`);
    shown["Arm, paid, weight"](last ? `${"AB"[last.a]}, ${fixed(last.reward)}, ${fixed(last.weight)}` : "none yet");
    shown["Scores z"](`(${z.map(v => fixed(v)).join(", ")})`);
    shown["P(A), P(B)"](`${fixed(p, 3)}, ${fixed(1 - p, 3)}`);
    shown["The twelve P(A)"](`${fixed(Math.min(...all))} … ${fixed(Math.max(...all))}`);
    shown["Paid per play"](n ? fixed(days.slice(0, n).reduce((sum, day) => sum + day.reward, 0) / n) : "–");
    const best = a.value > b.value ? "A" : a.value < b.value ? "B" : "";
    const right = all.filter(p => (best === "A" ? p : 1 - p) > 0.9).length;
    ui.say(!n ? "Nobody has played. P(A) is one half." : !best ? "Both arms pay alike: every move of P is noise."
      : `After ${n} plays, ${right} of 12 take arm ${best}, the better one, in nine of ten plays.`);
  });
  ui.code(() => {
    const n = plays.value, days = diary(luck(0).slice(0, n), [a.value, b.value], lr.value, baseline.value === "yes");
    const last = days[n - 1] ?? { a: 0, weight: a.value };
    const before = n ? diary(luck(0).slice(0, n - 1), [a.value, b.value], lr.value, baseline.value === "yes")[n - 1].z : [0, 0];
    return `from d2lib import scratch

# The ${n ? "last" : "first"} play: arm ${"AB"[last.a]} was drawn, and counts with its weight.
z = scratch.tensor([[${before.map(v => +v.toFixed(4))}]], requires_grad=True)
sgd = scratch.SGD([z], lr=${lr.value})
with scratch.record():
    loss = scratch.cross_entropy(z, [${last.a}]) * ${+last.weight.toFixed(4)}
print("P before", scratch.softmax(z).data.round(3))
loss.backward()
sgd.step()
print("P after ", scratch.softmax(z).data.round(3), "scores", z.data.round(3))`;
  });
  return plot.node;
});
