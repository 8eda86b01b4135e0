// Covers of rooms and courses, 16:9, without words: the page writes the titles. `drawCover(ctx, name)` on 1280×720.
"use strict";

const COVERS = {
  "room-zhangshugang": { back: "lake", shift: -40, goods: [["peppers", 500, 520, 620], ["lotus-seeds", 905, 540, 520]] },
  "room-baojing": { back: "hills", shift: -150, goods: [["golden-tea", 640, 515, 760]] },
  "room-sangri": { back: "snow", shift: -130, goods: [["barley", 640, 505, 760]] },
};

async function loadCovers(names) {
  const load = async (key, url) => { const i = new Image(); i.src = url; await i.decode(); art[key] = i; };
  for (const b of ["lake", "hills", "snow"]) await load(b, `/back/${b}.png`);
  for (const n of names) await load(n, `/sprites/${n}.png`);
}

function drawCover(ctx, name) {
  const cover = COVERS[name], w = 1280, h = 720;
  ctx.setTransform(1, 0, 0, 1, 0, 0);
  ctx.filter = "blur(3px)"; ctx.drawImage(art[cover.back], -60, cover.shift, w + 120, (w + 120) / 1.5); ctx.filter = "none";
  ctx.drawImage(art.stall, 0, 0, w, h);
  for (const [key, x, y, s] of cover.goods) { const img = softened(art[key]); ctx.drawImage(img, x - s / 2, y - s * 0.375, s, s * 0.75); }
}

// The presenter's own room: a moment of the clip without its captions.
function drawRoomCover(ctx) {
  const k = 1280 / 960, t = 13.4;
  ctx.setTransform(k, 0, 0, k, 0, 0); ctx.drawImage(backdropAt(t), 0, 0);
  const host = art["show-10"], hh = 410, hw = hh * host.width / host.height;
  ctx.drawImage(host, 340 - hw / 2, 436 - hh, hw, hh);
  ctx.drawImage(art.stall, 0, 0, W, H); ctx.drawImage(art.peppers, 18, 356, 250, 187.5);
  ctx.drawImage(art.oranges, 600 - 190, 415 - 142, 380, 285);
  awning(ctx, t);
}
