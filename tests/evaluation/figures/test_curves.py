"""The curves: fine where lines are drawn, and the page's mark on them where the headline's figures are."""

import numpy as np
import pytest

from core.evaluation.figures.curves import POINTS, thinned, threshold_curve
from pages._ui.evaluation.charts import froc


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
