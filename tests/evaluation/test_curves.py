"""The curves: fine where lines are drawn, and the page's mark on them where the headline's figures are."""

import numpy as np
import pytest

from core.evaluation.figures.curves import POINTS, thinned, threshold_curve
from pages._ui.evaluation.charts import froc
from pages._ui.evaluation.mistakes import sum_words


def test_a_thinned_curve_keeps_its_sure_findings_and_the_mark_stands_at_the_line() -> None:
    generator = np.random.default_rng(0)
    confidence = np.sort(np.append(generator.uniform(0.4, 0.9, 40), generator.uniform(0.001, 0.05, 9_000)))[::-1]
    hit = np.arange(len(confidence)) % 4 != 3
    hit[40:] = False
    table = thinned(threshold_curve(confidence, hit, 49, 32))
    assert len(table) <= POINTS
    assert (table["confidence"] >= 0.4).sum() == 40
    assert table.iloc[-1]["confidence"] == confidence[-1]
    line = float(confidence[20] + confidence[19]) / 2
    mark = froc(table, line).data[1]
    assert mark.y[0] == pytest.approx(100 * hit[:20].sum() / 49)
    assert mark.x[0] == pytest.approx((~hit[:20]).sum() / 32)


def test_the_kinds_of_mistakes_add_up_in_words() -> None:
    counts = {"missed": 16, "background": 1, "class": 3, "place": 4, "duplicate": 1, "both": 0, "hit": 32}
    words = sum_words(counts, 49, 15)
    assert words.startswith("The 9 false alarms are: 1 nothing there, 3 wrong class, 4 badly placed, 1 found twice.")
    assert "Of the 17 objects not found, 1 was" in words
    assert words.endswith("Of the 16 missed, 1 has a badly placed finding on it; 15 were missed outright.")
    assert sum_words({"missed": 2, "background": 1, "class": 0, "hit": 3}, 5, 2) == ""
    assert sum_words({"missed": 1, "hit": 3}, 4, 0) == "The missed object has a badly placed finding on it."
