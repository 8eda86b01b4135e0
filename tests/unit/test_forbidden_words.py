"""Word lists: a forbidden word is found however it is dressed up, and ordinary words are left alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.moderation.links import has_link
from server.moderation.words import ForbiddenWord, WordAction, WordList, fold

LIST = WordList(
    [
        ForbiddenWord("假药", WordAction.REFUSE),
        ForbiddenWord("口红", WordAction.REFUSE),
        ForbiddenWord("加微信", WordAction.HOLD),
        ForbiddenWord("ass", WordAction.REFUSE),
        ForbiddenWord("VX101", WordAction.REFUSE),
    ]
)


@pytest.mark.parametrize(
    "text",
    [
        "卖假药了",
        "假 药",
        "假。药",
        "假🍊药",
        "假\u200b药",  # a space of no width
        "假藥",  # traditional
        "ロ红",  # katakana, not a mouth
        "ａｓｓ",  # full width
        "a.s.s",
        "аss",  # a Cyrillic а
        "Ａ-Ş-S",
        "𝐀𝐒𝐒",
        "vxl0l",
        "ＶＸ１０１",
        "加微信买假药",  # the sterner of two
        "假🆅药",  # decoration, even if it could be a letter
        "假×药",
        "vχlol",  # a Greek chi
        "ΑSS",  # a Greek Alpha
        "🆅🆇101",
        "🅥🅧❶⓿❶",
        "🇻🇽101",
        "√×101",
        "∨✖1٠1",
        "ⱽˣ¹⁰¹",
        "ass🅰",
        "🆗ass",
    ],
)
def test_a_forbidden_word_is_found_in_disguise(text: str) -> None:
    assert LIST.find(text) is WordAction.REFUSE


@pytest.mark.parametrize("text", ["加 微 信", "加薇信加微\u2060信"])
def test_words_that_staff_decides_on_are_held(text: str) -> None:
    assert LIST.find(text) is WordAction.HOLD


HONEST = [
    "这个橙子真甜，5斤装几箱？",
    "老板，3.5斤×2箱多少钱",
    "今晚8点live还有吗",
    "下午3点online开播，别忘了",
    "打开APP点VIP那里有券",
    "手机用wifi。网络好卡",
    "家里5G。网络很好",
    "收到ok。中国加油",
    "ok.公司什么时候发货",
    "ok. me too, thanks. work hard",
    "good. top quality. live now",
    "今天很好。com",
    "PH值6.5的土能种吗",
    "N·P·K 15-15-15 的肥一亩用多少",
    "Fe.Zn.Cu都缺怎么办",
    "A B C 三种哪个甜",
    "规格：10×15×20cm",
    "柑橘√ 葡萄√ 桃子×",
    "早上好🌞🍊🍊👍👍👍🅿️停车方便吗",
    "🆗👌下单了🇨🇳",
    "第1名是华容县✌️✌️",
    "①先洗②再切③晒三天",
    "❶号链接还有货吗",
    "二〇二六年的新茶",
    "稻花香2号100斤多少钱？？",
    "重金属含量<0.2mg/kg，合格",
    "净含量2.5kg/箱，￥39.9",
    "昨天的还没到…顺丰吗",
    "一亩地施50公斤·复合肥",
    "这个药是打红蜘蛛的吗",
    "真药假一赔十",
    "嘴红红的小鸟吃果子",
    "微信支付可以吗",
    "老乡好！我是君山区的",
    "1.cc等于1毫升吧",
    "每瓶500ml。cc是多少",
    "净重500g。net weight",
    "一箱2.5kg。cc",
    "每条100-150g。net是净重吗",
    "每袋25kg。vip价多少",
    "下载app。vip有优惠吗",
    "家里wifi。网络又断了",
    "thanks。live几点开始",
    "thanks。wang老师讲得好",
    "药效7~10天，间隔15d",
    "鸭蛋30枚/盒，坏了包赔",
]


@pytest.mark.parametrize("text", HONEST)
def test_farm_talk_is_left_alone(text: str) -> None:
    assert LIST.find(text) is None
    assert not has_link(text)


@pytest.mark.parametrize("text", ["这个橙子真甜", "pass the class", "真药", "药假", "", "。。。", "微信"])
def test_ordinary_words_are_left_alone(text: str) -> None:
    assert LIST.find(text) is None


@given(st.text(max_size=200))
def test_folding_takes_any_text_and_knows_the_places(text: str) -> None:
    folded = fold(text)
    assert len(folded.plain) == len(folded.places)
    assert list(folded.places) == sorted(folded.places)
    assert fold(folded.plain).plain == fold(fold(folded.plain).plain).plain


@given(st.text(alphabet="假药 。!\u200b🍊", max_size=30))
def test_decoration_never_hides_a_word(text: str) -> None:
    bare = "".join(ch for ch in text if ch in "假药")
    assert (LIST.find(text) is WordAction.REFUSE) == ("假药" in bare)


def test_an_empty_list_finds_nothing() -> None:
    assert WordList([]).find("假药") is None
    assert WordList([ForbiddenWord("。。", WordAction.REFUSE)]).find("。。") is None


@pytest.mark.parametrize(
    "text",
    [
        "www.baidu.com",
        "ｂａｉｄｕ．ｃｏｍ",
        "baidu 。 com",
        "http://a",
        "hxxps://a",
        "看163.com",
        "看www.a",
        "b\u200baidu.com",
        "t.cn/x",
        "m.tb.cn/abc",
        "shop.top",
        "e v i l . c o m",
        "t a o b a o 点 c o m",
        "taobao点com",
        "taobao點ＣＯＭ",
        "京东点com",
        "淘宝.cn",
        "taobao dot com",
        "taobao(dot)com",
        "taobaoDOTcom",
        "taobao[.]com",
        "taobao（点）com",
        "taobao•com",
        "taobao・com",
        "taobao丶com",
        "taobao🍊.com",
        "tаobаo.соm",  # Cyrillic а, с, о
        "🆆🆆🆆.🅰",
        "ⓣⓑ。ⓒⓞⓜ",
        "baidu.公司",
        "taobao。vip",
        "taobao 。vip",
        "taobao .vip",
        "taobao。vip看看",
        "shop。top",
        "shop。top/a",
        "taobao点top",
        "taobao点TOP，便宜",
        "taobao[.]vip",
        "taobao dot vip",
        "taobao。me",
        "taobao。live/3",
        "taobao。公司",
        "taobao。中国/a",
        "500g.net",
    ],
)
def test_links_are_seen(text: str) -> None:
    assert has_link(text)


@pytest.mark.parametrize("text", ["3.5斤", "1.cc", "ok.好的", "橙子5.5元", "a.computer", "dot", "点", "com"])
def test_what_only_looks_like_a_link_is_none(text: str) -> None:
    assert not has_link(text)
