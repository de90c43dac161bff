// One picture large, its label, and what hands and keys do to it.

const STATES = { open: ["\u00b7", "open"], labelled: ["\u2713", "labelled"], nothing: ["\u2205", "nothing here"], unsure: ["?", "unsure"] };

const AROUND = 412; // height of what stands above and below the picture: all of it is to be seen at once

class Editor extends Keys {
  constructor(root, data) {
    super();
    this.root = root;
    this.find = (selector) => root.querySelector(selector);
    [this.stage, this.image, this.group] = [this.find(".stage"), this.find("img"), this.find("svg g")];
    this.server = new Server(data.base);
    this.by = data.by;
    this.review = data.review;
    this.seen = new Set();
    this.line = 0.5; // confidence from which proposals are shown and accepted
    this.asked = ""; // the picture whose open proposals were spoken of
    this.taken = new WeakSet(); // objects as a model proposed them, not touched since
    this.coarse = matchMedia("(pointer: coarse)").matches;
    this.pictures = []; this.at = -1; this.current = ""; this.settings = { task: "detect", classes: [], colours: [], keypoints: [], skeleton: [] };
    this.view = { scale: 1, x: 0, y: 0 };
    this.pointers = new Map();
    this.empty();
    this.find(".keys").innerHTML = KEYS.map(([key, does]) => `<dt>${key}</dt><dd>${does}</dd>`).join("");
    this.listen();
    // Until there is a picture no click and no key would find anything to act on.
    const editor = this.find(".editor"), ask = this.find(".ask");
    editor.inert = true;
    [ask.textContent, ask.hidden] = ["Getting the pictures \u2026", false];
    this.begin(data.open).catch((error) => { ask.hidden = true; this.say(error.message); }).finally(() => { editor.inert = false; });
  }

  empty() {
    Object.assign(this, { label: { state: "open", objects: [], name: "" }, number: 0, proposals: [], chosen: null, draft: null, drag: null, past: [], future: [], pointing: null, hidden: false, named: false, left: null });
  }

  // Proposals that are sure enough, of things that have no label yet.
  get shown() {
    if (this.whole) return [];
    const { objects } = this.label;
    return this.proposals.filter((item) => item.confidence >= this.line && !objects.some((other) => overlapOf(item, other) > SAME));
  }
  get picture() { return this.pictures[this.at]; }
  get size() { return [this.picture.width, this.picture.height]; }
  get whole() { return this.settings.task === "classify"; }
  colourOf(name) { return this.settings.colours[Math.max(0, this.settings.classes.indexOf(name)) % this.settings.colours.length] || "#fff"; }

  // --- pictures ---

  async begin(open) {
    const told = await this.server.pictures();
    told.orders.like = this.settings.orders?.like;
    this.settings = told;
    this.pictures = told.pictures;
    this.byId = new Map(told.pictures.map((item) => [item.id, item]));
    this.current = told.classes[0] || "";
    this.showClasses();
    this.find(".proposing input").value = Math.round(told.line * 100);
    this.drawLine(told.line);
    // Without a model's doubts the first order is random too.
    this.find("option[value=next]").textContent = told.doubted ? "what the model doubts" : "any, at random";
    const random = this.find("option[value=random]");
    random.hidden = random.disabled = !told.doubted;
    const asked = this.pictures.findIndex((item) => item.id === (open || this.review[0]));
    if (this.review.length && !this.seen.size) {
      const option = this.find("option[value=review]");
      option.hidden = option.disabled = false;
      option.selected = true;
    }
    const first = asked >= 0 ? asked : this.pictures.findIndex((item) => item.id === told.orders.next[0]);
    await this.show(Math.max(first, 0));
  }

  // New proposals: the picture that is looked at stays, with what is proposed for it.
  async again() {
    await this.saving;
    const at = this.picture?.id;
    await this.begin(at);
  }

  go(index) {
    if (index < 0 || index >= this.pictures.length || index === this.at) return;
    this.stopDrawing();
    if (this.leavesOpen()) return;
    const move = async () => { await this.saving; await this.show(index); };
    this.moving = move().catch((error) => this.say(error.message)).finally(() => { this.moving = null; });
  }

