// The host's clip: a morning's sale on the lake. `drawShow(ctx, t)` draws any moment of the loop on 960×540.
"use strict";

const LOOP = 72, W = 960, H = 540;
// What lies on the table when; the same times are in content/show.json, so that the right card can be pinned.
const ACTS = [
  { name: "oranges", from: 8, to: 23.5, title: "冰糖橙", origin: "岳阳 · 麻塘", size: 330, dy: 22, focus: [0.52, 0.52],
    lines: ["早上刚摘的冰糖橙", "皮薄、汁多、不打蜡", "切开看，一包糖水"] },
  { name: "whitebait", from: 24.5, to: 39.5, title: "洞庭银鱼", origin: "岳阳 · 鹿角", size: 345, dy: 0, focus: [0.5, 0.55],
    lines: ["洞庭湖的银鱼干", "一斤晒成二两，不加盐", "蒸蛋、煮汤都鲜得很"] },
  { name: "duck-eggs", from: 40.5, to: 53, title: "咸鸭蛋", origin: "岳阳 · 团湖", size: 320, dy: 10, focus: [0.5, 0.55],
    lines: ["湖边散养的麻鸭", "黄泥腌足三十天", "筷子一戳，红油就冒"] },
  { name: "silver-needle", from: 54, to: 66, title: "君山银针", origin: "岳阳 · 君山岛", size: 330, dy: 18, focus: [0.4, 0.45],
    lines: ["君山岛上的黄茶", "只采单芽，三起三落", "慢慢泡，慢慢喝"] },
];
const HELLO = ["乡亲们，早上好！", "我是张红，今天在湖边摆摊"], GOODBYE = ["谢谢大家！", "点个关注，明早见"];
const SERIF = '"Noto Serif CJK SC", serif', SANS = '"Noto Sans CJK SC", sans-serif';
const art = {};

async function loadShow(base, frames) {
  const load = async (key, url) => { const i = new Image(); i.src = url; await i.decode(); art[key] = i; };
  await load("stall", `${base}/stall.png`);
  for (const n of [...ACTS.map((a) => a.name), "peppers"]) await load(n, `${base}/sprites/${n}.png`);
  for (const a of ACTS) art[a.name] = softened(art[a.name]);
  for (const f of frames) await load(f, `${base}/h/${f}.png`);
  await document.fonts.load(`700 40px ${SERIF}`, "洞庭"); await document.fonts.load(`500 20px ${SANS}`, "洞庭");
}

function softened(image) {  // a shadow that runs out of its picture fades instead of ending at a line
  const c = new OffscreenCanvas(image.width, image.height), x = c.getContext("2d");
  x.drawImage(image, 0, 0); x.globalCompositeOperation = "destination-in";
  const g = x.createLinearGradient(0, 0, c.width, 0);
  g.addColorStop(0, "transparent"); g.addColorStop(0.03, "#000"); g.addColorStop(0.965, "#000"); g.addColorStop(1, "transparent");
  x.fillStyle = g; x.fillRect(0, 0, c.width, c.height);
  return c;
}

const ease = (v) => smooth(0, 1, v);
const pop = (v) => { const x = clamp(v); return x === 0 ? 0 : 1 - Math.pow(2, -9 * x) * Math.cos(x * 8.5); };  // comes with a small bounce
const actAt = (t) => ACTS.find((a) => t >= a.from - 0.5 && t < a.to + 1);

// Which picture of the presenter is right; 12.5 a second.
function figure(t) {
  const f = Math.floor(t * 12.5), two = (n) => String(n).padStart(2, "0");
  const hello = t < 6 ? t - 1.6 : t - 67.2;
  if (hello >= 0 && hello < 1.6) return `greet-${two(Math.floor(hello * 12.5))}`;
  const act = actAt(t), into = act ? t - act.from - 0.2 : -1;
  for (const [a, b] of [[0, 5.2], [8, 11.2]]) {
    const k = into - a, len = b - a;
    if (k < 0 || k >= len || !act || into > act.to - act.from - 1) continue;
    const step = Math.floor(k * 12.5), left = Math.floor((len - k) * 12.5);
    if (step < 7) return `reach-${two(step)}`;
    if (left < 7) return `reach-${two(Math.max(0, left))}`;
    return `show-${two(f % 40)}`;
  }
  return `talk-${two(f % 40)}`;
}

