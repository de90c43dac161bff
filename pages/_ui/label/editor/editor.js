// One picture large, its label, and what hands and keys do to it.

const KEYS = [
  ["1 to 9", "class: of what is drawn next, and of what is chosen"], ["\u2190 \u2192", "previous, next picture"],
  ["Enter", "accept the chosen proposal, close an outline, else the next picture to label"],
  ["Tab", "choose the next object, also a covered one"], ["B", "a new box in the middle, to move by keys"],
  ["Alt and arrows", "move what is chosen by a pixel; with Shift its size"], ["Q, E", "turn a turned box"],
  ["S", "snap what is chosen to the thing in it; else: every box that is drawn from now on"],
  ["Del", "delete what is chosen, refuse a proposal"], ["Ctrl Z, Ctrl Y", "undo, redo"],
  ["N", "nothing here"], ["U", "unsure: not for training"], ["C", "copy from the picture before"], ["H", "hide, show"],
  ["+ \u2212 0, wheel", "zoom, whole picture"], ["Space and drag", "move the picture"],
  ["X", "a key point that is not there (while points are set)"],
  ["right button and drag", "brightness and contrast"],
];
const STATES = { open: ["\u00b7", "open"], labelled: ["\u2713", "labelled"], nothing: ["\u2205", "nothing here"], unsure: ["?", "unsure"] };
const CLICK = 4;

class Editor {
  constructor(root, data) {
    this.root = root;
    this.find = (selector) => root.querySelector(selector);
    [this.stage, this.image, this.group] = [this.find(".stage"), this.find("img"), this.find("svg g")];
    this.server = new Server(data.base);
    this.by = data.by;
    this.review = data.review;
    this.seen = new Set();
    this.coarse = matchMedia("(pointer: coarse)").matches;
    this.pictures = []; this.at = -1; this.current = ""; this.settings = { task: "detect", classes: [], colours: [], keypoints: [], skeleton: [] };
    this.view = { scale: 1, x: 0, y: 0 };
    this.pointers = new Map();
    this.empty();
    this.find(".keys").innerHTML = KEYS.map(([key, does]) => `<dt>${key}</dt><dd>${does}</dd>`).join("");
    this.listen();
    this.begin(data.open).catch((error) => this.say(error.message));
  }

  empty() {
    Object.assign(this, { label: { state: "open", objects: [], name: "" }, number: 0, proposals: [], chosen: null, draft: null, drag: null, past: [], future: [], pointing: null, hidden: false });
  }

  get shown() { return this.whole ? [] : this.proposals; }
  get picture() { return this.pictures[this.at]; }
  get size() { return [this.picture.width, this.picture.height]; }
  get whole() { return this.settings.task === "classify"; }
  colourOf(name) { return this.settings.colours[Math.max(0, this.settings.classes.indexOf(name)) % this.settings.colours.length] || "#fff"; }

  // --- pictures ---

