"""What the demo is made of, as plain data; every name, place and price is invented for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from server.showroom.model import Season

CONTENT = Path(__file__).parent / "content"
PASSWORD = "dongting-demo"  # noqa: S105 -- meant to be known: it is printed when the demo starts
LIVE_HOST = "zhanghong"
PICTURE_PREFIX = "public/demo/"


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody to sign in as."""

    name: str
    display_name: str
    roles: tuple[str, ...] = ("viewer",)
    phone: str | None = None


@dataclass(frozen=True, slots=True)
class Merchant:
    """Who sells; `host` goes live for it in the room `slug`."""

    id: str
    name: str
    summary: str
    host: str
    slug: str
    room_title: str
    cover: str
    # The next broadcast: so many days ahead, at this hour and minute in China.
    next_broadcast: tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Product:
    """Something on a shelf."""

    id: str
    merchant: str
    name: str
    description: str
    price_fen: int
    unit: str
    stock: int
    origin: str
    picture: str


@dataclass(frozen=True, slots=True)
class Chapter:
    """A step of a lesson."""

    start_seconds: float
    title: str


@dataclass(frozen=True, slots=True)
class Question:
    """A question of a lesson's quiz; without `at_seconds` it comes at the end."""

    text: str
    options: tuple[str, ...]
    right: tuple[int, ...]
    why: str
    at_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Lesson:
    """A video that goes the way of every upload; `subtitles` is a file beside it."""

    file: str
    title: str
    seconds: float
    chapters: tuple[Chapter, ...] = ()
    subtitles: str | None = None
    quiz: tuple[Question, ...] = ()


@dataclass(frozen=True, slots=True)
class Course:
    """Lessons that belong together."""

    id: str
    teacher: str
    title: str
    summary: str
    cover: str
    lessons: tuple[Lesson, ...] = field(default=())
    crops: tuple[str, ...] = ()
    seasons: tuple[str, ...] = ()
    counties: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Booth:
    """Where a merchant stands in the hall's picture, in degrees; yaw 0 is its middle, growing to the right."""

    id: str
    merchant: str
    yaw: float
    pitch: float


@dataclass(frozen=True, slots=True)
class Hall:
    """A 360° scene."""

    id: str
    title: str
    summary: str
    county: str
    season: Season
    panorama: str
    booths: tuple[Booth, ...]


@dataclass(frozen=True, slots=True)
class Act:
    """What the clip shows from when to when, and what the host says in the chat then."""

    product: str
    from_seconds: float
    to_seconds: float
    words: str


ACCOUNTS = (
    Account("zhanghong", "张红", ("viewer", "host"), "13807300001"),
    Account("liuxiang", "刘湘", ("viewer", "host"), "13807300002"),
    Account("tianmei", "田梅", ("viewer", "host"), "13807430003"),
    Account("zhuoma", "卓玛", ("viewer", "host"), "13889030004"),
    Account("lijishi", "李技师", ("viewer", "host"), "13807300005"),
    Account("wangnainai", "王奶奶", phone="13907300006"),
    Account("xiaochen", "小陈"),
    Account("laozhou", "老周"),
    Account("operator", "供销社运营", ("viewer", "operator"), "13807300009"),
)

MERCHANTS = (
    Merchant(
        "demo-dongtinghong",
        "洞庭红果蔬专业合作社",
        "岳阳东洞庭湖边的六十三户果农和渔家，一起种橙、晒鱼、腌蛋。采摘当天发货，坏果包赔。",
        "zhanghong",
        "zhanghong",
        "张红的洞庭早市",
        "room-zhanghong.webp",
        (1, 8, 30),
    ),
    Merchant(
        "demo-zhangshugang",
        "湘阴樟树港时蔬合作社",
        "樟树港辣椒的核心产区，沙壤土、早春棚，按斤论金的“辣椒之王”。莲子也是自家湖里采的。",
        "liuxiang",
        "zhangshugang",
        "樟树港辣椒，今早现摘",
        "room-zhangshugang.webp",
        (1, 10, 0),
    ),
    Merchant(
        "demo-baojing",
        "保靖吕洞山黄金茶合作社",
        "湘西保靖县的茶农合作社，古茶树母本、明前采摘，是岳阳对口帮扶的特色产业。",
        "tianmei",
        "baojing",
        "吕洞山下喝黄金茶",
        "room-baojing.webp",
        (1, 19, 30),
    ),
    Merchant(
        "demo-sangri",
        "桑日雅江青稞合作社",
        "西藏桑日县雅鲁藏布江边，海拔三千五百米的青稞，石磨慢碾，一年只收一季。",
        "zhuoma",
        "sangri",
        "雅江边的青稞熟了",
        "room-sangri.webp",
        (2, 15, 0),
    ),
)

