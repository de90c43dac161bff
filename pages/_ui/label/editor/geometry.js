// Shapes in pixels of the picture, from its upper left corner: {class, box | points, keypoints}.

const hundredths = (value) => Math.round(value * 100) / 100;
const copy = (value) => JSON.parse(JSON.stringify(value));
const within = (value, low, high) => Math.min(Math.max(value, low), high);
const distance = (a, b) => Math.hypot(a[0] - b[0], a[1] - b[1]);

function boxOf(a, b) {
  const left = Math.min(a[0], b[0]), top = Math.min(a[1], b[1]);
  return [hundredths(left), hundredths(top), hundredths(Math.abs(a[0] - b[0])), hundredths(Math.abs(a[1] - b[1]))];
}

function cornersOf(shape) {
  if (shape.points) return shape.points;
  const [left, top, width, height] = shape.box;
  return [[left, top], [left + width, top], [left + width, top + height], [left, top + height]];
}

function boundsOf(shape) {
  const points = cornersOf(shape), xs = points.map((p) => p[0]), ys = points.map((p) => p[1]);
  const left = Math.min(...xs), top = Math.min(...ys);
  return [left, top, Math.max(...xs) - left, Math.max(...ys) - top];
}

function areaOf(shape) {
  const points = cornersOf(shape);
  let sum = 0;
  points.forEach((p, n) => { const q = points[(n + 1) % points.length]; sum += p[0] * q[1] - q[0] * p[1]; });
  return Math.abs(sum) / 2;
}

function holds(shape, [x, y]) {
  const points = cornersOf(shape);
  let inside = false;
  for (let n = 0, m = points.length - 1; n < points.length; m = n++) {
    const [ax, ay] = points[n], [bx, by] = points[m];
    if ((ay > y) !== (by > y) && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) inside = !inside;
  }
  return inside;
}

const SAME = 0.6; // IoU above which two shapes are of one thing
const PUT_RIGHT = 0.5; // IoU from which drawing a thing anew replaces what a model had proposed for it

function overlapOf(one, other) {
  const [al, at, aw, ah] = boundsOf(one), [bl, bt, bw, bh] = boundsOf(other);
  const shared = Math.max(0, Math.min(al + aw, bl + bw) - Math.max(al, bl)) *
    Math.max(0, Math.min(at + ah, bt + bh) - Math.max(at, bt));
  return shared / (aw * ah + bw * bh - shared || 1);
}

// Whole shapes stay inside the picture when they are moved; corners of a turned box may lie outside.
function movedBy(shape, dx, dy, size) {
  const [left, top, width, height] = boundsOf(shape);
  dx = within(dx, Math.min(-left, 0), Math.max(size[0] - left - width, 0));
  dy = within(dy, Math.min(-top, 0), Math.max(size[1] - top - height, 0));
  const move = ([x, y, ...rest]) => [hundredths(x + dx), hundredths(y + dy), ...rest];
  const made = copy(shape);
  if (made.box) made.box = [hundredths(left + dx), hundredths(top + dy), made.box[2], made.box[3]];
  if (made.points) made.points = made.points.map(move);
  if (made.keypoints) made.keypoints = made.keypoints.map((p) => (p[2] ? move(p) : p));
  return made;
}

function turnedBy(shape, degrees) {
  const points = shape.points, angle = (degrees * Math.PI) / 180;
  const x = points.reduce((sum, p) => sum + p[0], 0) / 4, y = points.reduce((sum, p) => sum + p[1], 0) / 4;
  const turn = ([px, py]) => [
    hundredths(x + (px - x) * Math.cos(angle) - (py - y) * Math.sin(angle)),
    hundredths(y + (px - x) * Math.sin(angle) + (py - y) * Math.cos(angle)),
  ];
  return { ...copy(shape), points: points.map(turn) };
}

// What can be taken hold of: corners of a box, every point of an outline, key points, and what turns a turned box.
function handlesOf(shape, task, away) {
  const handles = cornersOf(shape).map(([x, y], n) => ({ kind: shape.points && task !== "obb" ? "point" : "corner", n, x, y }));
  (shape.keypoints || []).forEach(([x, y, seen], n) => { if (seen) handles.push({ kind: "keypoint", n, x, y }); });
  if (task === "obb") {
    const [a, b, , d] = shape.points, x = (a[0] + b[0]) / 2, y = (a[1] + b[1]) / 2;
    const length = distance(a, d) || 1;
    handles.push({ kind: "turn", n: 0, x: x + ((a[0] - d[0]) / length) * away, y: y + ((a[1] - d[1]) / length) * away });
  }
  return handles;
}

function draggedTo(shape, handle, place, task, size) {
  const made = copy(shape), inside = [within(place[0], 0, size[0]), within(place[1], 0, size[1])].map(hundredths);
  if (handle.kind === "point") made.points[handle.n] = inside;
  else if (handle.kind === "keypoint") made.keypoints[handle.n] = [...inside, made.keypoints[handle.n][2]];
  else if (handle.kind === "turn") {
    const points = shape.points, x = points.reduce((sum, p) => sum + p[0], 0) / 4, y = points.reduce((sum, p) => sum + p[1], 0) / 4;
    const now = Math.atan2((points[0][1] + points[1][1]) / 2 - y, (points[0][0] + points[1][0]) / 2 - x);
    return turnedBy(shape, ((Math.atan2(place[1] - y, place[0] - x) - now) * 180) / Math.PI);
  } else if (task === "obb") {
    const fixed = shape.points[(handle.n + 2) % 4], next = shape.points[(handle.n + 1) % 4];
    const length = distance(fixed, next) || 1, along = [(next[0] - fixed[0]) / length, (next[1] - fixed[1]) / length];
    const reach = [place[0] - fixed[0], place[1] - fixed[1]];
    const dot = reach[0] * along[0] + reach[1] * along[1];
    const corner = [fixed[0] + along[0] * dot, fixed[1] + along[1] * dot];
    made.points[handle.n] = place.map(hundredths);
    made.points[(handle.n + 1) % 4] = corner.map(hundredths);
    made.points[(handle.n + 3) % 4] = [fixed[0] + place[0] - corner[0], fixed[1] + place[1] - corner[1]].map(hundredths);
  } else {
    made.box = boxOf(cornersOf(shape)[(handle.n + 2) % 4], inside);
  }
  return made;
}

// Douglas and Peucker (1973): a line drawn by hand, with the points that matter.
function simplified(points, tolerance) {
  if (points.length < 3) return points;
  const [a, b] = [points[0], points[points.length - 1]], length = distance(a, b);
  let far = 0, at = 0;
  points.forEach((p, n) => {
    const off = length ? Math.abs((b[0] - a[0]) * (a[1] - p[1]) - (a[0] - p[0]) * (b[1] - a[1])) / length : distance(a, p);
    if (off > far) [far, at] = [off, n];
  });
  if (far <= tolerance) return [a, b];
  return [...simplified(points.slice(0, at + 1), tolerance).slice(0, -1), ...simplified(points.slice(at), tolerance)];
}

function sizeWords(shape) {
  const [, , width, height] = boundsOf(shape);
  return `${Math.round(width)} by ${Math.round(height)} pixels`;
}