  // Once per picture: one with labels is learned from, and what is proposed and not taken counts as not there.
  leavesOpen() {
    const { shown, label, picture } = this, open = shown.length;
    if (!open || !label.objects.length || label.state === "unsure" || this.asked === picture.id) return false;
    this.asked = picture.id;
    if (!shown.includes(this.chosen)) [this.chosen] = shown;
    this.draw();
    this.say(`${open === 1 ? "1 proposal is" : `${open} proposals are`} left open: Enter accepts, Del refuses, the arrow or a second Next leaves ${open === 1 ? "it" : "them"} out.`);
    return true;
  }

  // From which confidence on proposals are shown.
  drawLine(line) {
    this.line = line;
    this.find(".proposing output").textContent = `${Math.round(line * 100)} %`;
    if (this.proposals.includes(this.chosen) && !this.shown.includes(this.chosen)) this.chosen = null;
    if (this.picture) { this.draw(); this.say(this.words()); }
  }

  // What is pressed while the next picture is fetched is meant for that one.
  async later(act) {
    while (this.moving) await this.moving;
    act();
  }

  async show(index) {
    const turn = (this.turn = (this.turn || 0) + 1), picture = this.pictures[index];
    if (!picture) return;
    const told = await this.server.label(picture.id);
    if (turn !== this.turn) return;
    this.at = index;
    this.seen.add(picture.id);
    this.empty();
    this.label = { objects: [], name: "", ...told.label };
    this.number = told.number;
    this.past = told.history;
    this.proposals = told.proposals;
    this.image.src = this.server.address(picture.id);
    this.image.alt = picture.source;
    this.image.width = picture.width; this.image.height = picture.height;
    this.stage.style.height = `${within((this.stage.clientWidth * picture.height) / picture.width, 240, Math.max(320, innerHeight - AROUND))}px`;
    this.stage.setAttribute("aria-label", `Picture ${picture.source}`);
    this.fit();
    this.showSaved("");
    this.showAll();
    this.say(`${picture.source}, ${index + 1} of ${this.pictures.length}. ${this.words()}`);
    this.server.warm([...this.pictures.slice(index + 1, index + 3), ...this.waiting().slice(0, 2)].map((item) => item.id));
  }

  waiting() {
    const kind = this.find("select[name=order]").value, asked = this.settings.orders[kind];
    if (kind === "review") return this.review.filter((id) => !this.seen.has(id)).map((id) => this.byId.get(id)).filter(Boolean);
    const order = asked ? asked.map((id) => this.byId.get(id)) : [...this.pictures.slice(this.at + 1), ...this.pictures.slice(0, this.at)];
    return order.filter((item) => item && item.state === "open" && item !== this.picture);
  }

  onward() {
    const [next] = this.waiting();
    if (next) this.go(this.pictures.indexOf(next));
    else this.say(this.find("select[name=order]").value === "review" ? "These were all that were sent here." : "Every picture is labelled, or somebody is unsure of it.");
  }

  // What is most like this picture comes next, until another order is chosen.
  async moreLike() {
    try {
      const { order, first } = await this.server.ask(`like/${this.picture.id}`), option = this.find("option[value=like]");
      if (!order.length) { this.say(first || "No other open picture to learn from is known to the model that was asked."); return; }
      this.settings.orders.like = order;
      option.textContent = `more like ${this.picture.source.split("/").pop()}`;
      option.hidden = option.disabled = false;
      option.selected = true;
      this.onward();
    } catch (error) { this.say(error.message); }
  }

  words() {
    const { objects, state, name } = this.label;
    if (this.whole && !name && this.proposals.length) return `Proposed: ${this.proposals[0].class}, ${Math.round(this.proposals[0].confidence * 100)} %. Enter takes it.`;
    if (this.whole) return name ? `Class ${name}.` : "No class yet.";
    if (!objects.length && !this.proposals.length) return state === "nothing" ? "Nothing here." : "Nothing drawn yet.";
    const drawn = objects.length === 1 ? "1 object." : `${objects.length} objects.`;
    const shown = this.shown.length, less = this.proposals.filter((item) => item.confidence < this.line).length;
    return `${drawn}${shown ? ` ${shown} proposed.` : ""}${less ? ` ${less} less sure, below the slider.` : ""}`;
  }

  // --- changing and keeping ---

  commit(label, words) {
    this.past.push(copy(this.label));
    this.future = [];
    this.become(label, words);
  }

  become(label, words) {
    this.label = label;
    if (!label.objects.includes(this.chosen) && !this.proposals.includes(this.chosen)) this.chosen = null;
    this.save();
    this.showAll();
    this.say(`${words ? `${words} ` : ""}${this.words()}`);
  }

