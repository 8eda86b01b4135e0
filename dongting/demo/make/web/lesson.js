// The lesson on pruning citrus in winter. `drawLesson(ctx, t)` draws any moment on 960×540.
"use strict";

const W = 960, H = 540, END = 68;
const SERIF = '"Noto Serif CJK SC", serif', SANS = '"Noto Sans CJK SC", sans-serif';
const ease = (v) => smooth(0, 1, v), pop = (v) => { const x = clamp(v); return x === 0 ? 0 : 1 - Math.pow(2, -9 * x) * Math.cos(x * 8.5); };
const PARTS = [
  { from: 0, to: 12, number: "一", title: "什么时候剪", lines: ["采完果到立春前", "选晴天、露水干了再剪", "霜冻天、雨天不剪"] },
  { from: 12, to: 26, number: "二", title: "三看", lines: ["看树势：圆头、不偏冠", "看通风：枝不挤、叶不叠", "看光照：内膛见得到光"] },
  { from: 26, to: 48, number: "三", title: "四剪", lines: ["枯枝：又脆又褐，贴根剪", "病枝：带虫斑，剪后烧掉", "交叉枝：留壮去弱", "徒长枝：直冲天，齐基剪"] },
  { from: 48, to: 58, number: "四", title: "剪口怎么留", lines: ["芽上半厘米下剪", "斜着剪，背着芽", "大伤口涂上保护剂"] },
  { from: 58, to: 68, number: "五", title: "清园与追肥", lines: ["枝叶清出园，不留病源", "树干刷白到六十厘米", "滴水线下挖沟施有机肥"] },
];
const SAYS = [
  [0.8, 4.2, "大家好，今天讲柑橘冬季修剪"], [4.6, 8.2, "采果以后、立春以前，最合适"], [8.6, 11.8, "挑晴天，露水干了再动剪"],
  [12.6, 16.6, "先看树势，树冠要圆"], [17, 21.2, "再看通风，风要穿得过去"], [21.6, 25.8, "三看光照，里面要见光"],
  [26.6, 31.2, "第一剪，枯枝"], [31.8, 36.6, "第二剪，病枝"], [37.2, 42, "第三剪，交叉枝"], [42.6, 47.6, "第四剪，徒长枝"],
  [48.6, 53, "剪口在芽上面半厘米"], [53.4, 57.8, "斜剪，水珠不往芽上流"],
  [58.6, 61.4, "剪完把枝叶清出园"], [61.8, 64.6, "树干刷白，防冻防虫"], [65, 67.6, "再施一次有机肥，明年满树甜"],
];
// Branches that go, in the order of the four cuts: where they grow, how they bend, when they fall.
const BAD = [
  { cut: 30.0, a: [372, 330], b: [300, 300], c: [262, 236], kind: "dry" },
  { cut: 35.4, a: [470, 330], b: [560, 322], c: [604, 262], kind: "sick" },
  { cut: 40.8, a: [395, 300], b: [440, 230], c: [520, 196], kind: "cross" },
  { cut: 46.2, a: [420, 300], b: [416, 190], c: [428, 62], kind: "water" },
];
let tree = null, field = null;

async function loadLesson() {
  await document.fonts.load(`700 40px ${SERIF}`, "柑橘"); await document.fonts.load(`500 20px ${SANS}`, "柑橘");
}

function leafAt(c, x, y, len, angle, tone) {
  c.save(); c.translate(x, y); c.rotate(angle);
  const g = c.createLinearGradient(0, -len * 0.3, 0, len * 0.3); g.addColorStop(0, css(blend(tone, [230, 245, 170], 0.35))); g.addColorStop(1, css(blend(tone, [10, 50, 35], 0.25)));
  c.fillStyle = g; c.beginPath(); c.moveTo(0, 0); c.quadraticCurveTo(len * 0.5, -len * 0.42, len, 0); c.quadraticCurveTo(len * 0.5, len * 0.42, 0, 0); c.fill();
  c.strokeStyle = "rgba(235,250,190,.35)"; c.lineWidth = 0.8; c.beginPath(); c.moveTo(0, 0); c.lineTo(len * 0.9, 0); c.stroke(); c.restore();
}

