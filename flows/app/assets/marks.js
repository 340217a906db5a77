/** What is drawn over the photo: the hole, people and their numbers, brush strokes, and finds in the result. */

import { byId, clamp, svg } from "./dom.js";
import { goes, people, state } from "./model.js";

const layer = (name) => byId("marks").querySelector(`.${name}`);

/** The smallest person under a point (shares), so that a child in front of somebody can be chosen. */
export function personAt(photo, at) {
  const root = byId("marks");
  const point = root.createSVGPoint();
  [point.x, point.y] = [at[0] * photo.width, at[1] * photo.height];
  const under = people(photo).filter((person) => {
    const shape = root.querySelector(`[data-person="${person.id}"]`);
    return shape?.isPointInFill(point);
  });
  return under.sort((a, b) => a.area - b.area)[0] ?? null;
}

/** Everything over the photo. view: "mark", "result" or "compare". stroke: the one that is being drawn, or null. */
export function drawMarks(photo, view, stroke, frame) {
  const root = byId("marks");
  root.setAttribute("viewBox", `0 0 ${photo.width || 1} ${photo.height || 1}`);
  const marking = view === "mark";
  layer("hole").setAttribute("d", marking ? photo.hole : "");
  layer("people").replaceChildren(...(marking ? people(photo).map((person) => shape(photo, person)) : []));
  drawStrokes(photo, view, stroke);
  drawFinds(photo, view);
  drawBadges(photo, view, frame);
}

const shape = (photo, person) => svg("path", {
  d: person.outline, "data-person": person.id, class: goes(photo, person) ? "goes" : "stays",
});

/** Strokes that are not in the hole yet: those since the last answer, and on the result those that are not filled yet. */
export function drawStrokes(photo, view, stroke) {
  const now = state(photo);
  const waiting = view === "mark" ? now.edit.strokes.slice(photo.strokesInHole ?? 0) : view === "result" ? now.pending : [];
  layer("drawn").replaceChildren(...(stroke ? [...waiting, stroke] : waiting).map((one) => {
    const points = [];
    for (let i = 0; i < one.points.length; i += 2) points.push(`${one.points[i] * photo.width} ${one.points[i + 1] * photo.height}`);
    if (points.length === 1) points.push(points[0]);
    return svg("path", { class: one.removes ? "add" : "erase", d: `M${points.join("L")}`, "stroke-width": 2 * one.radius * photo.width });
  }));
}

function drawFinds(photo, view) {
  const found = view === "mark" ? [] : photo.shownResult?.verdict?.boxes ?? [];
  layer("finds").replaceChildren(...found.map(([x, y, width, height]) => svg("rect", { x, y, width, height })));
}

/** Numbers on people, of one size on the screen, moved apart where they would overlap. */
export function drawBadges(photo, view, frame) {
  const root = byId("badges");
  const [wide, high] = [root.clientWidth, root.clientHeight];
  const taken = [];
  const badges = view !== "mark" ? [] : people(photo).filter((person) => !person.folded).map((person) => {
    const text = String(person.number);
    const half = [9 + 4.5 * text.length, 12];
    const wanted = frame.place([person.place[0] / photo.width, person.place[1] / photo.height]);
    if (wanted[0] < -20 || wanted[1] < -20 || wanted[0] > wide + 20 || wanted[1] > high + 20) return null;
    const inside = (at) => at.map((value, axis) => clamp(half[axis] + 2, value, [wide, high][axis] - half[axis] - 2));
    const place = free(wanted, half, taken, inside);
    if (!place) return null;
    const [x, y] = place;
    taken.push([x, y, ...half]);
    return svg("g", { class: goes(photo, person) ? "goes" : "stays" },
      ...(Math.hypot(x - wanted[0], y - wanted[1]) > 20 ? [svg("line", { x1: x, y1: y, x2: wanted[0], y2: wanted[1] })] : []),
      svg("rect", { x: x - half[0], y: y - half[1], width: 2 * half[0], height: 2 * half[1], rx: half[1] }),
      Object.assign(svg("text", { x, y }), { textContent: text }));
  });
  root.replaceChildren(...badges.filter(Boolean));
}

/** The nearest place to the wanted one where the badge covers no other. None where that is too far to be seen as
 * theirs: in a crowd some numbers come when one looks closer; the list has them all. */
function free([x, y], half, taken, inside) {
  for (let ring = 0; ring < 4; ring += 1) {
    for (let turn = 0; turn < (ring ? 12 : 1); turn += 1) {
      const angle = (turn / 12) * 2 * Math.PI;
      const at = inside([x + Math.cos(angle) * ring * 11, y + Math.sin(angle) * ring * 11]);
      if (taken.every(([ox, oy, ow, oh]) => Math.abs(at[0] - ox) >= half[0] + ow || Math.abs(at[1] - oy) >= half[1] + oh)) return at;
    }
  }
  return null;
}
