// Dongting lake as a painting on a canvas: sky, layered hills, water, boats, birds and reeds, at any moment of a day.
"use strict";

const TAU = Math.PI * 2;
const clamp = (v, a = 0, b = 1) => Math.min(b, Math.max(a, v));
const mix = (a, b, t) => a + (b - a) * t;
const smooth = (a, b, v) => { const t = clamp((v - a) / (b - a)); return t * t * (3 - 2 * t); };

function hash(n) {  // the same picture on every machine: no Math.random anywhere
  let h = Math.imul(n | 0, 0x9e3779b1) ^ 0x85ebca6b;
  h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d); h = Math.imul(h ^ (h >>> 12), 0x297a2d39);
  return ((h ^ (h >>> 15)) >>> 0) / 4294967296;
}

// Value noise that repeats after `period` cells, so that a panorama closes on itself.
function noise1(x, period, seed) {
  const i = Math.floor(x), f = x - i, s = f * f * (3 - 2 * f);
  const a = hash(((i % period) + period) % period + seed * 7919);
  const b = hash((((i + 1) % period) + period) % period + seed * 7919);
  return mix(a, b, s) * 2 - 1;
}
function fbm(x, cells, octaves, seed) {
  let sum = 0, amp = 0.5, n = cells;
  for (let o = 0; o < octaves; o++) { sum += amp * noise1(x * n, n, seed + o * 31); amp *= 0.5; n *= 2; }
  return sum;
}

const rgb = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
const css = (c, a = 1) => `rgba(${c[0] | 0},${c[1] | 0},${c[2] | 0},${a})`;
const blend = (a, b, t) => a.map((v, i) => mix(v, b[i], t));

// Four hours of the day. `far`..`near` colour the hills, `mist` lies between them.
const HOURS = {
  dawn: { top: "#86b3b4", mid: "#f2d9b4", low: "#f7c493", mist: "#f8e4c8", far: "#a9bdb4", near: "#2d6f61",
    water: "#b9cfc3", deep: "#2c7a6c", sun: "#fff1cf", glow: "#f5a95c" },
  day: { top: "#5fa9b5", mid: "#c5e2dc", low: "#f6efd9", mist: "#f3f3e4", far: "#93bdb6", near: "#17705f",
    water: "#b4dcd3", deep: "#12806d", sun: "#fffbe8", glow: "#fbe3a0" },
  gold: { top: "#7fb0ab", mid: "#f4dfae", low: "#f6c778", mist: "#fae6bd", far: "#a8b89f", near: "#2c6d54",
    water: "#d9d3a8", deep: "#2a7661", sun: "#fff4cc", glow: "#f3ad3c" },
};
function hour(name) { const h = HOURS[name]; return Object.fromEntries(Object.keys(h).map((k) => [k, rgb(h[k])])); }
function between(a, b, t) { return Object.fromEntries(Object.keys(a).map((k) => [k, blend(a[k], b[k], t)])); }

// The palette at `day` (0 dawn .. 0.5 noon .. 1 dusk, equal to dawn, so a loop closes).
function palette(day) {
  const dawn = hour("dawn"), noon = hour("day"), gold = hour("gold");
  if (day < 0.45) return between(dawn, noon, smooth(0.02, 0.4, day));
  if (day < 0.8) return between(noon, gold, smooth(0.5, 0.78, day));
  return between(gold, dawn, smooth(0.8, 1, day));
}

function sky(ctx, w, horizon, p) {
  const g = ctx.createLinearGradient(0, 0, 0, horizon);
  g.addColorStop(0, css(p.top)); g.addColorStop(0.55, css(p.mid)); g.addColorStop(1, css(p.low));
  ctx.fillStyle = g; ctx.fillRect(0, 0, w, horizon + 2);
}