function lens(t) {  // gentle moves; twice in each act the picture leans in on the goods
  let zoom = 1.03 + 0.02 * Math.sin(TAU * t / LOOP * 3), cx = W / 2 + 8 * Math.sin(TAU * t / LOOP * 2), cy = H / 2;
  const act = actAt(t);
  if (act) {
    const k = smooth(act.from + 4.6, act.from + 6.4, t) * (1 - smooth(act.to - 4.4, act.to - 2.6, t));
    zoom += 0.2 * k; cx = mix(cx, 500, k); cy = mix(cy, 318, k);
  }
  const mx = W / 2 / zoom, my = H / 2 / zoom;
  return { zoom, cx: clamp(cx, mx, W - mx), cy: clamp(cy, my, H - my) };
}

let scenery = null;
let sceneryAt = -1;
function backdropAt(moment) {
  const t = Math.floor(moment * 12.5 + 1e-6) / 12.5;  // the far view moves at half the rate, nobody sees it
  if (t === sceneryAt) return scenery;
  sceneryAt = t;
  scenery = scenery || new OffscreenCanvas(W, H);
  const c = scenery.getContext("2d"), d = t / LOOP;
  // The sun climbs out of the hills at the left and is behind them again when the loop closes.
  const arc = Math.sin(Math.PI * clamp((d - 0.02) / 0.96));
  c.fillStyle = "#fff"; c.fillRect(0, 0, W, H);
  lakeView(c, W, H, { palette: palette(d), time: t, loop: LOOP, horizon: 0.47, cells: 3, seed: 5,
    sunX: mix(0.08, 0.95, d), sunY: mix(0.52, 0.09, Math.pow(arc, 0.7)), drift: d, ripples: 420, glitter: 0.4 + 0.8 * arc });
  const p = palette(d);
  const b1 = ((d + 0.62) % 1), b2 = ((1.28 - d) % 1);
  boat(c, mix(-0.08, 1.08, b1) * W, H * 0.545 + Math.sin(t * 1.3) * 1.2, 0.56, p, 0.025 * Math.sin(TAU * t / LOOP * 16));
  boat(c, mix(-0.08, 1.08, b2) * W, H * 0.5 + Math.sin(t * 1.1) * 0.8, 0.3, p, 0.02 * Math.sin(TAU * t / LOOP * 14), -1);
  birds(c, W, H, t, LOOP, p);
  reeds(c, -14, W * 0.2, H * 0.86, H * 0.5, { count: 40, seed: 4, time: t, loop: LOOP });
  reeds(c, W * 0.87, W + 20, H * 0.86, H * 0.44, { count: 34, seed: 9, time: t, loop: LOOP });
  return scenery;
}