function bough(c, x, y, angle, len, width, depth, seed, ends) {
  const bend = (hash(seed) - 0.5) * 0.5, mx = x + Math.cos(angle + bend) * len * 0.55, my = y + Math.sin(angle + bend) * len * 0.55;
  const ex = x + Math.cos(angle) * len, ey = y + Math.sin(angle) * len;
  c.strokeStyle = depth > 3 ? "#6b4a2e" : "#7d5b38"; c.lineCap = "round";
  for (let i = 0; i < 6; i++) {  // thinner towards the tip
    const p = (u) => [(1 - u) * (1 - u) * x + 2 * u * (1 - u) * mx + u * u * ex, (1 - u) * (1 - u) * y + 2 * u * (1 - u) * my + u * u * ey];
    c.lineWidth = width * (1 - 0.4 * i / 6); c.beginPath(); c.moveTo(...p(i / 6)); c.lineTo(...p((i + 1) / 6)); c.stroke();
  }
  if (depth <= 2) ends.push([ex, ey, angle, seed]);
  if (depth === 0) return;
  const n = depth > 3 ? 3 : 2 + (hash(seed + 1) > 0.45 ? 1 : 0);
  for (let k = 0; k < n; k++) {
    const spread = depth > 3 ? 1.05 : 0.75, off = ((k + 0.5) / n - 0.5) * 2 * spread + (hash(seed * 3 + k) - 0.5) * 0.35;
    bough(c, ex, ey, angle + off * 0.85, len * (0.66 + 0.14 * hash(seed * 5 + k)), width * 0.62, depth - 1, seed * 7 + k * 13 + 1, ends);
  }
}

function makeTree() {
  tree = new OffscreenCanvas(W, H);
  const c = tree.getContext("2d"), ends = [];
  bough(c, 420, 476, -Math.PI / 2, 92, 34, 5, 3, ends);
  ends.sort((a, b) => a[1] - b[1]);
  for (const [x, y, angle, seed] of ends.reverse()) for (let k = 0; k < 9; k++) {
    const r = 26 * hash(seed + k * 3), a = hash(seed + k * 5) * TAU, lift = clamp((330 - y) / 260), tone = blend(rgb("#1f5f3a"), rgb("#5fa04a"), clamp(0.25 * hash(seed + k * 7) + lift * 0.75));
    leafAt(c, x + Math.cos(a) * r, y + Math.sin(a) * r * 0.8, 19 + 9 * hash(seed + k), angle + (hash(seed + k * 11) - 0.5) * 2.6, tone);
  }
}