function sun(ctx, x, y, r, p, strength = 1) {
  for (const [k, a] of [[13, 0.38], [5, 0.5], [2, 0.5]]) {
    const g = ctx.createRadialGradient(x, y, r * 0.4, x, y, r * k);
    g.addColorStop(0, css(p.glow, a * strength)); g.addColorStop(1, css(p.glow, 0));
    ctx.fillStyle = g; ctx.fillRect(x - r * k, y - r * k, 2 * r * k, 2 * r * k);
  }
  ctx.fillStyle = css(p.sun); ctx.beginPath(); ctx.arc(x, y, r, 0, TAU); ctx.fill();
}

function clouds(ctx, w, horizon, p, drift) {
  for (let i = 0; i < 9; i++) {
    const y = horizon * (0.12 + 0.5 * hash(i + 900)), len = w * (0.16 + 0.2 * hash(i + 910));
    const x = ((hash(i + 920) + drift * (0.5 + hash(i + 930))) % 1) * (w + 2 * len) - len;
    for (let k = 0; k < 5; k++) {
      const cx = x + (k - 2) * len * 0.17, cy = y + Math.sin(k * 2.1 + i) * 4, rx = len * (0.3 - 0.05 * Math.abs(k - 2));
      ctx.save(); ctx.translate(cx, cy); ctx.scale(1, 0.09 + 0.03 * hash(i + k));
      const g = ctx.createRadialGradient(0, 0, 0, 0, 0, rx);
      g.addColorStop(0, "rgba(255,252,242,0.42)"); g.addColorStop(1, "rgba(255,252,242,0)");
      ctx.fillStyle = g; ctx.fillRect(-rx, -rx, 2 * rx, 2 * rx); ctx.restore();
    }
  }
}

// One chain of hills; its foot dissolves in mist.
function hills(ctx, w, base, height, colour, mist, o) {
  const { cells, seed, shift = 0, rough = 6, power = 1.25 } = o;
  const top = new Float32Array(w + 3);
  let peak = base;
  for (let x = 0; x <= w + 2; x += 1) {
    const u = x / w + shift, r = Math.max(0, fbm(u, cells, rough, seed) * 0.95 + 0.46);
    top[x] = base - height * Math.pow(r, power);
    peak = Math.min(peak, top[x]);
  }
  const shape = () => { ctx.beginPath(); ctx.moveTo(0, base); for (let x = 0; x <= w + 2; x += 2) ctx.lineTo(x, top[x]); ctx.lineTo(w, base); ctx.closePath(); };
  const g = ctx.createLinearGradient(0, peak, 0, base);
  g.addColorStop(0, css(colour)); g.addColorStop(0.5, css(blend(colour, mist, 0.28))); g.addColorStop(1, css(blend(colour, mist, 0.86)));
  shape(); ctx.fillStyle = g; ctx.fill();
  ctx.save(); shape(); ctx.clip();  // a thin rim of light along the crest
  ctx.strokeStyle = "rgba(255,247,222,0.22)"; ctx.lineWidth = Math.max(2, height * 0.02);
  ctx.beginPath(); for (let x = 0; x <= w + 2; x += 2) ctx.lineTo(x, top[x]); ctx.stroke();
  ctx.restore();
}

function forest(ctx, w, base, height, colour, o) {  // a wooded shore: one soft bank of crowns with gaps
  for (const [k, a] of [[1, 0.55], [0.62, 0.95]]) {
    ctx.fillStyle = css(blend(colour, [190, 215, 190], k === 1 ? 0.35 : 0), a);
    ctx.beginPath(); ctx.moveTo(0, base);
    for (let x = 0; x <= w; x += 1) {
      const u = x / w, bank = Math.max(0, fbm(u, 7, 3, o.seed + k * 9) + 0.18), crown = 0.62 + 0.38 * Math.abs(noise1(u * o.count, o.count, o.seed + 5));
      ctx.lineTo(x, base - height * k * Math.min(1, bank * 3) * crown * (1.1 + fbm(u, 16, 3, o.seed)));
    }
    ctx.lineTo(w, base); ctx.closePath(); ctx.fill();
  }
}

