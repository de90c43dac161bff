// Everything a hand can do can be done by keys.

const KEYS = [
  ["1 to 9", "class: of what was clicked on, and of what is drawn next"], ["\u2190 \u2192", "previous, next picture"],
  ["Enter", "accept the chosen proposal, close an outline, else the next picture to label"],
  ["Tab", "choose the next object, also a covered one"], ["B", "a new box in the middle, to move by keys"],
  ["Alt and arrows", "move what is chosen by a pixel; with Shift its size"], ["Q, E", "turn a turned box"],
  ["S", "snap what is chosen to the thing in it; else: every box that is drawn from now on"],
  ["Del", "delete what is chosen or pointed at, refuse a proposal"], ["Drawing over what was taken over", "puts it right"], ["Ctrl Z, Ctrl Y", "undo, redo"],
  ["N", "nothing here"], ["U", "unsure: not for training"], ["C", "copy from the picture before"], ["M", "more like this: what is most like it comes next"], ["H", "hide, show"],
  ["+ \u2212 0", "zoom, whole picture; so does the wheel, with Ctrl or once the picture was clicked"], ["Space and drag", "move the picture"],
  ["X", "a key point that is not there (while points are set)"],
  ["right button and drag", "brightness and contrast"],
];

class Keys extends Hands {
  key(event) {
    if (!this.picture) return;
    const typing = ["INPUT", "SELECT"].includes(event.composedPath()[0].tagName);
    if (typing) { event.stopPropagation(); return; }
    const on = event.composedPath()[0].tagName === "BUTTON";
    if (on && (event.key === "Enter" || event.key === " ")) return;
    if (this.moving) this.later(() => this.does(event, on));
    if (this.moving || this.does(event, on)) { event.preventDefault(); event.stopPropagation(); }
    else if (/^[a-z0-9]$/i.test(event.key)) event.stopPropagation(); // the page's own shortcuts lead away from here
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
      c: () => this.copyBefore(), m: () => this.moreLike(), s: () => this.snap(), b: () => this.middle(), q: () => this.turnChosen(-2), e: () => this.turnChosen(2), "+": () => this.zoom(1.25), "=": () => this.zoom(1.25),
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
    this.add(["obb", "segment"].includes(this.settings.task) ? { points: cornersOf({ box }) } : { box }, true);
  }

  turnChosen(degrees) {
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
      unsure: () => this.setState("unsure"), onward: () => this.onward(), like: () => this.moreLike(), name: () => this.nameClass(), plain: () => this.look(100, 100),
      accept: () => this.accept(this.shown),
      refuse: () => { this.proposals = []; this.chosen = null; this.showAll(); this.say(`Refused. ${this.words()}`); },
    };
    if (this.picture) does[name]();
  }
}