function badBranch(ctx, b, t, i) {
  const gone = t - b.cut, warn = t > b.cut - 4.2 && gone < 0;
  if (gone > 1.6) return;
  ctx.save();
  if (gone > 0) { ctx.globalAlpha = 1 - clamp(gone - 0.7); ctx.translate(gone * 14 * (i % 2 ? 1 : -1), 330 * gone * gone * 0.55); ctx.translate(...b.a); ctx.rotate(gone * 0.7 * (i % 2 ? 1 : -1)); ctx.translate(-b.a[0], -b.a[1]); }
  const p = (u) => [0, 1].map((k) => (1 - u) * (1 - u) * b.a[k] + 2 * u * (1 - u) * b.b[k] + u * u * b.c[k]);
  if (warn) { ctx.strokeStyle = `rgba(217,72,43,${0.35 + 0.3 * Math.sin(t * 6)})`; ctx.lineWidth = 26; ctx.lineCap = "round"; ctx.beginPath(); ctx.moveTo(...b.a); ctx.quadraticCurveTo(...b.b, ...b.c); ctx.stroke(); }
  const wood = { dry: "#8d7f70", sick: "#6b5136", cross: "#7d5b38", water: "#6f8a3e" }[b.kind];
  for (let k = 0; k < 10; k++) { ctx.strokeStyle = wood; ctx.lineWidth = 8 * (1 - k / 13); ctx.lineCap = "round"; ctx.beginPath(); ctx.moveTo(...p(k / 10)); ctx.lineTo(...p((k + 1) / 10)); ctx.stroke(); }
  for (let k = 2; k < 20; k++) {
    const u = k / 20, [x, y] = p(u), side = k % 2 ? 1 : -1, [x2, y2] = p(Math.min(1, u + 0.04)), along = Math.atan2(y2 - y, x2 - x);
    if (b.kind === "dry") { ctx.strokeStyle = "#8d7f70"; ctx.lineWidth = 2; ctx.beginPath(); ctx.moveTo(x, y); ctx.lineTo(x + Math.cos(along + side * 0.9) * 20, y + Math.sin(along + side * 0.9) * 20); ctx.stroke(); if (k % 5 === 0) leafAt(ctx, x, y, 18, along + side, rgb("#b08a4a")); continue; }
    leafAt(ctx, x, y, b.kind === "water" ? 30 : 24, along + side * 0.9, b.kind === "sick" ? rgb("#a7a13c") : b.kind === "water" ? rgb("#7cbb4e") : rgb("#3f8a49"));
    if (b.kind === "sick") { ctx.fillStyle = "#6b3f1d"; for (let q = 0; q < 3; q++) { ctx.beginPath(); ctx.arc(x + Math.cos(along + side * 0.9) * (7 + q * 5), y + Math.sin(along + side * 0.9) * (7 + q * 5), 1.8, 0, TAU); ctx.fill(); } }
  }
  ctx.restore();
}

function shears(ctx, x, y, open, s, angle) {
  ctx.save(); ctx.translate(x, y); ctx.rotate(angle); ctx.scale(s, s);
  ctx.shadowColor = "rgba(20,40,35,.35)"; ctx.shadowBlur = 8; ctx.shadowOffsetY = 4;
  for (const side of [1, -1]) {
    ctx.save(); ctx.rotate(side * open * 0.42);
    const steel = ctx.createLinearGradient(0, -12, 0, 12); steel.addColorStop(0, "#f4f7f6"); steel.addColorStop(1, "#9fb0ad");
    ctx.fillStyle = steel; ctx.beginPath(); ctx.moveTo(0, side * 3); ctx.quadraticCurveTo(-26, side * -16, -62, side * -2); ctx.quadraticCurveTo(-30, side * 9, 0, side * 12); ctx.fill();
    const grip = ctx.createLinearGradient(0, 0, 0, side * 30); grip.addColorStop(0, "#e8572f"); grip.addColorStop(1, "#a8321a");
    ctx.strokeStyle = grip; ctx.lineWidth = 13; ctx.lineCap = "round"; ctx.beginPath(); ctx.moveTo(8, side * 4); ctx.quadraticCurveTo(46, side * 20, 92, side * 12); ctx.stroke(); ctx.restore();
  }
  ctx.fillStyle = "#4a5653"; ctx.beginPath(); ctx.arc(0, 0, 6.5, 0, TAU); ctx.fill(); ctx.restore();
}

