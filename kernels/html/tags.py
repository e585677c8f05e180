"""What a page's tags mean for its text: which begin a block, which have no end tag, what is in them.

Source: HTML Living Standard, sections 13.1.2 (elements), 13.2.6 (tree construction) and 15.3 (rendering: what is
displayed as a block). What an element says of the text in it is a set of bits, `PathFlag`, which the elements in it
inherit.
"""

from enum import IntFlag

import numpy as np

from dspipe.kernels.html.lookup import make_lookup, name_key

# kinds of tags, as bits
VOID = 1
"""has no content and no end tag"""
BLOCK = 2
"""ends the block of text before it"""
UNSEEN = 4
"""what is in it isn't shown as text"""
RAW = 8
"""there are no tags in it"""
ENDS_PARAGRAPH = 16
"""ends an open p"""

_KINDS = {
    VOID: "area base br col embed hr img input link meta source track wbr param keygen",
    BLOCK: "html body head div p h1 h2 h3 h4 h5 h6 ul ol li dl dt dd table thead tbody tfoot tr td th caption colgroup "
    "section article main nav header footer aside form fieldset figure figcaption blockquote pre address details "
    "summary hr center dir menu dialog hgroup search button legend video audio canvas iframe noscript template option "
    "optgroup select textarea title object",
    ENDS_PARAGRAPH: "address article aside blockquote center details dialog dir div dl fieldset figcaption figure "
    "footer form h1 h2 h3 h4 h5 h6 header hgroup hr main menu nav ol p pre search section table ul summary",
    RAW: "script style textarea iframe noembed noframes xmp title",
    UNSEEN: "svg select datalist object audio video canvas head rt rp",
    0: "a b i em strong span code font small big u s sub sup q cite abbr time mark kbd samp var tt label strike del "
    "ins math annotation semantics mrow mstyle mfrac msqrt mroot msub msup msubsup munder mover munderover "
    "mmultiscripts mpadded mphantom menclose merror mtable mtr mtd mtext mspace mfenced mi mn mo bdi bdo dfn ruby "
    "picture map output progress meter",
}


def _kinds() -> dict[str, int]:
    kinds: dict[str, int] = {}
    for kind, names in _KINDS.items():
        for name in names.split():
            kinds[name] = kinds.get(name, 0) | kind
    return kinds


_KIND_OF = _kinds()
NAMES = ["?", *sorted(_KIND_OF)]
"""The tags by number; 0 is any other."""
NUMBERS = {name: number for number, name in enumerate(NAMES)}
KINDS = np.array([_KIND_OF.get(name, 0) for name in NAMES], np.int32)
"""int32[tags]: the kinds of each."""
TAGS = make_lookup((name_key(name), number) for name, number in NUMBERS.items() if number)

A, ADDRESS, ANNOTATION, BODY, BR, BUTTON = (NUMBERS[n] for n in ("a", "address", "annotation", "body", "br", "button"))
CAPTION, DD, DIV, DT, HEAD, HR = (NUMBERS[n] for n in ("caption", "dd", "div", "dt", "head", "hr"))
B, BLOCKQUOTE, H1, H6, HTML, IMG = (NUMBERS[n] for n in ("b", "blockquote", "h1", "h6", "html", "img"))
INPUT, LI, LINK, MATH, META, OL, P = (NUMBERS[n] for n in ("input", "li", "link", "math", "meta", "ol", "p"))
PRE, SCRIPT, STRONG, TABLE, TBODY, TD = (NUMBERS[n] for n in ("pre", "script", "strong", "table", "tbody", "td"))
TFOOT, TH, THEAD, TIME, TITLE, TR = (NUMBERS[n] for n in ("tfoot", "th", "thead", "time", "title", "tr"))


