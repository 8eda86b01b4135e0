"""Prints a certificate as PDF: `python -m server.certificates.paper`, JSON in, PDF out.

A process of its own: the Chinese font is 19 MB, of which some 200 MB of memory and a second of CPU are made for a
moment, which would make everybody wait whom this server serves.
"""

from __future__ import annotations

import io
import json
import sys
from dataclasses import dataclass

import segno
from fpdf import FPDF
from fpdf.enums import XPos, YPos
from noto_cjk_sans_otc import FONT_PATH

SIMPLIFIED = 2  # the face of the collection with the forms of the mainland
LAKE = (14, 107, 92)
REED = (224, 165, 38)
INK = (29, 43, 40)
SOFT = (90, 106, 101)
PAPER = (250, 247, 240)
WIDTH, HEIGHT = 297.0, 210.0


@dataclass(frozen=True, slots=True)
class Paper:
    """What is printed."""

    holder: str
    course: str
    facts: str
    teacher: str
    issued: str
    code: str
    check_url: str
    platform: str


def draw(paper: Paper) -> bytes:
    """The PDF, its font embedded with the characters that are used."""
    pdf = FPDF(orientation="landscape", format="A4")
    pdf.set_auto_page_break(False)
    pdf.add_font("noto", "", FONT_PATH, collection_font_number=SIMPLIFIED)
    pdf.set_title(f"结业证书 {paper.code}")
    pdf.set_lang("zh-CN")
    pdf.add_page()
    _frame(pdf)
    _line(pdf, 34, 38, "结 业 证 书", LAKE)
    _line(pdf, 54, 12, "CERTIFICATE OF COMPLETION", SOFT)
    _line(pdf, 74, 28, paper.holder, INK)
    _line(pdf, 92, 14, "学完了下面课程的全部内容", SOFT)
    _line(pdf, 108, 24, f"《{paper.course}》", LAKE)
    _line(pdf, 126, 13, paper.facts, INK)
    _foot(pdf, paper)
    return bytes(pdf.output())


def _frame(pdf: FPDF) -> None:
    pdf.set_fill_color(*PAPER)
    pdf.rect(0, 0, WIDTH, HEIGHT, style="F")
    pdf.set_draw_color(*LAKE)
    pdf.set_line_width(1.2)
    pdf.rect(10, 10, WIDTH - 20, HEIGHT - 20)
    pdf.set_draw_color(*REED)
    pdf.set_line_width(0.4)
    pdf.rect(13, 13, WIDTH - 26, HEIGHT - 26)


def _line(pdf: FPDF, top: float, size: float, text: str, colour: tuple[int, int, int]) -> None:
    """One line in the middle, smaller where it would not fit."""
    pdf.set_text_color(*colour)
    pdf.set_font("noto", size=size)
    room = WIDTH - 60
    if (width := pdf.get_string_width(text)) > room:
        pdf.set_font("noto", size=size * room / width)
    pdf.set_xy(30, top)
    pdf.cell(room, size * 0.5, text, align="C", new_x=XPos.LMARGIN, new_y=YPos.NEXT)


def _foot(pdf: FPDF, paper: Paper) -> None:
    qr = io.BytesIO()
    segno.make(paper.check_url, error="m").save(qr, kind="png", scale=8, border=1)
    pdf.image(qr, x=28, y=150, w=34, h=34, alt_text="check")
    pdf.set_font("noto", size=11)
    for top, text, colour in (
        (152, f"证书编号  {paper.code}", INK),
        (160, "扫一扫，或打开下面的网址查真假", SOFT),
        (168, paper.check_url, SOFT),
    ):
        pdf.set_text_color(*colour)
        pdf.set_xy(66, top)
        pdf.cell(120, 6, text)
    for top, text in ((152, f"授课老师  {paper.teacher}"), (160, f"发证日期  {paper.issued}"), (168, paper.platform)):
        pdf.set_text_color(*INK)
        pdf.set_xy(180, top)
        pdf.cell(89, 6, text, align="R")


def main() -> None:
    """Read one paper, write one PDF."""
    sys.stdout.buffer.write(draw(Paper(**json.load(sys.stdin))))


if __name__ == "__main__":
    main()