  undo() { this.step(this.past, this.future, "Undone."); }
  redo() { this.step(this.future, this.past, "Done again."); }

  step(from, to, words) {
    if (this.draft?.open) { this.draft.points.pop(); if (!this.draft.points.length) this.draft = null; this.draw(); return; }
    if (!from.length) return;
    to.push(copy(this.label));
    this.become({ objects: [], name: "", ...from.pop() }, words);
  }

  save() {
    this.unsaved = true;
    if (!this.saving) this.saving = this.keep().finally(() => { this.saving = null; });
    return this.saving;
  }

  async keep() {
    const picture = this.picture;
    while (this.unsaved) {
      this.unsaved = false;
      this.showSaved("Saving \u2026");
      try {
        const told = await this.server.ask(`label/${picture.id}`, { since: this.number, label: this.label, by: this.by });
        this.number = told.number;
        picture.state = told.label.state;
        if (told.conflict) {
          this.unsaved = false;
          this.empty();
          Object.assign(this, { label: { objects: [], name: "", ...told.label }, number: told.number });
          this.say(told.error);
        } else if (!this.unsaved) {
          this.label.state = told.label.state;
        }
        this.showSaved(told.conflict ? "Yours was not kept" : "Saved", told.conflict);
        this.showAll();
      } catch (error) {
        if (error.refused) { this.showSaved(error.message, true); this.say(error.message); return; }
        this.unsaved = true;
        this.showSaved("Not saved: the server doesn\u2019t answer. Trying again \u2026", true);
        await new Promise((done) => setTimeout(done, 1500));
      }
    }
  }

  // --- objects ---

  needsClass() {
    if (this.current) return false;
    this.say("Name what you look for first.");
    this.find(".naming input").focus();
    return true;
  }

  // What is drawn around a thing a model had proposed puts the proposal right, unless another class was asked for.
  add(shape, anew = false) {
    const like = anew ? [] : this.label.objects.filter((item) => this.taken.has(item) && overlapOf(item, shape) >= PUT_RIGHT);
    const [old] = like.sort((a, b) => overlapOf(b, shape) - overlapOf(a, shape));
    if (old) {
      const made = { ...copy(old), ...shape, class: this.named ? this.current : old.class };
      this.named = false;
      this.replace(old, made, `${made.class} put right, ${sizeWords(made)}.`);
      this.fresh = made;
      return;
    }
    this.named = false;
    const made = { class: this.current, ...shape };
    if (this.settings.task === "pose") made.keypoints = this.settings.keypoints.map(() => [0, 0, 0]);
    const label = { ...this.label, objects: [...this.label.objects, made] };
    this.chosen = this.fresh = made;
    this.commit(label, `${made.class}, ${sizeWords(made)}.`);
    if (made.keypoints) this.pointing = { shape: made, n: 0 };
    this.showAsk();
  }

  replace(old, made, words) {
    this.chosen = made;
    this.fresh = null;
    if (this.pointing?.shape === old) this.pointing.shape = made;
    this.commit({ ...this.label, objects: this.label.objects.map((item) => (item === old ? made : item)) }, words);
  }

  // What was chosen; where nothing was since the last drawing, what the mouse points at.
  remove() {
    const gone = this.chosen && this.chosen !== this.fresh ? this.chosen : this.under || this.chosen;
    if (!gone) { this.say("Nothing is chosen: point at an object, click on it, or press Tab."); return; }
    if (this.proposals.includes(gone)) {
      const place = this.shown.indexOf(gone);
      this.proposals = this.proposals.filter((item) => item !== gone);
      if (gone === this.chosen) this.chosen = this.shown[Math.min(place, this.shown.length - 1)] || null;
      this.showAll();
      this.say(`Refused. ${this.words()}`);
      return;
    }
    this.pointing = null;
    this.commit({ ...this.label, objects: this.label.objects.filter((item) => item !== gone) }, `${gone.class} deleted.`);
  }

  accept(shapes) {
    const taken = shapes.map(({ confidence, ...shape }) => copy(shape));
    taken.forEach((shape) => this.taken.add(shape));
    if (!taken.length) { this.say("No proposal is that sure."); return; }
    const place = this.shown.indexOf(shapes[0]);
    this.proposals = this.proposals.filter((item) => !shapes.includes(item));
    this.chosen = this.shown[Math.min(place, this.shown.length - 1)] || null;
    this.commit({ ...this.label, objects: [...this.label.objects, ...taken] }, `${taken.length} taken over.`);
  }