PRODUCTS = (
    Product(
        "demo-oranges",
        "demo-dongtinghong",
        "麻塘冰糖橙 5斤装",
        "早上摘、下午发。皮薄无核，糖度13以上，不打蜡、不催熟。\n个头：单果130–180克，一箱约16个。\n"
        "放在阴凉处可存两周，冷藏口感更好。\n坏果当天拍照，按个赔付。",
        2980,
        "箱",
        320,
        "湖南岳阳 · 麻塘镇",
        "oranges.webp",
    ),
    Product(
        "demo-whitebait",
        "demo-dongtinghong",
        "洞庭银鱼干 250克",
        "东洞庭湖养殖银鱼，起水两小时内上筛，太阳晒足两天，不加盐、不加碱。\n"
        "吃法：温水泡五分钟，打两个蛋同蒸，或与豆腐煮汤。\n密封冷藏可存十个月。",
        4580,
        "袋",
        150,
        "湖南岳阳 · 鹿角镇",
        "whitebait.webp",
    ),
    Product(
        "demo-duck-eggs",
        "demo-dongtinghong",
        "团湖流油咸鸭蛋 20枚",
        "湖洲散养麻鸭蛋，黄泥、草木灰腌足三十天，蛋白不齁咸，蛋黄起沙流油。\n已煮熟，开袋即食，配粥正好。\n"
        "真空独立包装，常温可存四个月。",
        3980,
        "盒",
        200,
        "湖南岳阳 · 团湖",
        "duck-eggs.webp",
    ),
    Product(
        "demo-silver-needle",
        "demo-dongtinghong",
        "君山银针 黄茶 50克",
        "君山岛单芽，清明前采，闷黄七十二小时。\n用透明玻璃杯、85℃的水冲泡，茶芽三起三落，根根竖立。\n汤色杏黄，入口甜醇。",
        16800,
        "罐",
        60,
        "湖南岳阳 · 君山岛",
        "silver-needle.webp",
    ),
    Product(
        "demo-peppers",
        "demo-zhangshugang",
        "樟树港辣椒 头茬 2斤",
        "清早露水干了才下地，当天空运。皮薄肉软，入口先香后甜，辣味温和。\n吃法：整只用手拍扁，热锅少油煸香，只放盐。",
        8800,
        "份",
        90,
        "湖南湘阴 · 樟树镇",
        "peppers.webp",
    ),
    Product(
        "demo-lotus-seeds",
        "demo-zhangshugang",
        "手剥白莲子 500克",
        "当年新莲，人工去皮捅芯，不熏硫。\n不用泡，冷水下锅煮四十分钟即粉糯，煲汤、煮粥、打浆都合适。",
        4280,
        "袋",
        180,
        "湖南湘阴 · 鹤龙湖",
        "lotus-seeds.webp",
    ),
    Product(
        "demo-golden-tea",
        "demo-baojing",
        "保靖黄金茶 明前一级 100克",
        "古茶树无性繁育，一芽一叶，香、绿、爽、浓。\n80℃水冲泡，头汤十秒即出，可泡七八道。\n每罐附批次号，可查采摘地块。",
        12800,
        "罐",
        110,
        "湖南保靖 · 吕洞山镇",
        "golden-tea.webp",
    ),
    Product(
        "demo-barley",
        "demo-sangri",
        "雅江高原青稞米 5斤",
        "海拔三千五百米，雪水浇灌，一年一季。\n石磨轻碾，留住麸皮的香。\n提前泡两小时，与大米一比三同煮，口感弹牙。",
        3680,
        "袋",
        140,
        "西藏桑日 · 绒乡",
        "barley.webp",
    ),
)

# When the clip shows what; make/web/show.js draws by the same times.
CLIP_SECONDS = 72.0
ACTS = (
    Act("demo-oranges", 8.0, 24.0, "冰糖橙上桌啦，早上刚摘的，切开看看"),
    Act("demo-whitebait", 24.5, 40.0, "这是洞庭银鱼干，蒸蛋最鲜"),
    Act("demo-duck-eggs", 40.5, 53.5, "流油咸鸭蛋，二十枚一盒"),
    Act("demo-silver-needle", 54.0, 66.5, "最后泡一杯君山银针，三起三落"),
)

