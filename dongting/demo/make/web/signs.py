"""Draws what hangs in the hall: the painted lake all around, and the merchants' banners: `python signs.py OUT`."""

from __future__ import annotations

import sys
from pathlib import Path

from still import draw

AROUND = """
lakeView(ctx, w, h, {day: .22, sunX: .297, sunY: .405, horizon: .5, cells: 9, seed: 3, tall: .36, ripples: 3200, glitter: 1.1, drift: .4});
const p = palette(.22);
for (const [x, y, s, f] of [[.235,.53,1.5,1],[.36,.512,.7,-1],[.62,.52,1,1],[.76,.535,1.7,-1],[.9,.515,.8,1],[.08,.518,.9,1]]) boat(ctx, w*x, h*y, s, p, .02, f);
for (const [a, b, n, s] of [[.02,.13,80,3],[.155,.2,34,5],[.42,.6,110,7],[.68,.72,30,8],[.82,.86,34,11]]) reeds(ctx, w*a, w*b, h*.56, h*.1, {count: n, seed: s});
birds(ctx, w*.4, h*.9, 30, 72, p);
"""
BANNER = """
const [name, sub, tint] = s_args;
const g = ctx.createLinearGradient(0,0,w,0); g.addColorStop(0,'#efe3c6'); g.addColorStop(.5,'#fffaf0'); g.addColorStop(1,'#f0e5ca'); ctx.fillStyle = g; ctx.fillRect(0,0,w,h);
const p = palette(.2); ctx.globalAlpha = .5; hills(ctx, w, h*.97, h*.2, rgb(tint), rgb('#fbf4e2'), {cells: 3, seed: 8}); hills(ctx, w, h*.99, h*.12, blend(rgb(tint), [10,50,40], .3), rgb('#fbf4e2'), {cells: 4, seed: 18}); ctx.globalAlpha = 1;
ctx.strokeStyle = tint; ctx.lineWidth = 9; ctx.strokeRect(20,20,w-40,h-40); ctx.lineWidth = 2.5; ctx.strokeRect(34,34,w-68,h-68);
ctx.fillStyle = '#1d2b28'; ctx.textAlign = 'center'; ctx.textBaseline = 'middle';
const size = Math.min(150, h*.66/name.length); ctx.font = `700 ${size}px "Noto Serif CJK SC"`; [...name].forEach((ch, i) => ctx.fillText(ch, w*.5, 110 + size*.5 + i*size*1.08));
ctx.fillStyle = '#d9482b'; const y = 130 + name.length*size*1.08; ctx.beginPath(); ctx.roundRect(w/2-34, y+10, 68, 68, 10); ctx.fill();
ctx.fillStyle = '#fff6e8'; ctx.font = '700 30px "Noto Serif CJK SC"'; [...sub].forEach((ch, i) => ctx.fillText(ch, w/2 - 15 + 30*(i%2), y + 29 + 31*Math.floor(i/2)));
"""
PLAQUE = """
const g = ctx.createLinearGradient(0,0,0,h); g.addColorStop(0,'#0b4a40'); g.addColorStop(1,'#0e6b5c'); ctx.fillStyle = g; ctx.fillRect(0,0,w,h);
ctx.strokeStyle = '#e0a526'; ctx.lineWidth = 12; ctx.strokeRect(18,18,w-36,h-36);
ctx.fillStyle = '#f6dc97'; ctx.textAlign = 'center'; ctx.textBaseline = 'middle'; ctx.font = '700 150px "Noto Serif CJK SC"'; ctx.fillText('洞庭丰收馆', w/2, h/2 + 6);
"""
BANNERS = {
    "booth-1": ("洞庭红", "岳阳鲜果", "#d9482b"),
    "booth-2": ("樟树港", "湘阴时蔬", "#2f7d3f"),
    "booth-3": ("黄金茶", "保靖春茶", "#b98a1c"),
    "booth-4": ("雅江青稞", "桑日高原", "#2f6f9a"),
}

if __name__ == "__main__":
    out = Path(sys.argv[1])
    draw(AROUND, 4096, 2048, out / "around.png")
    draw(PLAQUE, 900, 240, out / "plaque.png")
    for name, (title, seal, tint) in BANNERS.items():
        draw(f"const s_args = {[title, seal, tint]!r};{BANNER}", 420, 900, out / f"{name}.png")