function water(ctx, w, h, horizon, p, o) {
  const g = ctx.createLinearGradient(0, horizon, 0, h);
  g.addColorStop(0, css(blend(p.water, p.low, 0.45))); g.addColorStop(0.16, css(p.water));
  g.addColorStop(0.55, css(blend(p.water, p.deep, 0.6))); g.addColorStop(1, css(p.deep));
  ctx.fillStyle = g; ctx.fillRect(0, horizon, w, h - horizon);
}

// Ripples: thin lens-shaped strokes, closer and smaller towards the horizon; they wander and fade in cycles that close.
function ripples(ctx, w, h, horizon, p, o) {
  const { time = 0, loop = 1, count = 520, sunX = w / 2, glitter = 1 } = o;
  for (let i = 0; i < count; i++) {
    const d = Math.pow(hash(i + 1), 1.7), y = horizon + 2 + (h - horizon) * d, size = 0.15 + d * 1.5;
    const turns = 3 + Math.floor(hash(i + 3000) * 5), phase = (time / loop) * turns + hash(i + 500);
    const life = Math.sin((phase % 1) * Math.PI);
    const x = ((hash(i + 77) * 1.1 - 0.05) * w + Math.sin(phase * TAU) * 14 * size);
    const len = w * 0.022 * size * (0.6 + hash(i + 8)), near = Math.exp(-Math.pow((x - sunX) / (w * (0.035 + 0.1 * d)), 2));
    const light = hash(i + 33) > 0.42 || near > 0.4;
    const a = life * (light ? 0.16 + 0.75 * near * glitter : 0.13);
    ctx.fillStyle = light ? css(blend(p.sun, p.glow, near > 0.2 ? 0.25 : 0), a) : css(p.deep, a);
    ctx.beginPath(); ctx.ellipse(x, y, len, Math.max(0.55, 1.25 * size * (0.6 + near)), 0, 0, TAU); ctx.fill();
  }
}

let mirror = null;
function reflection(ctx, w, h, horizon, depth, alpha) {  // what stands above the shore, upside down and fading
  mirror = mirror || new OffscreenCanvas(w, Math.ceil(depth));
  const m = mirror.getContext("2d"); m.globalCompositeOperation = "copy"; m.save();
  m.translate(0, depth); m.scale(1, -1); m.drawImage(ctx.canvas, 0, horizon - depth, w, depth, 0, 0, w, depth); m.restore();
  const g = m.createLinearGradient(0, 0, 0, depth); g.addColorStop(0, `rgba(0,0,0,${alpha})`); g.addColorStop(0.5, `rgba(0,0,0,${alpha * 0.6})`); g.addColorStop(1, "rgba(0,0,0,0)");
  m.globalCompositeOperation = "destination-in"; m.fillStyle = g; m.fillRect(0, 0, w, depth);
  ctx.drawImage(mirror, 0, horizon);
}

