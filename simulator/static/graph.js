// The menus as a drawing: the current flow layer by layer, the step where the phone stands lit.

const NS = "http://www.w3.org/2000/svg";
const WIDE = 126, HIGH = 28, GAP_X = 12, GAP_Y = 22, MARGIN = 24;
const GLYPHS = { menu: "☰", rows: "☰", ask: "✎", find: "?", do: "!", end: "■", leaves: "→" };

// Nodes of one flow with their layer and place in it. Links to other flows are nodes of their own.
function layout(flow) {
  const nodes = new Map();
  const links = [];
  for (const [name, screen] of Object.entries(flow.screens)) nodes.set(name, { name, kind: screen.kind, to: screen.to, layer: -1 });
  for (const node of [...nodes.values()]) {
    for (const target of node.to) {
      if (target.startsWith("flow:") && !nodes.has(target)) nodes.set(target, { name: target, kind: "leaves", to: [], layer: -1 });
      if (nodes.has(target)) links.push([node.name, target]);
    }
  }
  walk(nodes, flow.start);
  for (const node of nodes.values()) if (node.layer < 0) node.layer = 0;
  for (const [from, to] of links) {
    const exit = nodes.get(to);
    if (exit.kind === "leaves") exit.layer = Math.max(exit.layer, nodes.get(from).layer + 1);
  }
  const layers = [];
  for (const node of nodes.values()) { node.depth = node.layer; (layers[node.layer] ||= []).push(node); }
  const filled = fold(layers.filter(Boolean));
  filled.forEach((layer, depth) => layer.forEach((node) => { node.layer = depth; }));
  order(filled, links);
  return { nodes, links, layers: filled };
}

// The main way through is a depth-first walk along first targets; refusals lead back and lie flat.
function walk(nodes, start) {
  const open = [[start, 0]];
  while (open.length) {
    const [name, layer] = open.shift();
    const node = nodes.get(name);
    if (!node || node.layer >= 0) continue;
    node.layer = layer;
    for (const target of node.to) open.push([target, layer + 1]);
  }
}

// No layer is wider than three nodes: a broad one goes on in the next row.
function fold(layers) {
  const folded = [];
  for (const layer of layers) for (let at = 0; at < layer.length; at += 3) folded.push(layer.slice(at, at + 3));
  return folded;
}

function order(layers, links) {
  const place = new Map();
  layers.forEach((layer) => {
    const weight = (node) => {
      if (node.kind === "leaves") return 2;
      const above = links.filter(([, to]) => to === node.name).map(([from]) => place.get(from)).filter((x) => x !== undefined);
      return above.length ? above.reduce((a, b) => a + b, 0) / above.length : 0.5;
    };
    const weights = new Map(layer.map((node) => [node, weight(node)]));
    layer.sort((a, b) => weights.get(a) - weights.get(b));
    layer.forEach((node, index) => place.set(node.name, (index + 0.5) / layer.length));
  });
}

export function drawFlow(flow, here, been) {
  const { nodes, links, layers } = layout(flow);
  const widest = Math.max(...layers.map((layer) => layer.length));
  const width = widest * WIDE + (widest - 1) * GAP_X + 2 * MARGIN;
  const height = layers.length * HIGH + (layers.length - 1) * GAP_Y + 8;
  layers.forEach((layer, depth) => {
    const row = layer.length * WIDE + (layer.length - 1) * GAP_X;
    layer.forEach((node, index) => {
      node.x = (width - row) / 2 + index * (WIDE + GAP_X);
      node.y = 4 + depth * (HIGH + GAP_Y);
    });
  });
  const svg = make("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": "The current flow" });
  const walked = new Set(been.slice(1).map((name, index) => `${been[index]} ${name}`));
  const sides = { count: 0 };
  for (const [from, to] of links) svg.append(...edge(nodes.get(from), nodes.get(to), walked.has(`${from} ${to}`), width, sides));
  for (const node of nodes.values()) svg.append(box(node, node.name === here, been.includes(node.name)));
  return svg;
}

function edge(from, to, walked, width, sides) {
  const mark = walked ? " walked" : "";
  if (to.layer > from.layer) {
    const x1 = from.x + WIDE / 2, y1 = from.y + HIGH, x2 = to.x + WIDE / 2, y2 = to.y;
    const bend = (y2 - y1) / 2;
    const near = to.depth === from.depth + 1; // also when its row was folded: then it passes behind
    const path = near ? `M${x1} ${y1}C${x1} ${y1 + bend} ${x2} ${y2 - bend} ${x2} ${y2 - 4}` : around(from, to, width, sides, 1);
    return [make("path", { class: `edge${mark}`, d: path }), ...(near ? [arrow(x2, y2, 0, mark)] : [arrow(to.x + WIDE + 1, to.y + HIGH / 2, 90, mark)])];
  }
  return [make("path", { class: `edge back${mark}`, d: around(from, to, width, sides, -1) }), arrow(to.x - 1, to.y + HIGH / 2, -90, mark)];
}

// A link that skips layers bows round the right; one that leads back bows round the left.
function around(from, to, width, sides, way) {
  const bow = 8 + (sides.count++ % 4) * 4;
  const y1 = from.y + HIGH / 2, y2 = to.y + HIGH / 2;
  if (way < 0) {
    const x = Math.min(from.x, to.x) - bow;
    return `M${from.x} ${y1}C${x - 8} ${y1} ${x - 8} ${y2} ${to.x - 5} ${y2}`;
  }
  const x = Math.max(from.x, to.x) + WIDE + bow;
  return `M${from.x + WIDE} ${y1}C${x + 8} ${y1} ${x + 8} ${y2} ${to.x + WIDE + 5} ${y2}`;
}

function arrow(x, y, turn, mark) {
  return make("path", { class: `arrow${mark}`, d: "M0 0L-3.600-6.500L3.600-6.500Z", transform: `translate(${x} ${y}) rotate(${turn})` });
}

function box(node, here, been) {
  const group = make("g", { class: `node ${node.kind}${here ? " here" : ""}${been ? " been" : ""}`, transform: `translate(${node.x} ${node.y})`, "data-step": node.name });
  const label = node.name.replace("flow:", "").replaceAll("_", " ");
  const text = make("text", { x: 25, y: HIGH / 2 + 4 });
  text.textContent = label.length > 13 ? `${label.slice(0, 12)}…` : label;
  const glyph = make("text", { class: "glyph", x: 9, y: HIGH / 2 + 4 });
  glyph.textContent = GLYPHS[node.kind] || "·";
  const title = make("title", {});
  title.textContent = `${node.kind} ${label}`;
  group.append(make("rect", { width: WIDE, height: HIGH, rx: 9 }), glyph, text, title);
  return group;
}

function make(tag, attributes) {
  const made = document.createElementNS(NS, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}
