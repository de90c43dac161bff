import numpy as np

from core.evaluation.predict.explain import principal_map


def test_the_spot_that_stands_out_is_hot() -> None:
    random = np.random.default_rng(0)
    features = random.normal(0, 0.05, (16, 12, 20)).astype(np.float32)
    features[:, 3:6, 10:14] += random.uniform(1, 2, (16, 1, 1)).astype(np.float32)
    heat = principal_map(features)
    assert heat.shape == (12, 20)
    assert heat.min() == 0
    assert heat.max() == 1
    assert heat[3:6, 10:14].min() > 0.8
    assert np.median(heat) < 0.2


def test_features_that_say_nothing_give_no_heat() -> None:
    assert principal_map(np.ones((4, 3, 5), dtype=np.float32)).tolist() == np.zeros((3, 5)).tolist()