  // What has just been drawn keeps its class: the key is meant for what is drawn next, until the object is picked.
  setClass(name) {
    if (!name) return;
    this.current = name;
    if (this.whole) {
      this.commit({ ...this.label, state: "labelled", name });
      this.saving?.then(() => this.onward());
    } else if (this.chosen !== this.fresh && this.label.objects.includes(this.chosen) && this.chosen.class !== name) {
      this.replace(this.chosen, { ...copy(this.chosen), class: name }, `Now ${name}.`);
    } else {
      this.named = true;
      this.say(`${name}: for what is drawn next.`);
    }
    this.showClasses();
  }

  setState(state) {
    const now = this.label.state === state ? "open" : state;
    if (now === "nothing" && this.label.objects.length) { this.say("There are objects in it: delete them first."); return; }
    if (now === "nothing") this.proposals = [];
    this.commit({ ...this.label, state: now }, now === "open" ? "Taken back." : now === "unsure" ? "Unsure: not for training." : "");
  }

  async copyBefore() {
    const before = this.pictures[this.at - 1];
    if (!before) return;
    const { label } = await this.server.label(before.id), size = this.size;
    const inside = (shape) => { const [l, t, w, h] = boundsOf(shape); return l + w <= size[0] && t + h <= size[1]; };
    if (this.whole) this.commit({ ...this.label, state: "labelled", name: label.name });
    else this.commit({ ...this.label, objects: [...this.label.objects, ...label.objects.filter(inside)] }, "Copied from the picture before.");
  }

  choose(step) {
    const all = [...this.label.objects, ...this.shown], next = all.indexOf(this.chosen) + step;
    if (!all.length || next < 0 || next >= all.length) { this.chosen = null; this.draw(); return false; }
    this.chosen = all[next];
    this.fresh = null;
    this.say(`${this.chosen.class}, ${sizeWords(this.chosen)}, ${next + 1} of ${all.length}${this.proposals.includes(this.chosen) ? ", proposed" : ""}.`);
    this.draw();
    return true;
  }

  // --- key points ---

  setPoint(place, seen) {
    const { shape, n } = this.pointing, made = copy(shape);
    made.keypoints[n] = seen ? [hundredths(place[0]), hundredths(place[1]), seen] : [0, 0, 0];
    this.pointing.n += 1;
    this.replace(shape, made, `${this.settings.keypoints[n]} ${seen ? "set" : "not there"}.`);
    this.fresh = made;
    if (this.pointing.n >= this.settings.keypoints.length) this.pointing = null;
    this.showAsk();
  }

  listen() {
    const { stage, root } = this, editor = this.find(".editor");
    stage.onpointerdown = (event) => this.down(event);
    stage.onpointermove = (event) => this.moved(event);
    stage.onpointerup = stage.onpointercancel = (event) => this.up(event);
    stage.onpointerleave = () => this.pointAt(null);
    stage.ondblclick = () => { if (this.draft?.open) this.close(); };
    stage.oncontextmenu = (event) => event.preventDefault();
    stage.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    editor.onkeydown = (event) => this.key(event);
    editor.onkeyup = (event) => { if (event.key === " ") { this.space = false; this.draw(); } };
    editor.onclick = (event) => {
      const button = event.target.closest("button");
      const { do: name, class: chosen, at } = button?.dataset || {};
      if (name) this.later(() => this.press(name));
      else if (chosen !== undefined) this.later(() => this.setClass(chosen));
      else if (at) this.later(() => this.go(Number(at)));
      if (button && event.detail) this.stage.focus({ preventScroll: true }); // a hand's click: Enter is meant for the picture again
    };
    this.find(".naming input").onkeydown = (event) => { if (event.key === "Enter") this.nameClass(); };
    this.find(".proposing input").oninput = (event) => this.drawLine(event.target.value / 100);
    root.querySelectorAll(".looks input").forEach((input) => { input.oninput = () => this.look(this.looks("brightness"), this.looks("contrast")); });
    this.watcher = new ResizeObserver(() => (this.fitted ? this.fit() : this.draw()));
    this.watcher.observe(stage);
    this.leaving = (event) => { if (this.unsaved || this.saving) event.preventDefault(); };
    addEventListener("beforeunload", this.leaving);
    // With nothing chosen on the page, or only its title, where a new page begins, keys are meant for the picture.
    this.unclaimed = ({ target, key }) => target === document.body || (target.tagName === "H1" && key !== "Tab");
    this.elsewhere = (event) => { if (this.unclaimed(event)) this.key(event); };
    document.addEventListener("keydown", this.elsewhere, true);
  }