function orchard(ctx, t) {
  const u = Math.floor(t * 6.25) / 6.25;
  field = field || { canvas: new OffscreenCanvas(W, H), at: -1 };
  if (field.at !== u) {
    field.at = u;
    const c = field.canvas.getContext("2d"), p = palette(0.16);
    lakeView(c, W, H, { palette: p, time: u, loop: END, horizon: 0.44, seed: 5, sunX: 0.12, sunY: 0.16, drift: u / END * 0.3, ripples: 160 });
    for (let k = 0; k < 7; k++) {
      const y0 = H * (0.6 + k * 0.06), row = (x) => y0 - 14 * Math.sin(x / W * 4 + 0.6 + k * 0.12), tone = blend(rgb("#a9c37a"), rgb("#4b7f45"), k / 7);
      const g = c.createLinearGradient(0, y0 - 20, 0, y0 + 50); g.addColorStop(0, css(blend(tone, [245, 245, 200], 0.3))); g.addColorStop(1, css(tone));
      c.fillStyle = g; c.beginPath(); c.moveTo(0, H); for (let x = 0; x <= W; x += 8) c.lineTo(x, row(x)); c.lineTo(W, H); c.fill();
      if (k < 4) for (let i = 0; i < 12; i++) {  // far rows of trees
        const x = (i + 0.5 * (k % 2)) * W / 11.5 + 8, y = row(x) - 4, r = 8 + k * 4.5;
        c.fillStyle = "rgba(20,50,30,.18)"; c.beginPath(); c.ellipse(x + r * 0.3, y + 3, r * 1.2, r * 0.3, 0, 0, TAU); c.fill();
        const cr = c.createRadialGradient(x - r * 0.35, y - r * 1.2, r * 0.1, x, y - r * 0.8, r * 1.15); cr.addColorStop(0, "#8dbb5f"); cr.addColorStop(1, "#2c6a3f");
        c.fillStyle = cr; c.beginPath(); c.ellipse(x, y - r * 0.85, r * 1.05, r * 0.95, 0, 0, TAU); c.fill();
      }
    }
  }
  ctx.drawImage(field.canvas, 0, 0);
}

function drawTree(ctx, t) {
  if (!tree) makeTree();
  ctx.fillStyle = "rgba(20,50,30,.25)"; ctx.beginPath(); ctx.ellipse(440, 482, 190, 22, 0, 0, TAU); ctx.fill();
  ctx.save(); ctx.transform(1, 0, 0.006 * Math.sin(t * 1.2), 1, -2.8 * Math.sin(t * 1.2), 0);
  ctx.drawImage(tree, 0, 0);
  BAD.forEach((b, i) => badBranch(ctx, b, t, i));
  ctx.restore();
  if (t > 61.4) {  // the white coat
    const k = ease(clamp((t - 61.8) / 1.6)), h = 74 * k;
    ctx.save(); ctx.globalAlpha = 0.92; ctx.fillStyle = "#f6f3e8"; ctx.beginPath(); ctx.moveTo(403, 478); ctx.lineTo(405, 478 - h); ctx.quadraticCurveTo(420, 472 - h, 435, 478 - h); ctx.lineTo(438, 478); ctx.quadraticCurveTo(420, 486, 403, 478); ctx.fill(); ctx.restore();
  }
}