class PathFlag(IntFlag):
    """What the elements around a text say of it, by their tags, roles, itemprops and classes."""

    NAV = 1 << 0
    HEADER = 1 << 1
    FOOTER = 1 << 2
    ASIDE = 1 << 3
    MAIN = 1 << 4
    ARTICLE = 1 << 5
    FORM = 1 << 6
    TABLE = 1 << 7
    LIST = 1 << 8
    FIGURE = 1 << 9
    QUOTE = 1 << 10
    PRE = 1 << 11
    DEFINITIONS = 1 << 12
    HEADING = 1 << 13
    BUTTON = 1 << 14
    LABEL = 1 << 15
    HIDDEN = 1 << 16
    DIALOG = 1 << 17
    SECTION = 1 << 18
    CONTENT = 1 << 19
    LINK = 1 << 20
    PARAGRAPH = 1 << 21
    ADDRESS = 1 << 22
    DETAILS = 1 << 23
    TAB_PANEL = 1 << 24
    ARTICLE_HEADER = 1 << 25
    ARTICLE_FOOTER = 1 << 26
    SCREEN_READER = 1 << 27
    NOSCRIPT = 1 << 28


PATH_FLAGS = len(PathFlag)
HEADER, FOOTER = int(PathFlag.HEADER), int(PathFlag.FOOTER)
ARTICLE_HEADER, ARTICLE_FOOTER = int(PathFlag.ARTICLE_HEADER), int(PathFlag.ARTICLE_FOOTER)
MAIN, ARTICLE, HIDDEN = int(PathFlag.MAIN), int(PathFlag.ARTICLE), int(PathFlag.HIDDEN)
SCREEN_READER = int(PathFlag.SCREEN_READER)

_FLAGS = {
    "nav": PathFlag.NAV,
    "header": PathFlag.HEADER,
    "footer": PathFlag.FOOTER,
    "aside": PathFlag.ASIDE,
    "main": PathFlag.MAIN,
    "article": PathFlag.ARTICLE,
    "form": PathFlag.FORM,
    "table": PathFlag.TABLE,
    **dict.fromkeys(("ul", "ol", "menu"), PathFlag.LIST),
    **dict.fromkeys(("figure", "figcaption"), PathFlag.FIGURE),
    "blockquote": PathFlag.QUOTE,
    **dict.fromkeys(("pre", "code"), PathFlag.PRE),
    "dl": PathFlag.DEFINITIONS,
    **{f"h{level}": PathFlag.HEADING for level in range(1, 7)},
    "button": PathFlag.BUTTON,
    **dict.fromkeys(("label", "fieldset"), PathFlag.LABEL),
    "template": PathFlag.HIDDEN,
    "dialog": PathFlag.DIALOG,
    "section": PathFlag.SECTION,
    "a": PathFlag.LINK,
    "p": PathFlag.PARAGRAPH,
    "address": PathFlag.ADDRESS,
    "details": PathFlag.DETAILS,
    "noscript": PathFlag.NOSCRIPT,
}
TAG_FLAGS = np.array([_FLAGS.get(name, 0) for name in NAMES], np.int32)
"""int32[tags]: the path flags of each."""

# WAI-ARIA 1.2, section 5.3 (roles)
ROLES = make_lookup(
    (name_key(role), int(flag))
    for role, flag in {
        **dict.fromkeys(("navigation", "menu", "menubar", "tablist", "menuitem"), PathFlag.NAV),
        "banner": PathFlag.HEADER,
        "contentinfo": PathFlag.FOOTER,
        "complementary": PathFlag.ASIDE,
        "main": PathFlag.MAIN,
        "article": PathFlag.ARTICLE,
        "search": PathFlag.FORM,
        "button": PathFlag.BUTTON,
        **dict.fromkeys(("dialog", "alertdialog", "alert"), PathFlag.DIALOG),
        "tabpanel": PathFlag.TAB_PANEL,
        "heading": PathFlag.HEADING,
    }.items()
)
# schema.org's properties that hold a page's own text
ITEM_PROPERTIES = make_lookup(
    (name_key(name), int(PathFlag.CONTENT))
    for name in ("articlebody", "description", "text", "reviewbody", "mainentity")
)
SCREEN_READER_CLASSES = make_lookup(
    (name_key(name), SCREEN_READER)
    for name in ("sr", "visually", "visuallyhidden", "hidden", "hide", "none", "invisible")
)
_TYPE_NAMES = (
    "article newsarticle blogposting product faqpage itemlist discussionforumposting qapage collectionpage webpage "
    "organization localbusiness"
)
PAGE_TYPES = _TYPE_NAMES.split()
"""schema.org's types that are counted in a page's JSON-LD."""
TYPES = make_lookup((name_key(name), number) for number, name in enumerate(PAGE_TYPES))