function awning(ctx, t) {  // the stall's cloth eaves, and lanterns under them
  const n = 16, w = (W + 80) / n, y0 = -6;
  for (let i = 0; i < n; i++) {
    const x = -40 + i * w, sway = 2.4 * Math.sin(TAU * t / LOOP * 18 + i * 0.6), deep = 40 + sway;
    const g = ctx.createLinearGradient(0, y0, 0, deep + 16), odd = i % 2;
    g.addColorStop(0, odd ? "#e9dcc0" : "#0a4f44"); g.addColorStop(1, odd ? "#fdf8ea" : "#12806d");
    ctx.fillStyle = g; ctx.beginPath(); ctx.moveTo(x, y0); ctx.lineTo(x + w + 0.6, y0); ctx.lineTo(x + w + 0.6, deep);
    ctx.quadraticCurveTo(x + w / 2, deep + 26, x, deep); ctx.fill();
  }
  const shade = ctx.createLinearGradient(0, 0, 0, 74); shade.addColorStop(0, "rgba(10,40,34,.34)"); shade.addColorStop(1, "rgba(10,40,34,0)");
  ctx.fillStyle = shade; ctx.fillRect(0, 0, W, 74);
  for (const [x, s, k] of [[112, 1, 0], [196, 0.72, 1], [770, 0.8, 2]]) lantern(ctx, x, 34, s, 0.07 * Math.sin(TAU * t / LOOP * 20 + k * 2));
}
function lantern(ctx, x, y, s, angle) {
  ctx.save(); ctx.translate(x, y); ctx.rotate(angle); ctx.scale(s, s);
  ctx.strokeStyle = "#6e4e2b"; ctx.lineWidth = 2; ctx.beginPath(); ctx.moveTo(0, -8); ctx.lineTo(0, 18); ctx.stroke();
  const g = ctx.createRadialGradient(-6, 40, 3, 0, 44, 36); g.addColorStop(0, "#ffb57a"); g.addColorStop(0.45, "#e8572f"); g.addColorStop(1, "#b3311a");
  ctx.fillStyle = g; ctx.beginPath(); ctx.ellipse(0, 44, 30, 25, 0, 0, TAU); ctx.fill();
  ctx.strokeStyle = "rgba(110,24,10,.35)"; ctx.lineWidth = 1.2; for (const r of [9, 19, 27]) { ctx.beginPath(); ctx.ellipse(0, 44, r, 25, 0, 0, TAU); ctx.stroke(); }
  ctx.fillStyle = "#e0a526"; ctx.fillRect(-12, 17, 24, 5); ctx.fillRect(-12, 66, 24, 5);
  ctx.strokeStyle = "#e0a526"; ctx.lineWidth = 1.4; for (let i = -3; i <= 3; i++) { ctx.beginPath(); ctx.moveTo(i * 2.4, 71); ctx.lineTo(i * 2.9 - angle * 30, 94); ctx.stroke(); }
  ctx.restore();
}

function goods(ctx, t) {
  for (const act of ACTS) {
    const come = (t - act.from) / 1.1, go = (t - act.to) / 0.8;
    if (come <= 0 || go >= 1) continue;
    const k = pop(come), out = ease(clamp(go)), s = act.size * (0.8 + 0.2 * k) * (1 - 0.12 * out), img = art[act.name], h = s * 0.75;
    const x = 604 + (1 - Math.min(1, k)) * 260 - out * 20, y = 408 + act.dy - out * 14;
    ctx.save(); ctx.globalAlpha = clamp(come * 2.5) * (1 - out);
    ctx.translate(x, y); ctx.rotate(0.012 * Math.sin(TAU * t / 6) * 0.4);
    ctx.drawImage(img, -s / 2, -h / 2, s, h);
    ctx.restore();
    if (act.name === "silver-needle" && out === 0) steam(ctx, x - 82, y - 84, t);
    glints(ctx, act, x, y, s, t, clamp(come - 0.8) * (1 - out));
  }
}
function steam(ctx, x, y, t) {
  for (let i = 0; i < 9; i++) {
    const u = (t * 0.3 + i / 9) % 1, r = 6 + 20 * u, dx = Math.sin(u * 5 + i * 2.2) * 9 * u;
    const g = ctx.createRadialGradient(x + dx, y - u * 92, 0, x + dx, y - u * 92, r);
    g.addColorStop(0, `rgba(255,255,250,${0.34 * Math.sin(Math.PI * u)})`); g.addColorStop(1, "rgba(255,255,250,0)");
    ctx.fillStyle = g; ctx.fillRect(x + dx - r, y - u * 92 - r, 2 * r, 2 * r);
  }
}
function glints(ctx, act, x, y, s, t, amount) {
  for (let i = 0; i < 5; i++) {
    const u = (t * 0.45 + hash(i + 5)) % 1, a = Math.sin(Math.PI * clamp(u * 3.2)) * amount;
    if (a < 0.02) continue;
    const n = Math.floor(t * 0.45 + hash(i + 5)), px = x + (hash(n * 13 + i * 7 + 3) - 0.5) * s * 0.62, py = y + (hash(n * 17 + i * 5 + 9) - 0.5) * s * 0.42, r = 9 * a;
    ctx.fillStyle = `rgba(255,253,240,${0.9 * a})`; ctx.beginPath();
    for (let k = 0; k < 8; k++) { const q = k % 2 ? r * 0.22 : r, an = k * Math.PI / 4; ctx.lineTo(px + q * Math.cos(an), py + q * Math.sin(an)); }
    ctx.fill();
  }
}

