"""Paints what stands behind the goods: the lake, the tea hills of Baojing, the snow mountains of Sangri."""

from __future__ import annotations

import sys
from pathlib import Path

from still import draw

LAKE = """
lakeView(ctx, w, h, {day: .2, sunX: .74, sunY: .2, horizon: .5, glitter: 1.2});
boat(ctx, w*.24, h*.6, 1.2, null, .02);
reeds(ctx, -20, w*.2, h*.96, h*.62, {count: 46, seed: 4}); reeds(ctx, w*.86, w+30, h*.96, h*.5, {count: 40, seed: 9});
"""
HILLS = """
const p = between(hour('day'), hour('dawn'), .25), hy = h * .42;
sky(ctx, w, h, p); sun(ctx, w*.72, h*.16, h*.04, p, .8); clouds(ctx, w, hy, p, .3);
const rows = [[.34,.2,.50],[.30,.38,.56],[.26,.55,.64],[.22,.72,.74]];
rows.forEach(([height, depth, base], i) => hills(ctx, w, h*base, h*height, blend(p.far, rgb('#2f7d4f'), depth), p.mist, {cells: 3+i, seed: 211+i*17, power: 1.1}));
for (let k = 0; k < 15; k++) {  // terraces of tea bushes, each row nearer and darker
  const y0 = h*(.68 + k*.026), row = x => y0 - h*.06*Math.sin(x/w*5+1.2+k*.07) + h*.004*Math.abs(noise1(x*.09, 9999, k));
  const g = ctx.createLinearGradient(0, y0-h*.07, 0, y0+h*.08), c = blend(rgb('#8cba6c'), rgb('#2c6f3d'), k/15);
  g.addColorStop(0, css(blend(c, [240,245,200], .3))); g.addColorStop(1, css(blend(c, [20,70,45], .25)));
  ctx.fillStyle = g; ctx.beginPath(); ctx.moveTo(0, h); for (let x = 0; x <= w; x += 3) ctx.lineTo(x, row(x)); ctx.lineTo(w, h); ctx.fill();
}
"""
SNOW = """
const p = {...hour('day'), top: rgb('#3f8fb8'), mid: rgb('#a5d2df'), low: rgb('#eef0e2'), mist: rgb('#e9f0ea'), far: rgb('#8fb4c4'), near: rgb('#4d7f78')};
const hy = Math.round(h*.62); sky(ctx, w, hy, p); sun(ctx, w*.78, h*.16, h*.04, p, .7); clouds(ctx, w, hy, p, .3);
const peak = (cx, height, half, seed, far) => {  // one mountain: a lit side, a shaded side, a ragged snow line
  const top = hy - height, jag = (i, a) => (hash(seed*97+i)-.5)*a, L = [], R = [], M = [];
  for (let i = 0; i <= 14; i++) { const f = i/14, y = mix(top, hy, f);
    L.push([cx - half*Math.pow(f,1.15) + jag(i, half*.09)*(i>0), y]); R.push([cx + half*1.15*Math.pow(f,1.1) + jag(i+40, half*.09)*(i>0), y]);
    M.push([cx + half*.2*f + jag(i+80, half*.2)*(i>0), y]); }
  const fill = (a, b, c1, c2) => { const g = ctx.createLinearGradient(0, top, 0, hy); g.addColorStop(0, c1); g.addColorStop(.45, c2); g.addColorStop(1, css(p.mist));
    ctx.fillStyle = g; ctx.beginPath(); a.forEach(q => ctx.lineTo(...q)); [...b].reverse().forEach(q => ctx.lineTo(...q)); ctx.fill(); };
  fill(L, M, css(blend(rgb('#7ea3bb'), p.mist, far)), css(blend(rgb('#6b97ad'), p.mist, far)));
  fill(M, R, css(blend(rgb('#a9c6d2'), p.mist, far)), css(blend(rgb('#8fb6c2'), p.mist, far)));
  const line = i => 6.2 + jag(i+120, 4), cap = (a, b, c) => { ctx.fillStyle = c; ctx.beginPath(); ctx.moveTo(...a[0]);
    for (let i = 1; i <= 5; i++) ctx.lineTo(...a[i]); for (let k = 0; k <= 6; k++) { const f = k/6; ctx.lineTo(mix(a[5][0], b[5][0], f), a[5][1] + (k%2 ? height*.1 : -height*.02)*(1+jag(k+160,1)) ); }
    for (let i = 5; i >= 0; i--) ctx.lineTo(...b[i]); ctx.fill(); };
  cap(L, M, css(blend(rgb('#d3e4ee'), p.mist, far))); cap(M, R, css(blend(rgb('#ffffff'), p.mist, far*.6)));
};
[[.08,.2,.16],[.3,.26,.2],[.62,.22,.2],[.93,.27,.2]].forEach(([x,t,d],i) => peak(w*x, h*t, w*d, i+3, .45));
[[.18,.33,.19],[.47,.42,.24],[.8,.36,.2]].forEach(([x,t,d],i) => peak(w*x, h*t, w*d, i+20, .08));
hills(ctx, w, hy+2, h*.13, rgb('#6d9a6a'), p.mist, {cells: 5, seed: 90});
water(ctx, w, h, hy, {...p, water: rgb('#a9d8d6'), deep: rgb('#2b8a8a')}, {}); reflection(ctx, w, h, hy, Math.round(h*.35), .45);
ripples(ctx, w, h, hy, {...p, deep: rgb('#2b8a8a')}, {sunX: w*.78});
for (let k = 0; k < 12; k++) {  // fields of barley
  const y0 = h*(.8 + k*.02), g = ctx.createLinearGradient(0, y0-h*.05, 0, y0+h*.06), c = blend(rgb('#e7c766'), rgb('#b98a2c'), k/12);
  g.addColorStop(0, css(blend(c, [255,246,200], .35))); g.addColorStop(1, css(c)); ctx.fillStyle = g; ctx.beginPath(); ctx.moveTo(0, h);
  for (let x = 0; x <= w; x += 3) ctx.lineTo(x, y0 - h*.03*Math.sin(x/w*4+2+k*.1) + h*.006*Math.abs(noise1(x*.2, 99999, k))); ctx.lineTo(w, h); ctx.fill();
}
"""

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, script in (("lake", LAKE), ("hills", HILLS), ("snow", SNOW)):
        draw(script, 1800, 1200, folder / f"{name}.png")