# The flash sales that the demo host opens, as `POST /api/my/room/sales` wants them.
SALE_TERMS = {
    "demo-oranges": {"price_fen": 1990, "quantity": 10, "per_buyer": 2, "duration_seconds": 90},
    "demo-whitebait": {"price_fen": 3280, "quantity": 6, "per_buyer": 1, "duration_seconds": 90},
    "demo-duck-eggs": {"price_fen": 2680, "quantity": 8, "per_buyer": 1, "duration_seconds": 90},
    "demo-silver-needle": {"price_fen": 12800, "quantity": 5, "per_buyer": 1, "duration_seconds": 90},
}

COURSES = (
    Course(
        "demo-citrus",
        "lijishi",
        "柑橘高产管护",
        "县农技站李技师主讲：从冬剪、清园到保花保果，跟着农时一步一步做。每课几分钟，田头就能看。",
        "course-citrus.webp",
        (
            Lesson(
                "lesson.mp4",
                "柑橘冬季修剪：三看四剪",
                68.0,
                (
                    Chapter(0, "什么时候剪"),
                    Chapter(12, "三看：看树势、看通风、看光照"),
                    Chapter(26, "四剪：枯枝、病枝、交叉枝、徒长枝"),
                    Chapter(48, "剪口怎么留"),
                    Chapter(58, "清园与追肥"),
                ),
                "lesson.vtt",
                (
                    Question(
                        "得过炭疽病的枝条怎么办？",
                        ("剪下来拿出园子烧掉", "堆在树下当肥料", "留着看看再说"),
                        (0,),
                        "病菌在枯枝里过冬，留在园里开春又传开。",
                        at_seconds=38.0,
                    ),
                    Question(
                        "动手之前先看哪三样？",
                        ("树势", "通风", "光照", "果价"),
                        (0, 1, 2),
                        "三看：看树势，看通风，看光照。",
                    ),
                    Question(
                        "徒长枝怎么剪？",
                        ("留两寸短桩", "从基部剪，不留桩"),
                        (1,),
                        "留桩会再冒一丛徒长枝。",
                    ),
                ),
            ),
        ),
        crops=("柑橘",),
        seasons=("冬季",),
        counties=("华容县",),
    ),
)

HALLS = (
    Hall(
        "demo-harvest",
        "洞庭丰收馆",
        "湖边的一座木亭，四个摊位：岳阳的橙和鱼、湘阴的辣椒和莲子、保靖的黄金茶、桑日的青稞。",
        "岳阳",
        Season.AUTUMN,
        "lake-pavilion",
        (
            Booth("demo-booth-1", "demo-dongtinghong", -36.0, -10.0),
            Booth("demo-booth-2", "demo-zhangshugang", 36.0, -10.0),
            Booth("demo-booth-3", "demo-baojing", -108.0, -10.0),
            Booth("demo-booth-4", "demo-sangri", 108.0, -10.0),
        ),
    ),
)

# (room, who, what): said once, into an empty chat.
CHAT = (
    ("zhanghong", "wangnainai", "红妹子，今天的橙子甜不甜？上回买的孙子都吃完了"),
    ("zhanghong", "zhanghong", "甜！糖度13以上，早上刚从树上剪下来的"),
    ("zhanghong", "xiaochen", "银鱼干是今年新晒的吗"),
    ("zhanghong", "zhanghong", "是的，上个礼拜晒的，不加盐，蒸蛋最鲜"),
    ("zhanghong", "laozhou", "咸鸭蛋上次收到一个没破，包装可以"),
    ("zhanghong", "wangnainai", "银针怎么泡才能立起来呀"),
    ("zhanghong", "zhanghong", "85度的水，用玻璃杯，等两三分钟就立起来了"),
    ("zhangshugang", "laozhou", "头茬辣椒还有几天？"),
    ("baojing", "xiaochen", "黄金茶明前的还有货吗"),
    ("sangri", "wangnainai", "青稞米煮粥要泡多久"),
)

WHAT_TO_TRY = (
    f"看直播  打开 /r/{LIVE_HOST}，张红正在播；登录 xiaochen 就能聊天、抢购、下单",
    "开播    登录 liuxiang（湘阴樟树港），进 /studio，按一下就能用摄像头开播",
    "学技术  /learn 里有《柑橘冬季修剪》：搜“炭疽病”跳到说它的那一秒，看完答题领证书；lijishi 在 /teach 排课",
    "逛展厅  /halls 里有洞庭丰收馆，360° 四个摊位",
    f"账号    {'、'.join(account.name for account in ACCOUNTS)}，密码都是 {PASSWORD}",
)
