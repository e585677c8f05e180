r"""MathML as TeX: pairs that say what each element becomes, what stays text, and that hostile formulas end."""

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dspipe.kernels.html.mathml import DEEPEST, LONGEST
from dspipe.kernels.html.page_scan import scan_page
from tests.kernels.html.scanned import block_texts

X, Y, TWO = "<mi>x</mi>", "<mi>y</mi>", "<mn>2</mn>"
ROW = f"<mrow>{X}<mo>+</mo>{Y}</mrow>"
NAMES = ("msup", "mfrac", "mroot", "mover", "munderover", "mtable", "mtr", "mtd", "mrow")
SUM, LIM = "<mo>&sum;</mo>", "<mi>lim</mi>"


@pytest.mark.parametrize(
    ("mathml", "tex"),
    [
        (f"<msup>{X}{TWO}</msup>", "x^{2}"),
        (f"<msub>{X}<mi>i</mi></msub>", "x_{i}"),
        (f"<msubsup>{X}<mi>i</mi>{TWO}</msubsup>", "x_{i}^{2}"),
        (f"<msup>{ROW}{TWO}</msup>", "{x+y}^{2}"),
        (f"<msup><mrow>{X}</mrow>{TWO}</msup>", "x^{2}"),
        (f"<msup>{X}<mo>&prime;</mo></msup>", "x'"),
        (f"<mfrac>{ROW}{TWO}</mfrac>", r"\frac{x+y}{2}"),
        (f"<mfrac linethickness='0'>{X}{Y}</mfrac>", r"{x \atop y}"),
        (f"<msqrt>{X}<mo>+</mo>{Y}</msqrt>", r"\sqrt{x+y}"),
        (f"<mroot>{X}<mn>3</mn></mroot>", r"\sqrt[3]{x}"),
        (f"<mover>{X}<mo>&macr;</mo></mover>", r"\bar{x}"),
        (f"<mover>{ROW}<mo>&macr;</mo></mover>", r"\overline{x+y}"),
        (f"<mover>{X}<mo>&rarr;</mo></mover>", r"\vec{x}"),
        (f"<mover><mover>{ROW}<mo>⏞</mo></mover><mi>n</mi></mover>", r"\overbrace{x+y}^{n}"),
        ("<mover><mo>=</mo><mtext>def</mtext></mover>", r"\overset{\text{def}}{=}"),
        (f"<munder>{LIM}<mrow>{X}<mo>&rarr;</mo><mn>0</mn></mrow></munder>{Y}", r"\lim_{x\to0}y"),
        (f"<munder>{X}<mo>_</mo></munder>", r"\underline{x}"),
        (f"<munderover>{SUM}<mi>i</mi><mi>n</mi></munderover>{X}", r"\sum_{i}^{n}x"),
        (f"<munderover>{X}<mi>i</mi><mi>n</mi></munderover>", r"\overset{n}{\underset{i}{x}}"),
        (f"<mfenced>{X}{Y}</mfenced>", "(x,y)"),
        (f"<mfenced open='[' close='' separators=''>{X}{Y}</mfenced>", "[xy"),
        (
            f"<mo>(</mo><mtable><mtr><mtd>{X}</mtd><mtd>{Y}</mtd></mtr> <mtr><mtd>{TWO}</mtd><mtd/></mtr></mtable>"
            "<mo>)</mo>",
            r"(\begin{matrix} x & y \\ 2 & \end{matrix})",
        ),
        ("<mi>&alpha;</mi><mi>b</mi><mo>&le;</mo><mn>3</mn>", r"\alpha b\le3"),
        ("<mi>sin</mi><mo>&#x2061;</mo><mi>x</mi><mi>Tr</mi>", r"\sin x\mathrm{Tr}"),
        ("<mi mathvariant=bold>v</mi><mi>ℝ</mi><mi>𝑥</mi><mi>𝐱</mi>", r"\mathbf{v}\mathbb{R}x\mathbf{x}"),
        ("<mn>5</mn><mo>%</mo><mtext>&nbsp;if 3 &lt; x_1</mtext>", r"5\%\text{ if 3 < x\_1}"),
        (f"<semantics>{X}<annotation-xml encoding=MathML-Content><ci>x</ci></annotation-xml></semantics>", "x"),
        (f"{X}<mphantom>{Y}</mphantom><!-- <mi> -->", "x"),
    ],
)
def test_elements(mathml: str, tex: str) -> None:
    assert block_texts(f"so <math>\n {mathml} </math> is") == [f"so ${tex}$ is"]


@pytest.mark.parametrize(
    ("mathml", "text"),
    [
        ("<mmultiscripts><mi>x</mi><mn>2</mn></mmultiscripts>", "x2"),  # no element that is known
        ("<msup><mi>x</mi></msup>", "x"),  # no exponent
        ("<mrow><mi>x</mi></mfrac>", "x"),
        ("<mi>x</mn>", "x"),
        ("<mtd><mi>x</mi></mtd>", "x"),
        ("<mtext>a <b>b</b></mtext>", "a b"),
        ("x", "x"),
        ("<mrow>" * DEEPEST + "<mi>x</mi>" + "</mrow>" * DEEPEST, "x"),
        ("<mspace/>" + " " * LONGEST + "<mi>x</mi>", "x"),
    ],
)
def test_what_cannot_be_written_stays_text(mathml: str, text: str) -> None:
    assert block_texts(f"so <math>{mathml}</math> is") == [f"so {text} is"]


PARTS = [
    *(f"<{name}>" for name in NAMES), *(f"</{name}>" for name in NAMES), X, Y, ROW, SUM, "<mi>", "</mi>", "<mi/>", "&",
    "<mo>&rarr;</mo>", "<mi>α</mi>", "<mfenced open=", "<math>", "</math>", "<mphantom>", "</mphantom>", "<!--", "é",
    f"<mfrac>{X}{Y}</mfrac>", "<mspace/>",
]  # fmt: skip


@given(st.lists(st.sampled_from(PARTS), max_size=30))
def test_any_formula_gives_text(parts: list[str]) -> None:
    for text in block_texts(f"<p>a <math>{''.join(parts)}</math> b"):
        assert "\0" not in text


HOSTILE = {
    "nested": "<math>" + "<msup>" * 60 + f"<mi>{'x' * 40_000}</mi>" + "<mi>y</mi></msup>" * 60 + "</math>",
    "begun": f"<math><msup>{X}" * 100_000,
    "within": "<math>" * 50_000 + X + "</math>" * 50_000,
    "long": "<math>" + X * 100_000 + "</math>",
    "attributes": "<math><mfrac " + "linethickness " * 4_000 + f">{X}{Y}</mfrac></math>",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_formulas_take_linear_time(name: str) -> None:
    page = np.frombuffer((HOSTILE[name] * max(1, 1_000_000 // len(HOSTILE[name]))).encode(), np.uint8)
    scan_page(page[:1000])
    start = time.process_time()
    scan_page(page)
    assert time.process_time() - start < 3  # the slowest takes 0.1 s