function scroll(ctx, t) {  // the paper banner with the name of what is on the table
  for (const act of ACTS) {
    const k = ease(clamp((t - act.from - 0.3) / 0.9)) * (1 - ease(clamp((t - act.to) / 0.7)));
    if (k <= 0.01) continue;
    const n = act.title.length, full = 62 + n * 52, h = full * k;
    ctx.save(); ctx.translate(868, 84); ctx.rotate(0.012 * Math.sin(TAU * t / LOOP * 15));
    ctx.shadowColor = "rgba(20,50,40,.28)"; ctx.shadowBlur = 14; ctx.shadowOffsetY = 5;
    const g = ctx.createLinearGradient(-40, 0, 40, 0); g.addColorStop(0, "#efe3c6"); g.addColorStop(0.5, "#fffaf0"); g.addColorStop(1, "#f0e5ca");
    ctx.fillStyle = g; ctx.fillRect(-40, 0, 80, h); ctx.shadowColor = "transparent";
    ctx.strokeStyle = "#0e6b5c"; ctx.lineWidth = 1.6; ctx.strokeRect(-34, 6, 68, Math.max(0, h - 12));
    ctx.fillStyle = "#5d4025"; for (const y of [-6, h - 3]) { ctx.beginPath(); ctx.roundRect(-50, y, 100, 9, 4.5); ctx.fill(); }
    ctx.fillStyle = "#e0a526"; for (const y of [-6, h - 3]) for (const x of [-54, 46]) { ctx.beginPath(); ctx.roundRect(x, y - 1, 8, 11, 3); ctx.fill(); }
    ctx.beginPath(); ctx.rect(-40, 0, 80, h - 4); ctx.clip();
    ctx.fillStyle = "#1d2b28"; ctx.font = `700 44px ${SERIF}`; ctx.textAlign = "center"; ctx.textBaseline = "middle";
    [...act.title].forEach((ch, i) => ctx.fillText(ch, 0, 40 + i * 52));
    ctx.fillStyle = "#d9482b"; ctx.beginPath(); ctx.roundRect(-11, 16 + n * 52, 22, 22, 4); ctx.fill();
    ctx.fillStyle = "#fff6e8"; ctx.font = `700 10px ${SERIF}`; ctx.fillText("洞", -0.2, 22 + n * 52); ctx.fillText("庭", -0.2, 32.4 + n * 52);
    ctx.restore();
  }
}

function says(t) {  // what stands in the bubble: text, and how long it has stood there
  const list = [];
  HELLO.forEach((text, i) => list.push([1.2 + i * 3.1, 4.1 + i * 3.2, text]));
  for (const a of ACTS) a.lines.forEach((text, i) => { const span = (a.to - a.from - 1.6) / 3; list.push([a.from + 1.2 + i * span, a.from + 1.2 + (i + 1) * span - 0.35, text]); });
  GOODBYE.forEach((text, i) => list.push([66.9 + i * 2.4, 69.1 + i * 2.3, text]));
  return list.find(([a, b]) => t >= a && t < b);
}
function bubble(ctx, t) {
  const said = says(t);
  if (!said) return;
  const [from, to, text] = said, k = pop((t - from) / 0.45) * (1 - ease(clamp((t - to + 0.25) / 0.25)));
  ctx.save(); ctx.font = `500 31px ${SANS}`;
  const w = ctx.measureText(text).width + 50, x = 420 + w / 2, y = 104;
  ctx.translate(x, y); ctx.scale(Math.max(0.01, k), Math.max(0.01, k)); ctx.globalAlpha = clamp(k);
  ctx.shadowColor = "rgba(20,50,40,.25)"; ctx.shadowBlur = 14; ctx.shadowOffsetY = 4; ctx.fillStyle = "rgba(255,252,243,.96)";
  ctx.beginPath(); ctx.roundRect(-w / 2, -29, w, 58, 29); ctx.fill();
  ctx.beginPath(); ctx.moveTo(-w / 2 + 34, 22); ctx.quadraticCurveTo(-w / 2 + 24, 40, -w / 2 + 4, 50); ctx.quadraticCurveTo(-w / 2 + 42, 46, -w / 2 + 64, 24); ctx.fill();
  ctx.shadowColor = "transparent"; ctx.fillStyle = "#1d2b28"; ctx.textBaseline = "middle"; ctx.textAlign = "left";
  const shown = [...text].slice(0, Math.ceil((t - from) * 11)).join(""); ctx.fillText(shown, -w / 2 + 25, 1);
  ctx.restore();
}