function marks(ctx, t) {
  if (t > 12.4 && t < 17) {  // the round crown
    const k = ease(clamp((t - 12.6) / 1.4)) * (1 - ease(clamp((t - 16.4) / 0.5)));
    ctx.strokeStyle = `rgba(224,165,38,${k})`; ctx.lineWidth = 5; ctx.setLineDash([14, 10]); ctx.lineDashOffset = -t * 20; ctx.beginPath(); ctx.ellipse(420, 262, 150, 214, Math.PI / 2, 0, TAU * k); ctx.stroke(); ctx.setLineDash([]);
  }
  if (t > 16.9 && t < 21.5) for (let i = 0; i < 5; i++) {  // the wind
    const u = ((t - 16.9) * 0.42 + i * 0.21) % 1, y = 165 + i * 46, x0 = 150 + u * 420, a = Math.sin(Math.PI * u);
    ctx.strokeStyle = `rgba(255,255,250,${0.85 * a})`; ctx.lineWidth = 5; ctx.lineCap = "round"; ctx.beginPath();
    for (let s = 0; s <= 20; s++) ctx.lineTo(x0 + s * 6, y + Math.sin(s * 0.35 + i) * 9); ctx.stroke();
    ctx.beginPath(); ctx.moveTo(x0 + 108, y - 9 + Math.sin(7 + i) * 9); ctx.lineTo(x0 + 124, y + Math.sin(7 + i) * 9); ctx.lineTo(x0 + 108, y + 9 + Math.sin(7 + i) * 9); ctx.stroke();
  }
  if (t > 21.4 && t < 26) for (let i = 0; i < 6; i++) {  // the light
    const a = Math.sin(Math.PI * clamp((t - 21.4) / 4.6)) * (0.2 + 0.12 * Math.sin(t * 3 + i)), x = 120 + i * 14;
    const g = ctx.createLinearGradient(110, 80, 250 + i * 70, 440); g.addColorStop(0, `rgba(255,236,170,${a * 2})`); g.addColorStop(1, "rgba(255,236,170,0)");
    ctx.fillStyle = g; ctx.beginPath(); ctx.moveTo(x, 80); ctx.lineTo(x + 8, 80); ctx.lineTo(300 + i * 62, 450); ctx.lineTo(250 + i * 62, 450); ctx.fill();
  }
  for (const b of BAD) if (t > b.cut - 2.6 && t < b.cut + 1.2) {  // the shears come, cut and go
    const come = ease(clamp((t - b.cut + 2.6) / 1.5)), go = ease(clamp((t - b.cut - 0.3) / 0.9)), open = t < b.cut - 0.25 ? 0.9 : Math.max(0, (b.cut - t) / 0.25 * 0.9);
    shears(ctx, mix(700, b.a[0] + 34, come) + go * 330, mix(520, b.a[1] + 14, come) + go * 230, open, 1, 0.35);
  }
  if (t > 64.4) for (let i = 0; i < 26; i++) {  // fertiliser under the drip line
    const k = ease(clamp((t - 64.6 - i * 0.05) / 0.6)), a = Math.PI * (0.06 + 0.88 * i / 25), x = 430 + Math.cos(a) * 208, y = 478 + Math.sin(a) * 30;
    ctx.fillStyle = `rgba(92,60,34,${k})`; ctx.beginPath(); ctx.ellipse(x, y - (1 - k) * 60, 9, 5, 0, 0, TAU); ctx.fill();
  }
}

function closeUp(ctx, t) {  // how the cut is made, large
  const k = ease(clamp((t - 48) / 0.7)) * (1 - ease(clamp((t - 57.4) / 0.6)));
  if (k < 0.01) return;
  ctx.save(); ctx.globalAlpha = k; ctx.translate(330, 262); ctx.scale(0.9 + 0.1 * k, 0.9 + 0.1 * k);
  ctx.shadowColor = "rgba(10,40,30,.4)"; ctx.shadowBlur = 24; const bg = ctx.createRadialGradient(-50, -60, 20, 0, 0, 240); bg.addColorStop(0, "#fffaf0"); bg.addColorStop(1, "#dfe9d2"); ctx.fillStyle = bg; ctx.beginPath(); ctx.arc(0, 0, 204, 0, TAU); ctx.fill(); ctx.shadowColor = "transparent";
  ctx.strokeStyle = "#0e6b5c"; ctx.lineWidth = 7; ctx.stroke(); ctx.clip();
  const done = t > 52.2, g = ctx.createLinearGradient(-40, 0, 44, 0); g.addColorStop(0, "#6b8a45"); g.addColorStop(0.35, "#a3bd68"); g.addColorStop(1, "#4f6d33");
  ctx.fillStyle = g; ctx.beginPath(); ctx.moveTo(-36, 220); ctx.lineTo(-34, -34);
  if (done) ctx.lineTo(36, -78); else { ctx.lineTo(-30, -220); ctx.lineTo(34, -220); }
  ctx.lineTo(40, 220); ctx.fill();
  if (done) { ctx.fillStyle = "#efe3b4"; ctx.beginPath(); ctx.ellipse(1, -56, 41, 12, -0.56, 0, TAU); ctx.fill(); ctx.strokeStyle = "#c2ab6d"; ctx.lineWidth = 2; ctx.beginPath(); ctx.ellipse(1, -56, 20, 6, -0.56, 0, TAU); ctx.stroke(); }
  ctx.fillStyle = "#7fae4b"; ctx.beginPath(); ctx.moveTo(34, 8); ctx.quadraticCurveTo(84, -8, 70, -52); ctx.quadraticCurveTo(40, -44, 34, 8); ctx.fill();
  ctx.fillStyle = "#b8d67a"; ctx.beginPath(); ctx.moveTo(42, 0); ctx.quadraticCurveTo(66, -14, 66, -44); ctx.quadraticCurveTo(48, -30, 42, 0); ctx.fill();
  leafAt(ctx, -32, 110, 130, 2.6, rgb("#3f8a49"));
  ctx.strokeStyle = "#d9482b"; ctx.lineWidth = 3; ctx.setLineDash([9, 7]); if (!done) { ctx.beginPath(); ctx.moveTo(-76, -8); ctx.lineTo(80, -106); ctx.stroke(); }
  ctx.setLineDash([]); ctx.beginPath(); ctx.moveTo(96, -54); ctx.lineTo(96, -92); ctx.moveTo(88, -54); ctx.lineTo(104, -54); ctx.moveTo(88, -92); ctx.lineTo(104, -92); ctx.stroke();
  ctx.fillStyle = "#b3311a"; ctx.font = `700 20px ${SANS}`; ctx.textAlign = "left"; ctx.fillText("0.5 厘米", 108, -66);
  ctx.fillStyle = "#1d2b28"; ctx.fillText("芽", 90, -8);
  if (t > 49.6 && t < 53) { const c = ease(clamp((t - 49.6) / 1.6)), out = ease(clamp((t - 52.4) / 0.6)), open = t < 51.9 ? 0.9 : Math.max(0, (52.2 - t) / 0.3 * 0.9); shears(ctx, mix(240, 60, c) + out * 220, mix(60, -92, c), open, 1.25, -0.5); }
  if (done) for (let i = 0; i < 3; i++) { const u = ((t - 52.2) * 0.5 + i / 3) % 1, x = mix(26, -40, Math.min(1, u * 1.6)), y = mix(-72, -34, Math.min(1, u * 1.6)) + Math.max(0, u - 0.6) * 240; ctx.fillStyle = "rgba(90,170,200,.85)"; ctx.beginPath(); ctx.arc(x, y, 6, 0, TAU); ctx.fill(); }
  ctx.restore();
}

