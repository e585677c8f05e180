r"""How the characters of mathematics are written in TeX: `α` is `\alpha`, `≤` is `\le`, `sin` is `\sin`.

Names are those of LaTeX and amsmath. What has none here is written as it stands.
"""

import numpy as np

from dspipe.kernels.html.lookup import make_lookup, name_key

_COMMANDS = {
    # letters
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ϵ", "varepsilon": "ε", "zeta": "ζ", "eta": "η",
    "theta": "θ", "vartheta": "ϑ", "iota": "ι", "kappa": "κ", "lambda": "λ", "mu": "μµ", "nu": "ν", "xi": "ξ",
    "pi": "π", "varpi": "ϖ", "rho": "ρ", "varrho": "ϱ", "sigma": "σ", "varsigma": "ς", "tau": "τ", "upsilon": "υ",
    "phi": "ϕ", "varphi": "φ", "chi": "χ", "psi": "ψ", "omega": "ω", "Gamma": "Γ", "Delta": "Δ∆", "Theta": "Θ",
    "Lambda": "Λ", "Xi": "Ξ", "Pi": "Π", "Sigma": "Σ", "Upsilon": "Υϒ", "Phi": "Φ", "Psi": "Ψ", "Omega": "ΩΩ",
    "ell": "ℓ", "hbar": "ℏħ", "Re": "ℜ", "Im": "ℑ", "aleph": "ℵ", "beth": "ℶ", "wp": "℘", "imath": "ı", "jmath": "ȷ",
    # operators that take limits
    "sum": "∑", "prod": "∏", "coprod": "∐", "int": "∫", "iint": "∬", "iiint": "∭", "oint": "∮", "bigcup": "⋃",
    "bigcap": "⋂", "bigvee": "⋁", "bigwedge": "⋀", "bigoplus": "⨁", "bigotimes": "⨂", "bigsqcup": "⨆", "biguplus": "⨄",
    # signs between two
    "pm": "±", "mp": "∓", "times": "×", "div": "÷", "cdot": "·⋅", "ast": "∗", "star": "⋆", "circ": "∘", "bullet": "∙•",
    "oplus": "⊕", "ominus": "⊖", "otimes": "⊗", "oslash": "⊘", "odot": "⊙", "cup": "∪", "cap": "∩", "uplus": "⊎",
    "sqcup": "⊔", "sqcap": "⊓", "setminus": "∖", "wr": "≀", "amalg": "⨿", "dagger": "†", "ddagger": "‡",
    "land": "∧", "lor": "∨", "rtimes": "⋊", "ltimes": "⋉", "bowtie": "⋈",
    # relations
    "le": "≤", "ge": "≥", "ne": "≠", "ll": "≪", "gg": "≫", "equiv": "≡", "sim": "∼~", "simeq": "≃", "approx": "≈",
    "cong": "≅", "propto": "∝", "asymp": "≍", "doteq": "≐", "prec": "≺", "succ": "≻", "preceq": "⪯≼", "succeq": "⪰≽",
    "subset": "⊂", "supset": "⊃", "subseteq": "⊆", "supseteq": "⊇", "subsetneq": "⊊", "supsetneq": "⊋",
    "sqsubseteq": "⊑", "sqsupseteq": "⊒", "in": "∈", "ni": "∋", "notin": "∉", "mid": "∣", "nmid": "∤", "parallel": "∥",
    "perp": "⟂", "vdash": "⊢", "dashv": "⊣", "models": "⊨", "leqslant": "⩽", "geqslant": "⩾", "lesssim": "≲",
    "gtrsim": "≳", "triangleq": "≜", "not\\subset": "⊄", "not\\equiv": "≢", "not\\sim": "≁", "not\\approx": "≉",
    "nsubseteq": "⊈", "triangleleft": "◃⊲", "triangleright": "▹⊳", "trianglelefteq": "⊴", "trianglerighteq": "⊵",
    # arrows
    "leftarrow": "←", "to": "→", "uparrow": "↑", "downarrow": "↓", "leftrightarrow": "↔", "updownarrow": "↕",
    "Leftarrow": "⇐", "Rightarrow": "⇒", "Uparrow": "⇑", "Downarrow": "⇓", "Leftrightarrow": "⇔", "mapsto": "↦",
    "longmapsto": "⟼", "longleftarrow": "⟵", "longrightarrow": "⟶", "longleftrightarrow": "⟷", "Longleftarrow": "⟸",
    "Longrightarrow": "⟹", "Longleftrightarrow": "⟺", "hookrightarrow": "↪", "hookleftarrow": "↩",
    "twoheadrightarrow": "↠", "rightharpoonup": "⇀", "rightleftharpoons": "⇌", "rightsquigarrow": "⇝", "nearrow": "↗",
    "searrow": "↘", "swarrow": "↙", "nwarrow": "↖",
    # others
    "infty": "∞", "partial": "∂", "nabla": "∇", "forall": "∀", "exists": "∃", "nexists": "∄", "neg": "¬",
    "emptyset": "∅", "varnothing": "⌀", "top": "⊤", "bot": "⊥", "angle": "∠", "measuredangle": "∡", "triangle": "△",
    "square": "□", "blacksquare": "■∎", "Diamond": "◇", "diamond": "⋄", "therefore": "∴", "because": "∵", "prime": "′",
    "backprime": "‵", "ldots": "…", "cdots": "⋯", "vdots": "⋮", "ddots": "⋱", "surd": "√", "clubsuit": "♣",
    "diamondsuit": "♢♦", "heartsuit": "♡♥", "spadesuit": "♠", "flat": "♭", "natural": "♮", "sharp": "♯",
    "checkmark": "✓", "complement": "∁",
    # fences
    "langle": "⟨〈", "rangle": "⟩〉", "lceil": "⌈", "rceil": "⌉", "lfloor": "⌊", "rfloor": "⌋", "|": "‖", "{": "{",
    "}": "}",
    # what TeX takes for something else
    "%": "%", "#": "#", "& ": "&", "_": "_", "$": "$", "backslash": "\\",
    "mathbb{N}": "ℕ", "mathbb{Z}": "ℤ", "mathbb{Q}": "ℚ", "mathbb{R}": "ℝ", "mathbb{C}": "ℂ", "mathbb{H}": "ℍ",
    "mathbb{P}": "ℙ", "mathcal{B}": "ℬ", "mathcal{E}": "ℰ", "mathcal{F}": "ℱ", "mathcal{H}": "ℋ", "mathcal{I}": "ℐ",
    "mathcal{L}": "ℒ", "mathcal{M}": "ℳ", "mathcal{R}": "ℛ", "mathfrak{H}": "ℌ", "mathfrak{Z}": "ℨ", "mathfrak{C}": "ℭ",
}  # fmt: skip
_PLAIN = {
    "-": "−‐‑", ":": "∶", "/": "∕⁄", "|": "❘", "'": "’", "h": "ℎ", "d": "ⅆ", "e": "ℯⅇ", "i": "ⅈ", "j": "ⅉ",
    " ": "\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f",
    "": "\u2061\u2062\u2063\u2064\u200b\u200c\u200d\ufeff\u00ad\ufe0e\ufe0f",
    "\\wedge": "^",
}  # fmt: skip
_FUNCTIONS = (
    "arccos arcsin arctan arg cos cosh cot coth csc deg det dim exp gcd hom inf ker lg lim liminf limsup ln log max "
    "min Pr sec sin sinh sup tan tanh"
)
_WITH_LIMITS = "∑∏∐∫∬∭∮⋃⋂⋁⋀⨁⨂⨆⨄"
"""Operators whose limits are written as subscript and superscript, whether they stand above or beside."""
_ACCENTS = {
    "hat": "^ˆ\u0302", "bar": "¯‾\u0304\u0305―", "tilde": "~˜∼\u0303", "vec": "→⃗⇀", "dot": "˙\u0307.",
    "ddot": "¨\u0308", "check": "ˇ\u030c", "breve": "˘\u0306", "acute": "´\u0301", "grave": "`\u0300",
    "overbrace": "⏞︷",
}  # fmt: skip
"""What is written for a sign above something. Over more than one character: overline, widehat, widetilde."""
_BELOW = {"underline": "_¯‾\u0332―", "underbrace": "⏟︸"}
_WIDE = {"hat": "widehat", "bar": "overline", "tilde": "widetilde", "vec": "overrightarrow"}
_STYLES = (
    "mathbf", "", "boldsymbol", "mathcal", "mathcal", "mathfrak", "mathbb", "mathfrak", "mathsf", "mathsf", "mathsf",
    "mathsf", "mathtt",
)  # fmt: skip
"""of the mathematical letters from U+1D400 on, 52 each"""
_VARIANTS = {
    "bold": "mathbf", "double-struck": "mathbb", "script": "mathcal", "fraktur": "mathfrak", "sans-serif": "mathsf",
    "monospace": "mathtt", "bold-italic": "boldsymbol", "bold-script": "mathcal", "bold-fraktur": "mathfrak",
}  # fmt: skip


