// What a mouse or fingers do to the picture and to what is drawn on it.

const CLICK = 4;
const WENT_ON = 12; // pixels of the screen

class Hands {
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

  // The wheel scrolls the page until the picture was clicked; with Ctrl (a pinch of two fingers too) it zooms.
  wheel(event) {
    if (event.ctrlKey || event.metaKey || this.stage.matches(":focus")) {
      event.preventDefault();
      this.zoom(Math.exp(-event.deltaY / 500), this.onStage(event));
    } else if (!this.scrolled) {
      this.scrolled = true;
      this.say("The wheel scrolls the page; with Ctrl, or once the picture was clicked, it zooms.");
    }
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
      label: this.label, proposals: this.shown, chosen: this.chosen, under: this.under, hidden: this.hidden, draft: this.draft,
      task: this.settings.task, skeleton: this.settings.skeleton, colourOf: (name) => this.colourOf(name), scale, coarse: this.coarse,
    });
  }

  // --- hands ---

  hit(place) {
    const all = [...this.label.objects, ...this.shown].filter((shape) => holds(shape, place));
    return all.sort((a, b) => areaOf(a) - areaOf(b))[0] || null;
  }

  // What the mouse points at; after a drawing not before it went on from where that ended.
  get under() {
    const { mouse, left } = this;
    if (!mouse || this.drag || this.draft || this.hidden || (left && distance(mouse, left) <= WENT_ON)) return null;
    return this.hit(this.toPicture(mouse, true));
  }

  pointAt(mouse) {
    const before = this.under;
    this.mouse = mouse;
    if (before !== this.under) this.draw();
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
    if (event.pointerType === "mouse") this.pointAt(this.picture && !this.whole ? this.onStage(event) : null);
    if (!this.pointers.has(event.pointerId) || !this.drag) return;
    const at = this.onStage(event), before = this.pointers.get(event.pointerId), drag = this.drag;
    if (drag.kind === "pinch") { this.pinch(event.pointerId, at); return; }
    if (drag.kind === "move" && !drag.far && distance(drag.at, at) <= CLICK) return;
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
      drag.far = true;
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
    this.left = at;
    const place = this.toPicture(at);
    if (drag.kind === "handle" || drag.kind === "move") {
      this.trial(drag, drag.shape);
      const words = drag.kind === "move" ? "Moved." : `${sizeWords(drag.made)}.`;
      if (drag.made !== drag.shape && this.useful(drag.made)) this.replace(drag.shape, drag.made, words);
      else if (drag.kind === "move") this.pick(this.below(place, drag.shape));
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
    if (found || this.settings.task !== "segment") { this.pick(found); return; }
    if (this.chosen) { this.chosen = null; return; }
    if (this.needsClass()) return;
    this.draft = { open: true, points: [place.map(hundredths)], colour: this.colourOf(this.current) };
    this.showAsk();
  }

  // Choose what was clicked on, and name it: it is what Delete takes.
  pick(found) {
    this.chosen = found;
    this.fresh = null;
    if (found) this.say(`${found.class}, ${sizeWords(found)}${this.proposals.includes(found) ? ", proposed: Enter accepts it" : ""}.`);
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
}