function panel(ctx, t) {
  const part = PARTS.find((p) => t >= p.from && t < p.to) || PARTS[4], k = pop((t - part.from - 0.2) / 0.6) * (1 - ease(clamp((t - part.to + 0.4) / 0.4)));
  if (k < 0.01) return;
  const h = 96 + part.lines.length * 46;
  ctx.save(); ctx.translate(660 + (1 - Math.min(1, k)) * 120, 70); ctx.globalAlpha = clamp(k);
  ctx.shadowColor = "rgba(20,50,40,.28)"; ctx.shadowBlur = 16; ctx.shadowOffsetY = 5; ctx.fillStyle = "rgba(255,251,241,.95)"; ctx.beginPath(); ctx.roundRect(0, 0, 280, h, 14); ctx.fill(); ctx.shadowColor = "transparent";
  ctx.fillStyle = "#0e6b5c"; ctx.beginPath(); ctx.roundRect(0, 0, 280, 66, [14, 14, 0, 0]); ctx.fill();
  ctx.fillStyle = "#e0a526"; ctx.beginPath(); ctx.arc(38, 33, 20, 0, TAU); ctx.fill();
  ctx.textBaseline = "middle"; ctx.textAlign = "center"; ctx.fillStyle = "#1d2b28"; ctx.font = `700 23px ${SERIF}`; ctx.fillText(part.number, 38, 33);
  ctx.textAlign = "left"; ctx.fillStyle = "#fffaf0"; ctx.font = `700 30px ${SERIF}`; ctx.fillText(part.title, 70, 34);
  const span = (part.to - part.from) / part.lines.length;
  part.lines.forEach((text, i) => {
    const on = ease(clamp((t - part.from - 0.5 - i * span * 0.96) / 0.4)), now = t - part.from > i * span && t - part.from <= (i + 1) * span;
    ctx.globalAlpha = clamp(k) * (0.22 + 0.78 * on); ctx.fillStyle = now ? "#d9482b" : "#0e6b5c"; ctx.beginPath(); ctx.arc(24, 99 + i * 46, 6, 0, TAU); ctx.fill();
    ctx.fillStyle = "#1d2b28"; ctx.font = `${now ? 700 : 500} 20px ${SANS}`; ctx.fillText(text, 40, 100 + i * 46);
  });
  ctx.restore();
}