  leave() { this.watcher.disconnect(); removeEventListener("beforeunload", this.leaving); document.removeEventListener("keydown", this.elsewhere, true); }

  async nameClass() {
    const input = this.find(".naming input"), name = input.value.trim().replace(/\s+/g, " ");
    if (!name) return;
    try {
      this.settings.classes = (await this.server.ask("classes", { name })).classes;
    } catch (error) { this.say(error.message); return; }
    input.value = "";
    this.current = name;
    this.showClasses();
    this.say(`Class ${name}, key ${this.settings.classes.indexOf(name) + 1}. Now draw.`);
    this.stage.focus({ preventScroll: true });
  }

  // --- what stands around the picture ---

  say(words) { this.find(".told").textContent = words; }

  showSaved(words, bad) {
    const saved = this.find(".saved");
    saved.textContent = words;
    saved.classList.toggle("bad", Boolean(bad));
  }

  showClasses() {
    const row = this.find(".classes");
    row.replaceChildren(...this.settings.classes.map((name, n) => {
      const button = document.createElement("button"), colour = document.createElement("i"), key = document.createElement("kbd");
      button.type = "button";
      button.dataset.class = name;
      button.setAttribute("role", "radio");
      button.setAttribute("aria-checked", String(name === (this.whole ? this.label.name : this.current)));
      colour.style.background = this.colourOf(name);
      key.textContent = n < 9 ? String(n + 1) : "";
      button.append(colour, name, key);
      return button;
    }));
    row.hidden = !this.settings.classes.length;
  }

  showAsk() {
    const ask = this.find(".ask");
    ask.textContent = this.pointing ? `Click on: ${this.settings.keypoints[this.pointing.n]} (Shift: hidden, X: not there)`
      : this.draft?.open ? "Click on the first point, or Enter, to close it" : "";
    ask.hidden = !ask.textContent;
  }

  showAll() {
    if (!this.picture) return;
    this.showAsk();
    if (this.whole) this.showClasses();
    this.draw();
    const pressed = { nothing: this.label.state === "nothing", unsure: this.label.state === "unsure", hide: this.hidden, pan: this.panning, snap: this.snapping };
    for (const [name, is] of Object.entries(pressed)) this.find(`[data-do=${name}]`).setAttribute("aria-pressed", String(Boolean(is)));
    this.find("[data-do=nothing]").hidden = this.find("[data-do=snap]").hidden = this.whole;
    this.find("[data-do=undo]").disabled = !this.past.length;
    this.find("[data-do=redo]").disabled = !this.future.length;
    this.find("[data-do=previous]").disabled = this.at <= 0;
    this.find("[data-do=next]").disabled = this.at >= this.pictures.length - 1;
    this.find("[data-do=before]").disabled = this.at <= 0;
    this.find(".proposing").hidden = this.whole || !this.proposals.length;
    this.showStrip();
  }

  showStrip() {
    const most = Math.max(5, Math.min(this.pictures.length, Math.floor(this.stage.clientWidth / 34)));
    const from = within(this.at - Math.floor(most / 2), 0, Math.max(0, this.pictures.length - most));
    this.find(".strip").replaceChildren(...this.pictures.slice(from, from + most).map((picture, n) => {
      const item = document.createElement("li"), button = document.createElement("button"), [sign, words] = STATES[picture.state];
      button.type = "button";
      button.dataset.at = String(from + n);
      button.className = picture.state;
      button.textContent = sign;
      button.title = button.ariaLabel = `${picture.source}: ${words}`;
      if (from + n === this.at) button.setAttribute("aria-current", "true");
      item.append(button);
      return item;
    }));
  }
}

const editors = new WeakMap();

export default function (component) {
  const { parentElement, data } = component;
  const before = editors.get(parentElement);
  if (before && before.base === data.base) {
    before.editor.by = data.by;
    if (before.fresh !== data.fresh) { before.fresh = data.fresh; before.editor.again(); }
  } else {
    before?.editor.leave();
    editors.set(parentElement, { base: data.base, fresh: data.fresh, editor: new Editor(parentElement, data) });
  }
  return () => { editors.get(parentElement)?.editor.leave(); editors.delete(parentElement); };
}
