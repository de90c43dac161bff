// What is seen on the picture: labels drawn solid, proposals dashed, what is chosen with its handles.

const SVG = "http://www.w3.org/2000/svg";

function mark(parent, name, attributes, text) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  parent.append(element);
  return element;
}

function outline(parent, points, colour, { dashed = false, chosen = false, under = false, open = false } = {}) {
  const shape = open ? "polyline" : "polygon", places = points.map((p) => `${p[0]},${p[1]}`).join(" ");
  const dashes = dashed ? { "stroke-dasharray": "7 5" } : {};
  mark(parent, shape, { points: places, fill: "none", stroke: "#000", "stroke-opacity": 0.55, "stroke-width": chosen || under ? 5 : 4, ...dashes });
  mark(parent, shape, {
    points: places, fill: chosen && !open ? colour : "none", "fill-opacity": 0.16, stroke: colour,
    "stroke-width": chosen || under ? 3 : 2, ...dashes,
  });
}

function nameTag(parent, shape, text, scale) {
  const [left, top] = boundsOf(shape), size = 13 / scale;
  mark(parent, "text", {
    x: left, y: top - 4 / scale, "font-size": size, fill: "#fff", stroke: "#000", "stroke-width": 3 / scale,
    "paint-order": "stroke", "font-family": "sans-serif",
  }, text);
}

function keypointsOf(parent, shape, skeleton, colour, scale) {
  const points = shape.keypoints || [];
  for (const [a, b] of skeleton) {
    if (points[a]?.[2] && points[b]?.[2]) outline(parent, [points[a], points[b]], colour, { open: true });
  }
  points.forEach(([x, y, seen]) => {
    if (!seen) return;
    mark(parent, "circle", { cx: x, cy: y, r: 4 / scale, fill: seen === 2 ? colour : "#000", stroke: seen === 2 ? "#000" : colour, "stroke-width": 1.5 });
  });
}

function drawAll(group, { label, proposals, chosen, under, hidden, draft, task, skeleton, colourOf, scale, coarse }) {
  group.replaceChildren();
  if (hidden) return;
  proposals.forEach((shape) => {
    outline(group, cornersOf(shape), colourOf(shape.class), { dashed: true, chosen: chosen === shape, under: under === shape });
    keypointsOf(group, shape, skeleton, colourOf(shape.class), scale);
    nameTag(group, shape, `${shape.class} ${Math.round(shape.confidence * 100)} %`, scale);
  });
  label.objects.forEach((shape) => {
    const is = chosen === shape;
    outline(group, cornersOf(shape), colourOf(shape.class), { chosen: is, under: under === shape });
    keypointsOf(group, shape, skeleton, colourOf(shape.class), scale);
    nameTag(group, shape, shape.class, scale);
    if (!is) return;
    for (const { kind, x, y } of handlesOf(shape, task, 26 / scale)) {
      const r = (coarse ? 9 : 5) / scale;
      mark(group, "circle", { cx: x, cy: y, r, fill: kind === "turn" ? "#ffd84a" : "#fff", stroke: "#000", "stroke-width": 1.5 });
    }
  });
  if (draft) {
    outline(group, draft.points, draft.colour, { open: draft.open, chosen: true });
    if (draft.open) draft.points.forEach(([x, y]) => mark(group, "circle", { cx: x, cy: y, r: 3.5 / scale, fill: "#fff", stroke: "#000", "stroke-width": 1 }));
  }
}
