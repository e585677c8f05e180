"""Groups of words in class, id and data-testid that authors of web pages use for the parts of a page."""

import numpy as np

from dspipe.kernels.html.lookup import make_lookup, name_key

CLASS_WORD_GROUPS = [
    group.split()
    for group in (
        "comment comments disqus",
        "related recommended recommendations similar suggested",
        "sidebar aside rail",
        "share sharing social",
        "breadcrumb breadcrumbs crumbs crumb",
        "footer foot",
        "header masthead topbar",
        "nav navigation navbar",
        "menu submenu dropdown megamenu",
        "content",
        "article story",
        "post posts",
        "entry",
        "main",
        "body",
        "text richtext prose markdown wysiwyg rte copy",
        "widget widgets",
        "author byline bio",
        "meta metadata info",
        "date time published timestamp",
        "tag tags category categories",
        "newsletter subscribe subscription signup optin",
        "cookie cookies consent gdpr onetrust",
        "modal popup overlay lightbox drawer offcanvas",
        "ad ads advert advertisement sponsored sponsor adsense",
        "promo promotion cta banner",
        "hero jumbotron",
        "card cards tile tiles",
        "product products",
        "price prices",
        "review reviews rating ratings",
        "description desc",
        "faq accordion collapse toggle",
        "toc contents",
        "pagination pager paging",
        "search",
        "login account signin user",
        "caption",
        "quote testimonial testimonials",
        "more next prev previous",
        "reply replies thread message messages",
        "signature sig",
        "filter filters facet facets sort",
        "cart checkout basket wishlist",
        "form field input",
        "copyright legal bottom",
        "skip sr screen",
        "title headline heading",
        "summary excerpt teaser lead intro",
        "list items",
        "grid row col column",
        "item",
        "button btn",
        "doc docs documentation",
        "code highlight",
        "slider carousel swiper slick",
        "tab tabs",
        "logo brand",
        "language lang locale",
        "trending popular latest recent",
        "spec specs specification details detail features feature",
    )
]
GROUP_COUNT = len(CLASS_WORD_GROUPS)
CLASS_WORDS = make_lookup((name_key(word), group) for group, words in enumerate(CLASS_WORD_GROUPS) for word in words)
FAR = np.uint8(255)
"""the distance of a group that no element around has"""