class _Texts:
    """Texts one after the other, each once."""

    def __init__(self) -> None:
        self.numbers: dict[bytes, int] = {}

    def add(self, text: str) -> int:
        return self.numbers.setdefault(text.encode(), len(self.numbers))


_texts = _Texts()
_of_points = {ord(sign): _texts.add(tex) for tex, signs in _PLAIN.items() for sign in signs}
_of_points |= {ord(sign): _texts.add(f"\\{name}") for name, signs in _COMMANDS.items() for sign in signs}
_accents = {ord(sign): _texts.add(f"\\{name}") for name, signs in _ACCENTS.items() for sign in signs}
_below = {ord(sign): _texts.add(f"\\{name}") for name, signs in _BELOW.items() for sign in signs}
_wide = {ord(sign): _texts.add(f"\\{_WIDE.get(name, name)}") for name, signs in _ACCENTS.items() for sign in signs}

POINTS = make_lookup(_of_points.items())
"""From a code point to the number of its text."""
ABOVE, ABOVE_WIDE, UNDER = (make_lookup(signs.items()) for signs in (_accents, _wide, _below))
LIMITS = make_lookup((ord(sign), 1) for sign in _WITH_LIMITS)
FUNCTION_NAMES = make_lookup((name_key(name), 1) for name in _FUNCTIONS.split())
VARIANT_TEXTS = make_lookup((name_key(name), _texts.add(f"\\{tex}{{")) for name, tex in _VARIANTS.items())
STYLE_TEXTS = np.array([_texts.add(f"\\{tex}{{" if tex else "") for tex in _STYLES], np.int64)
NOTHING = _texts.add("")
TEXTS = np.frombuffer(b"".join(_texts.numbers), np.uint8)
TEXT_STARTS = np.cumsum([0, *map(len, _texts.numbers)])
"""A text's bytes are TEXTS[TEXT_STARTS[number] : TEXT_STARTS[number + 1]]."""