function boat(ctx, x, y, s, p, rock, flip = 1) {  // a fisher's boat with a mat roof and a standing man with a pole
  ctx.save(); ctx.translate(x, y);
  ctx.save(); ctx.scale(1, -0.4); ctx.globalAlpha = 0.25; hull(); ctx.restore();
  ctx.rotate(rock); hull();
  ctx.restore();
  function hull() {
    ctx.save(); ctx.scale(s * flip, s);
    ctx.fillStyle = "#3a2c22"; ctx.beginPath(); ctx.moveTo(-58, -8); ctx.quadraticCurveTo(-30, 8, 0, 8); ctx.quadraticCurveTo(36, 8, 62, -12);
    ctx.quadraticCurveTo(34, -2, 0, -2); ctx.quadraticCurveTo(-32, -2, -58, -8); ctx.fill();
    const g = ctx.createLinearGradient(0, -28, 0, 0); g.addColorStop(0, "#caa25a"); g.addColorStop(1, "#6e4e2b");
    ctx.fillStyle = g; ctx.beginPath(); ctx.moveTo(-34, -3); ctx.bezierCurveTo(-34, -30, 12, -30, 12, -3); ctx.fill();
    ctx.strokeStyle = "rgba(58,40,22,.5)"; ctx.lineWidth = 1.4;
    for (const dx of [-24, -12, 0]) { ctx.beginPath(); ctx.moveTo(dx, -3); ctx.bezierCurveTo(dx, -22, dx + 4, -24, dx + 6, -23); ctx.stroke(); }
    ctx.fillStyle = "#1f4a43"; ctx.beginPath(); ctx.moveTo(28, -4); ctx.quadraticCurveTo(26, -30, 33, -36); ctx.quadraticCurveTo(41, -30, 40, -5); ctx.fill();
    ctx.fillStyle = "#8c5f41"; ctx.beginPath(); ctx.arc(34, -40, 4.6, 0, TAU); ctx.fill();
    ctx.fillStyle = "#e3bd6b"; ctx.beginPath(); ctx.moveTo(23, -41); ctx.quadraticCurveTo(34, -55, 45, -41); ctx.quadraticCurveTo(34, -45, 23, -41); ctx.fill();
    ctx.strokeStyle = "#4a3826"; ctx.lineWidth = 2; ctx.beginPath(); ctx.moveTo(36, -30); ctx.lineTo(66, 12); ctx.moveTo(36, -30); ctx.lineTo(24, -58); ctx.stroke();
    ctx.restore();
  }
}

function birds(ctx, w, h, time, loop, p) {  // egrets that cross the sky once per loop
  for (let i = 0; i < 7; i++) {
    const u = ((time / loop) + 0.12 + hash(i + 50) * 0.1 + i * 0.018) % 1;
    const x = mix(-0.1, 1.1, u) * w, y = h * (0.16 + 0.05 * hash(i + 60)) + Math.sin(u * 9 + i) * h * 0.012 - u * h * 0.05;
    const flap = Math.sin(time * 7 + i * 1.7) * 0.6, s = h / 720 * (8 + 4 * hash(i + 70));
    ctx.strokeStyle = "rgba(255,255,250,.92)"; ctx.lineWidth = s * 0.22; ctx.lineCap = "round";
    ctx.beginPath(); ctx.moveTo(x - s, y - s * flap); ctx.quadraticCurveTo(x - s * 0.4, y - s * flap * 0.2 - s * 0.25, x, y);
    ctx.quadraticCurveTo(x + s * 0.4, y - s * flap * 0.2 - s * 0.25, x + s, y - s * flap); ctx.stroke();
  }
}