function title(ctx, t) {  // the name of the market, at both ends of the loop
  const k = ease(clamp((t - 0.2) / 0.8)) * (1 - ease(clamp((t - 7.1) / 0.7))) + ease(clamp((t - 67) / 0.8)) * (1 - ease(clamp((t - 71.2) / 0.7)));
  if (k < 0.01) return;
  ctx.save(); ctx.globalAlpha = k; ctx.translate(716, 196 + 10 * (1 - k)); ctx.textAlign = "center"; ctx.textBaseline = "middle";
  ctx.shadowColor = "rgba(255,250,235,.9)"; ctx.shadowBlur = 18; ctx.fillStyle = "#0b4a40"; ctx.font = `700 62px ${SERIF}`; ctx.fillText("洞庭早市", 0, 0);
  ctx.font = `500 21px ${SANS}`; ctx.fillText("岳阳 · 保靖 · 桑日  产地直播", 0, 54); ctx.shadowBlur = 0;
  ctx.strokeStyle = "#e0a526"; ctx.lineWidth = 3; ctx.beginPath(); ctx.moveTo(-120 * k, 84); ctx.lineTo(120 * k, 84); ctx.stroke();
  ctx.restore();
}

function fluff(ctx, t) {  // down of reeds on the wind
  for (let i = 0; i < 22; i++) {
    const turns = 3 + Math.floor(hash(i + 400) * 4), u = (t / LOOP * turns + hash(i + 410)) % 1, z = 0.4 + hash(i + 420);
    const x = mix(-0.05, 1.05, u) * W, y = H * (0.12 + 0.75 * hash(i + 430)) + Math.sin(u * 12 + i) * 16 - u * 40;
    ctx.fillStyle = `rgba(255,247,222,${0.5 * Math.sin(Math.PI * u)})`; ctx.beginPath(); ctx.ellipse(x, y, 3.2 * z, 1.5 * z, u * 9 + i, 0, TAU); ctx.fill();
  }
}

function drawShow(ctx, t) {
  const { zoom, cx, cy } = lens(t), place = (z) => { ctx.setTransform(z, 0, 0, z, W / 2 - cx * z, H / 2 - cy * z); };
  const back = backdropAt(t), zb = 1 + (zoom - 1) * 0.45;
  ctx.setTransform(zb, 0, 0, zb, W / 2 - mix(W / 2, cx, 0.45) * zb, H / 2 - mix(H / 2, cy, 0.45) * zb); ctx.drawImage(back, 0, 0);

  place(zoom);
  const host = art[figure(t)] || art["talk-00"], hh = 372, hw = hh * host.width / host.height;
  ctx.drawImage(host, 356 - hw / 2, 428 - hh, hw, hh);
  ctx.drawImage(art.stall, 0, 0, W, H);
  ctx.drawImage(art.peppers, 18, 356, 250, 187.5);
  goods(ctx, t);
  ctx.setTransform(1, 0, 0, 1, 0, 0);
  fluff(ctx, t); awning(ctx, t); scroll(ctx, t); title(ctx, t); bubble(ctx, t);
}