  async begin(open) {
    const told = await this.server.pictures();
    this.settings = told;
    this.pictures = told.pictures;
    this.byId = new Map(told.pictures.map((item) => [item.id, item]));
    this.current = told.classes[0] || "";
    this.showClasses();
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
    const move = async () => { await this.saving; await this.show(index); };
    this.moving = move().catch((error) => this.say(error.message)).finally(() => { this.moving = null; });
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
    this.stage.style.height = `${within((this.stage.clientWidth * picture.height) / picture.width, 240, Math.max(260, innerHeight * 0.7))}px`;
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

  words() {
    const { objects, state, name } = this.label;
    if (this.whole && !name && this.proposals.length) return `Proposed: ${this.proposals[0].class}, ${Math.round(this.proposals[0].confidence * 100)} %. Enter takes it.`;
    if (this.whole) return name ? `Class ${name}.` : "No class yet.";
    if (!objects.length && !this.proposals.length) return state === "nothing" ? "Nothing here." : "Nothing drawn yet.";
    const drawn = objects.length === 1 ? "1 object." : `${objects.length} objects.`;
    return this.proposals.length ? `${drawn} ${this.proposals.length} proposed.` : drawn;
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
    this.say(words || this.words());
  }

  undo() { this.step(this.past, this.future, "Undone."); }
  redo() { this.step(this.future, this.past, "Done again."); }

  step(from, to, words) {
    if (this.draft?.open) { this.draft.points.pop(); if (!this.draft.points.length) this.draft = null; this.draw(); return; }
    if (!from.length) return;
    to.push(copy(this.label));
    this.become({ objects: [], name: "", ...from.pop() }, `${words} ${this.words()}`);
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
        this.showSaved("Saved");
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

  add(shape) {
    const made = { class: this.current, ...shape };
    if (this.settings.task === "pose") made.keypoints = this.settings.keypoints.map(() => [0, 0, 0]);
    const label = { ...this.label, objects: [...this.label.objects, made] };
    this.chosen = made;
    this.commit(label, `${made.class}, ${sizeWords(made)}. ${label.objects.length} in this picture.`);
    if (made.keypoints) this.pointing = { shape: made, n: 0 };
    this.showAsk();
  }

  replace(old, made, words) {
    this.chosen = made;
    if (this.pointing?.shape === old) this.pointing.shape = made;
    this.commit({ ...this.label, objects: this.label.objects.map((item) => (item === old ? made : item)) }, words);
  }

  remove() {
    if (!this.chosen) return;
    if (this.proposals.includes(this.chosen)) {
      this.proposals = this.proposals.filter((item) => item !== this.chosen);
      this.chosen = null;
      this.showAll();
      return;
    }
    const gone = this.chosen;
    this.pointing = null;
    this.commit({ ...this.label, objects: this.label.objects.filter((item) => item !== gone) }, `${gone.class} deleted.`);
  }

  accept(shapes) {
    const taken = shapes.map(({ confidence, ...shape }) => copy(shape));
    if (!taken.length) return;
    const place = this.proposals.indexOf(shapes[0]);
    this.proposals = this.proposals.filter((item) => !shapes.includes(item));
    this.chosen = this.proposals[Math.min(place, this.proposals.length - 1)] || null;
    this.commit({ ...this.label, objects: [...this.label.objects, ...taken] }, `${taken.length} taken over. ${this.proposals.length} left.`);
  }

  setClass(name) {
    if (!name) return;
    this.current = name;
    if (this.whole) {
      this.commit({ ...this.label, state: "labelled", name }, `Class ${name}.`);
      this.saving?.then(() => this.onward());
    } else if (this.label.objects.includes(this.chosen) && this.chosen.class !== name) {
      this.replace(this.chosen, { ...copy(this.chosen), class: name }, `Now ${name}.`);
    }
    this.showClasses();
  }

  setState(state) {
    const now = this.label.state === state ? "open" : state;
    if (now === "nothing" && this.label.objects.length) { this.say("There are objects in it: delete them first."); return; }
    if (now === "nothing") this.proposals = [];
    this.commit({ ...this.label, state: now }, now === "open" ? this.words() : `${STATES[now][1]}.`);
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
    if (this.pointing.n >= this.settings.keypoints.length) this.pointing = null;
    this.showAsk();
  }

  // --- the view ---

  fit() {
    if (!this.picture) return;
    const { clientWidth: width, clientHeight: height } = this.stage, [w, h] = this.size;
    const scale = Math.min(width / w, height / h);
    this.view = { scale, x: (width - w * scale) / 2, y: (height - h * scale) / 2 };
    this.fitted = true;
    this.draw();
  }

  zoom(factor, at) {
    const { clientWidth, clientHeight } = this.stage, [x, y] = at || [clientWidth / 2, clientHeight / 2];
    const scale = within(this.view.scale * factor, 0.01, 60), ratio = scale / this.view.scale;
    this.view = { scale, x: x - (x - this.view.x) * ratio, y: y - (y - this.view.y) * ratio };
    this.fitted = false;
    this.draw();
  }

  onStage(event) {
    const { left, top } = this.stage.getBoundingClientRect();
    return [event.clientX - left - this.stage.clientLeft, event.clientY - top - this.stage.clientTop];
  }

  toPicture([x, y], free) {
    const place = [(x - this.view.x) / this.view.scale, (y - this.view.y) / this.view.scale];
    return free ? place : [within(place[0], 0, this.size[0]), within(place[1], 0, this.size[1])];
  }

  draw() {
    const { scale, x, y } = this.view;
    this.image.style.transform = `translate(${x}px, ${y}px) scale(${scale})`;
    this.stage.classList.toggle("sharp", scale >= 3);
    this.stage.classList.toggle("panning", Boolean(this.panning || this.space));
    this.group.setAttribute("transform", `translate(${x} ${y}) scale(${scale})`);
    drawAll(this.group, {
      label: this.label, proposals: this.shown, chosen: this.chosen, hidden: this.hidden, draft: this.draft,
      task: this.settings.task, skeleton: this.settings.skeleton, colourOf: (name) => this.colourOf(name), scale, coarse: this.coarse,
    });
  }

  // --- hands ---

  hit(place) {
    const all = [...this.label.objects, ...this.shown].filter((shape) => holds(shape, place));
    return all.sort((a, b) => areaOf(a) - areaOf(b))[0] || null;
  }

  handleAt(place) {
    if (!this.label.objects.includes(this.chosen)) return null;
    const reach = (this.coarse ? 18 : 8) / this.view.scale;
    const near = handlesOf(this.chosen, this.settings.task, 26 / this.view.scale).filter(({ x, y }) => distance([x, y], place) <= reach);
    return near.sort((a, b) => distance([a.x, a.y], place) - distance([b.x, b.y], place))[0] || null;
  }

  down(event) {
    if (!this.picture || this.moving) return;
    this.stage.focus({ preventScroll: true });
    this.stage.setPointerCapture(event.pointerId);
    const at = this.onStage(event);
    this.pointers.set(event.pointerId, at);
    if (this.pointers.size === 2) { this.stopDrawing(true); this.drag = { kind: "pinch" }; return; }
    if (this.pointers.size > 2) return;
    const free = this.toPicture(at, true), place = this.toPicture(at);
    if (event.button === 2) { this.drag = { kind: "look", at, brightness: this.looks("brightness"), contrast: this.looks("contrast") }; return; }
    if (event.button === 1 || this.space || this.panning || this.whole) { this.drag = { kind: "pan", at }; return; }
    if (this.draft?.open) { this.drag = { kind: "outline", at, place }; this.corner(place); return; }
    const handle = this.handleAt(free);
    if (handle) { this.drag = { kind: "handle", at, handle, shape: this.chosen, made: this.chosen }; return; }
    if (this.pointing) { this.drag = { kind: "point", at, seen: event.shiftKey ? 1 : 2 }; return; }
    if (this.label.objects.includes(this.chosen) && holds(this.chosen, free)) {
      this.drag = { kind: "move", at, place: free, shape: this.chosen, made: this.chosen };
      return;
    }
    this.drag = { kind: "new", at, place };
  }

  moved(event) {
    if (!this.pointers.has(event.pointerId) || !this.drag) return;
    const at = this.onStage(event), before = this.pointers.get(event.pointerId), drag = this.drag;
    if (drag.kind === "pinch") { this.pinch(event.pointerId, at); return; }
    this.pointers.set(event.pointerId, at);
    const place = this.toPicture(at), free = this.toPicture(at, true);
    if (drag.kind === "pan") {
      this.view = { ...this.view, x: this.view.x + at[0] - before[0], y: this.view.y + at[1] - before[1] };
      this.fitted = false;
    } else if (drag.kind === "look") {
      this.look(drag.brightness - (at[1] - drag.at[1]), drag.contrast + (at[0] - drag.at[0]));
    } else if (drag.kind === "handle") {
      this.trial(drag, draggedTo(drag.shape, drag.handle, free, this.settings.task, this.size));
    } else if (drag.kind === "move") {
      this.trial(drag, movedBy(drag.shape, free[0] - drag.place[0], free[1] - drag.place[1], this.size));
    } else if (distance(drag.at, at) > CLICK || drag.far) {
      drag.far = true;
      if (drag.kind === "outline" || (drag.kind === "new" && this.traces)) this.trace(drag, place);
      else if (drag.kind === "new" && this.current) this.draft = { points: cornersOf({ box: boxOf(drag.place, place) }), colour: this.colourOf(this.current) };
    }
    this.draw();
  }

  pinch(pointer, at) {
    const spread = () => { const [a, b] = [...this.pointers.values()]; return [distance(a, b) || 1, [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2]]; };
    const [before, middle] = spread();
    this.pointers.set(pointer, at);
    const [after, now] = spread();
    this.view = { ...this.view, x: this.view.x + now[0] - middle[0], y: this.view.y + now[1] - middle[1] };
    this.zoom(after / before, now);
  }

  up(event) {
    const at = this.pointers.get(event.pointerId), drag = this.drag;
    if (!this.pointers.delete(event.pointerId) || !drag) return;
    if (drag.kind === "pinch") { if (!this.pointers.size) this.drag = null; return; }
    this.drag = null;
    const place = this.toPicture(at);
    if (drag.kind === "handle" || drag.kind === "move") {
      this.trial(drag, drag.shape);
      const words = drag.kind === "move" ? "Moved." : `${sizeWords(drag.made)}.`;
      if (drag.made !== drag.shape && this.useful(drag.made)) this.replace(drag.shape, drag.made, words);
      else if (drag.kind === "move") { this.chosen = this.below(place, drag.shape); }
    } else if (drag.kind === "point") {
      this.setPoint(place, drag.seen);
    } else if (drag.kind === "outline") {
      if (drag.far && drag.alone) this.close();
    } else if (drag.kind === "new" && drag.far) {
      if (this.traces) { this.close(); return; }
      const shape = { box: boxOf(drag.place, place) };
      this.draft = null;
      if (this.needsClass() || !this.useful(shape)) return;
      if (this.snapping) this.snapTo(shape).catch((error) => this.say(error.message));
      else this.add(this.settings.task === "obb" ? { points: cornersOf(shape) } : shape);
    } else if (drag.kind === "new") {
      this.click(place);
    }
    this.draw();
  }

  // Whether a drag draws a line by hand; else a box.
  get traces() { return this.settings.task === "segment" && !this.snapping; }

  async snapTo(shape, old) {
    const turn = this.turn, told = await this.server.ask(`snap/${this.picture.id}`, { box: boundsOf(shape) });
    if (turn !== this.turn) return;
    if (!told.shape) this.say("Nothing stands out in this box.");
    if (old && told.shape) this.replace(old, { ...copy(old), ...told.shape }, "Snapped.");
    else if (!old && told.shape) this.add(told.shape);
    else if (!old && this.settings.task !== "segment") this.add(this.settings.task === "obb" ? { points: cornersOf(shape) } : shape);
    this.draw();
  }

  snap() {
    if (this.whole) return;
    if (this.label.objects.includes(this.chosen)) { this.later(() => this.snapTo(this.chosen, this.chosen).catch((error) => this.say(error.message))); return; }
    this.snapping = !this.snapping;
    this.say(this.snapping ? "Draw a box around a thing: it becomes its outline." : "Boxes stay as they are drawn.");
    this.showAll();
  }

  below(place, shape) {
    const under = [...this.label.objects, ...this.shown].filter((item) => holds(item, place)).sort((a, b) => areaOf(a) - areaOf(b));
    return under[(under.indexOf(shape) + 1) % under.length] || shape;
  }

  click(place) {
    const found = this.hit(place);
    if (found || this.settings.task !== "segment") {
      this.chosen = found;
      if (found) this.say(`${found.class}, ${sizeWords(found)}${this.proposals.includes(found) ? ", proposed: Enter accepts it" : ""}.`);
      return;
    }
    if (this.chosen) { this.chosen = null; return; }
    if (this.needsClass()) return;
    this.draft = { open: true, points: [place.map(hundredths)], colour: this.colourOf(this.current) };
    this.showAsk();
  }

  corner(place) {
    const points = this.draft.points;
    if (points.length >= 3 && distance(points[0], place) <= 10 / this.view.scale) { this.drag = null; this.close(); return; }
    points.push(place.map(hundredths));
    this.draw();
  }

  trace(drag, place) {
    if (this.needsClass()) { this.drag = null; return; }
    if (!this.draft) { this.draft = { open: true, points: [drag.place.map(hundredths)], colour: this.colourOf(this.current) }; drag.alone = true; }
    const points = this.draft.points;
    if (distance(points[points.length - 1], place) * this.view.scale >= 3) points.push(place.map(hundredths));
  }

  close() {
    const points = this.draft ? simplified(this.draft.points, 0.75 / this.view.scale) : [];
    this.draft = null;
    this.showAsk();
    if (points.length >= 3 && this.useful({ points })) this.add({ points });
    else this.draw();
  }

  trial(drag, made) {
    this.label.objects = this.label.objects.map((item) => (item === drag.made ? made : item));
    drag.made = this.chosen = made === drag.shape ? drag.made : made;
    if (made === drag.shape) this.chosen = made;
  }

  useful(shape) { const [, , width, height] = boundsOf(shape); return Math.max(width, height) >= 2 && (shape.points || Math.min(width, height) >= 1); }

  stopDrawing(keep) {
    const drag = this.drag;
    if (drag && (drag.kind === "handle" || drag.kind === "move")) this.trial(drag, drag.shape);
    this.drag = null;
    this.draft = null;
    if (!keep) this.pointing = null;
    this.showAsk();
    this.draw();
  }

  looks(name) { return Number(this.find(`input[name=${name}]`).value); }

  look(brightness, contrast) {
    this.find("input[name=brightness]").value = brightness;
    this.find("input[name=contrast]").value = contrast;
    this.image.style.filter = `brightness(${this.looks("brightness") / 100}) contrast(${this.looks("contrast") / 100})`;
  }

  // --- keys ---

  key(event) {
    const typing = event.composedPath()[0].tagName === "INPUT";
    if (typing) { event.stopPropagation(); return; }
    const on = event.composedPath()[0].tagName === "BUTTON";
    if (on && (event.key === "Enter" || event.key === " ")) return;
    if (this.moving) this.later(() => this.does(event, on));
    if (this.moving || this.does(event, on)) { event.preventDefault(); event.stopPropagation(); }
  }

  does(event, onButton) {
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key, order = event.ctrlKey || event.metaKey;
    if (order && key === "z") { event.shiftKey ? this.redo() : this.undo(); return true; }
    if (order && key === "y") { this.redo(); return true; }
    if (order) return false;
    if (event.altKey) return this.nudge(key, event.shiftKey);
    if (/^[1-9]$/.test(key)) { this.setClass(this.settings.classes[Number(key) - 1]); return true; }
    if (key === "Tab") return !onButton && this.choose(event.shiftKey ? -1 : 1);
    const simple = {
      ArrowLeft: () => this.go(this.at - 1), ArrowRight: () => this.go(this.at + 1), Delete: () => this.remove(), Backspace: () => this.remove(),
      Escape: () => { this.chosen = null; this.stopDrawing(); }, n: () => this.press("nothing"), u: () => this.press("unsure"), h: () => this.press("hide"),
      c: () => this.copyBefore(), s: () => this.snap(), b: () => this.middle(), q: () => this.turn_(-2), e: () => this.turn_(2), "+": () => this.zoom(1.25), "=": () => this.zoom(1.25),
      "-": () => this.zoom(0.8), 0: () => this.fit(), x: () => { if (this.pointing) this.setPoint([0, 0], 0); }, Enter: () => this.enter(),
      " ": () => { this.space = true; this.draw(); },
    }[key];
    if (simple) simple();
    return Boolean(simple);
  }

  enter() {
    if (this.draft?.open) this.close();
    else if (this.whole && !this.label.name && this.proposals.length) this.setClass(this.proposals[0].class);
    else if (this.proposals.includes(this.chosen)) this.accept([this.chosen]);
    else this.onward();
  }

  middle() {
    if (this.whole || this.needsClass()) return;
    const [w, h] = this.size, box = [hundredths(w * 0.375), hundredths(h * 0.375), hundredths(w / 4), hundredths(h / 4)];
    this.add(["obb", "segment"].includes(this.settings.task) ? { points: cornersOf({ box }) } : { box });
  }

  turn_(degrees) {
    if (this.settings.task === "obb" && this.label.objects.includes(this.chosen)) this.replace(this.chosen, turnedBy(this.chosen, degrees), "Turned.");
  }

  nudge(key, sizing) {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[key];
    if (!step || !this.label.objects.includes(this.chosen)) return false;
    let made = movedBy(this.chosen, ...step, this.size);
    if (sizing && this.chosen.box) {
      made = copy(this.chosen);
      made.box = boxOf(made.box.slice(0, 2), [made.box[0] + Math.max(1, made.box[2] + step[0]), made.box[1] + Math.max(1, made.box[3] + step[1])]);
    }
    this.replace(this.chosen, made, `${sizeWords(made)} at ${boundsOf(made).slice(0, 2).map(Math.round).join(", ")}.`);
    return true;
  }

  press(name) {
    const does = {
      previous: () => this.go(this.at - 1), next: () => this.go(this.at + 1), undo: () => this.undo(), redo: () => this.redo(), remove: () => this.remove(),
      before: () => this.copyBefore(), snap: () => this.snap(), hide: () => { this.hidden = !this.hidden; this.showAll(); }, pan: () => { this.panning = !this.panning; this.showAll(); },
      closer: () => this.zoom(1.25), farther: () => this.zoom(0.8), fit: () => this.fit(), nothing: () => { if (!this.whole) this.setState("nothing"); },
      unsure: () => this.setState("unsure"), onward: () => this.onward(), plain: () => this.look(100, 100),
      accept: () => this.accept(this.proposals.filter((item) => item.confidence * 100 >= Number(this.find(".proposing input").value))),
      refuse: () => { this.proposals = []; this.showAll(); },
    };
    if (this.picture) does[name]();
  }

  listen() {
    const { stage, root } = this, editor = this.find(".editor");
    stage.onpointerdown = (event) => this.down(event);
    stage.onpointermove = (event) => this.moved(event);
    stage.onpointerup = stage.onpointercancel = (event) => this.up(event);
    stage.ondblclick = () => { if (this.draft?.open) this.close(); };
    stage.oncontextmenu = (event) => event.preventDefault();
    stage.addEventListener("wheel", (event) => { event.preventDefault(); this.zoom(Math.exp(-event.deltaY / 500), this.onStage(event)); }, { passive: false });
    editor.onkeydown = (event) => this.key(event);
    editor.onkeyup = (event) => { if (event.key === " ") { this.space = false; this.draw(); } };
    editor.onclick = (event) => {
      const button = event.target.closest("button");
      const { do: name, class: chosen, at } = button?.dataset || {};
      if (name) this.later(() => this.press(name));
      else if (chosen !== undefined) this.later(() => this.setClass(chosen));
      else if (at) this.later(() => this.go(Number(at)));
    };
    this.find(".naming").onsubmit = (event) => { event.preventDefault(); this.nameClass(); };
    this.find(".proposing input").oninput = (event) => { this.find(".proposing output").textContent = `${event.target.value} %`; };
    root.querySelectorAll(".looks input").forEach((input) => { input.oninput = () => this.look(this.looks("brightness"), this.looks("contrast")); });
    this.watcher = new ResizeObserver(() => (this.fitted ? this.fit() : this.draw()));
    this.watcher.observe(stage);
    this.leaving = (event) => { if (this.unsaved || this.saving) event.preventDefault(); };
    addEventListener("beforeunload", this.leaving);
  }

  close_() { this.watcher.disconnect(); removeEventListener("beforeunload", this.leaving); }

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
    before?.editor.close_();
    editors.set(parentElement, { base: data.base, fresh: data.fresh, editor: new Editor(parentElement, data) });
  }
  return () => { editors.get(parentElement)?.editor.close_(); editors.delete(parentElement); };
}