function caption(ctx, t) {
  const said = SAYS.find(([a, b]) => t >= a && t < b);
  if (!said) return;
  const k = ease(clamp((t - said[0]) / 0.25)) * (1 - ease(clamp((t - said[1] + 0.25) / 0.25)));
  ctx.save(); ctx.globalAlpha = k; ctx.font = `700 30px ${SANS}`; ctx.textAlign = "center"; ctx.textBaseline = "middle"; ctx.lineJoin = "round";
  ctx.strokeStyle = "rgba(11,50,42,.85)"; ctx.lineWidth = 8; ctx.strokeText(said[2], W / 2, 508); ctx.fillStyle = "#fffdf4"; ctx.fillText(said[2], W / 2, 508); ctx.restore();
}

function opening(ctx, t) {
  const k = 1 - ease(clamp((t - 3.4) / 0.8));
  if (k > 0.01) {
    ctx.save(); ctx.globalAlpha = k * ease(clamp(t / 0.5 + 0.3)); ctx.textAlign = "center"; ctx.textBaseline = "middle"; const veil = ctx.createLinearGradient(0, 90, 0, 300); veil.addColorStop(0, "rgba(255,250,238,0)"); veil.addColorStop(0.4, "rgba(255,250,238,.86)"); veil.addColorStop(0.7, "rgba(255,250,238,.8)"); veil.addColorStop(1, "rgba(255,250,238,0)"); ctx.fillStyle = veil; ctx.fillRect(0, 90, W, 210);
    ctx.fillStyle = "#0b4a40"; ctx.font = `700 76px ${SERIF}`; ctx.fillText("柑橘冬季修剪", 480, 176); ctx.font = `500 28px ${SANS}`; ctx.fillText("三看四剪 · 县农技站 李技师", 480, 244); ctx.restore();
  }
  if (t > 4 && t < 12) {  // the months
    const a = ease(clamp((t - 4.2) / 0.6)) * (1 - ease(clamp((t - 11.4) / 0.5)));
    for (let m = 0; m < 6; m++) {
      const name = ["11月", "12月", "1月", "2月", "3月", "4月"][m], good = m >= 1 && m <= 3, lift = good ? 5 * Math.max(0, Math.sin(t * 3 - m)) : 0;
      ctx.save(); ctx.globalAlpha = a; ctx.translate(110 + m * 88, 70 - lift); ctx.fillStyle = good ? "#e0a526" : "rgba(255,251,241,.9)"; ctx.beginPath(); ctx.roundRect(-38, -30, 76, 60, 12); ctx.fill();
      ctx.fillStyle = good ? "#1d2b28" : "#6f7d78"; ctx.font = `700 24px ${SANS}`; ctx.textAlign = "center"; ctx.textBaseline = "middle"; ctx.fillText(name, 0, -6);
      ctx.font = `500 14px ${SANS}`; ctx.fillText(good ? "可以剪" : m ? "抽芽了" : "采果中", 0, 17); ctx.restore();
    }
  }
}

function drawLesson(ctx, t) {
  const zoom = 1.015 + 0.015 * Math.sin(TAU * t / END * 3);
  ctx.setTransform(zoom, 0, 0, zoom, W / 2 * (1 - zoom), H / 2 * (1 - zoom));
  orchard(ctx, t); drawTree(ctx, t); marks(ctx, t); closeUp(ctx, t);
  ctx.setTransform(1, 0, 0, 1, 0, 0);
  panel(ctx, t < 3.8 ? -9 : t); opening(ctx, t); caption(ctx, t);
}