function reeds(ctx, x0, x1, base, height, o) {  // plumes of reed before the lens, bending in one wind
  const { count, seed, time = 0, loop = 1, tone = 0 } = o;
  const wind = (u, i) => 0.5 * Math.sin(TAU * (5 * time / loop + u * 0.7) + i) + 0.35 * Math.sin(TAU * (11 * time / loop + hash(i + seed)));
  for (let i = 0; i < count; i++) {
    const u = hash(i * 3 + seed), x = mix(x0, x1, u), tall = height * (0.45 + 0.55 * hash(i * 7 + seed)), lean = (hash(i * 11 + seed) - 0.5) * 0.5;
    const bend = (lean + 0.13 * wind(u, i % 5)) * tall, tx = x + bend, ty = base - tall;
    const green = blend(rgb("#2d6a4f"), rgb("#8a8f3c"), hash(i * 13 + seed)), c = blend(green, [20, 50, 40], tone);
    ctx.strokeStyle = css(c, 0.95); ctx.lineWidth = Math.max(1, height * 0.0085); ctx.lineCap = "round";
    ctx.beginPath(); ctx.moveTo(x, base + 8); ctx.quadraticCurveTo(x, base - tall * 0.6, tx, ty); ctx.stroke();
    if (hash(i * 17 + seed) > 0.3) {  // a long leaf
      const ly = base - tall * (0.25 + 0.4 * hash(i * 19 + seed)), dir = hash(i * 23 + seed) > 0.5 ? 1 : -1, len = tall * 0.4;
      const tipx = x + bend * 0.5 + dir * len, tipy = ly - len * 0.28 + Math.abs(wind(u, i)) * len * 0.18;
      ctx.fillStyle = css(blend(c, [255, 240, 170], 0.08), 0.92); ctx.beginPath(); ctx.moveTo(x + bend * 0.2, ly);
      ctx.quadraticCurveTo(x + dir * len * 0.5, ly - len * 0.62, tipx, tipy); ctx.quadraticCurveTo(x + dir * len * 0.5, ly - len * 0.48, x + bend * 0.2, ly + height * 0.018); ctx.fill();
    }
    if (hash(i * 29 + seed) > 0.38) plume(tx, ty, tall, lean + 0.16 * wind(u, i % 5), i);
  }
  function plume(x, y, tall, lean, i) {
    const len = tall * 0.26, warm = blend(rgb("#f0d9a0"), rgb("#c58f3a"), 0.25 + 0.5 * hash(i * 31 + seed)), c = blend(warm, [70, 60, 40], tone);
    for (let k = 0; k < 26; k++) {
      const f = k / 26, side = k % 2 ? 1 : -1, px = x + lean * len * 1.4 * f * f + len * 0.02, py = y - len * f * 0.92 + len * 0.35;
      const l = len * 0.27 * Math.sin(Math.PI * (0.12 + 0.86 * f)) + 1;
      ctx.strokeStyle = css(blend(c, [255, 246, 220], 0.35 * hash(k + i)), 0.8); ctx.lineWidth = Math.max(1, len * 0.028);
      ctx.beginPath(); ctx.moveTo(px, py); ctx.quadraticCurveTo(px + side * l * 0.5 + lean * 9, py - l * 0.5, px + side * l * 0.55 + lean * len * 0.4, py + l * 0.35); ctx.stroke();
    }
  }
}

// The whole view without what stands in front of it.
function lakeView(ctx, w, h, o = {}) {
  const { day = 0.2, time = 0, loop = 1, horizon = 0.52, cells = 3, sunX = 0.7, sunY = 0.3, seed = 5, boats = true, drift = 0, tall = 1 } = o;
  const p = o.palette || palette(day), hy = Math.round(h * horizon);
  sky(ctx, w, hy, p);
  sun(ctx, w * sunX, h * sunY, h * 0.04, p, 1);
  clouds(ctx, w, hy, p, drift);
  const chain = [[0.30, 0.10, cells, 11], [0.235, 0.34, cells, 23], [0.165, 0.6, cells + 1, 37], [0.095, 0.86, cells + 2, 53]];
  for (const [height, depth, n, s] of chain) {
    hills(ctx, w, hy + 1, h * height * tall, blend(p.far, p.near, depth), p.mist, { cells: n, seed: s + seed, shift: 0 });
    const m = ctx.createLinearGradient(0, hy - h * 0.09, 0, hy);
    m.addColorStop(0, css(p.mist, 0)); m.addColorStop(1, css(p.mist, 0.34)); ctx.fillStyle = m; ctx.fillRect(0, hy - h * 0.09, w, h * 0.09);
  }
  forest(ctx, w, hy + 1, h * 0.022, blend(p.near, [10, 60, 50], 0.3), { count: Math.round(w / 7), seed: 71 + seed });
  water(ctx, w, h, hy, p, {});
  reflection(ctx, w, h, hy, Math.round(h * 0.3), 0.42);
  const haze = ctx.createLinearGradient(0, hy - h * 0.02, 0, hy + h * 0.03);
  haze.addColorStop(0, css(p.mist, 0)); haze.addColorStop(0.5, css(p.mist, 0.55)); haze.addColorStop(1, css(p.mist, 0));
  ctx.fillStyle = haze; ctx.fillRect(0, hy - h * 0.02, w, h * 0.05);
  ripples(ctx, w, h, hy, p, { time, loop, sunX: w * sunX, count: o.ripples || 520, glitter: o.glitter ?? 1 });
  return { p, hy };
}
