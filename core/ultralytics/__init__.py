"""The one room for what Graft overrides in Ultralytics, or takes from it that its documentation does not promise.

Everything else uses its public doors only: `YOLO(...)` with `train`, `val`, `predict` and `export`. To move the pin,
run `make ultralytics VERSION=x` and follow “Moving the pin” in CONTRIBUTING.md.
"""
