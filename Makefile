# `make run` opens the app, `make test` runs every check; each sets up what it needs in .venv first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: run test test-ray fuzz faults network lock check ultralytics wheel install install-dev clean

run: $(VENV)/.installed
	$(BIN)/python -m streamlit run streamlit_app.py

# A test process that dies ends the run: xdist would start another, and with groups of tests wait for it for ever.
test: $(VENV)/.installed-dev check
	$(BIN)/python -m pytest -n 2 --dist loadgroup --max-worker-restart 0

# Training on a Ray cluster, tried on a real local head; apart, because Ray is an extra of its own and takes minutes.
test-ray: $(VENV)/.installed-dev
	$(BIN)/python -m pip install --quiet -r requirements-ray.txt
	$(BIN)/python -m pytest tests/training/test_ray.py

# Damaged uploads by the thousand; a seed that does harm becomes a named case of tests/fuzz/test_fuzz.py.
fuzz: $(VENV)/.installed-dev
	$(BIN)/python -m tests.fuzz.trying $(or $(COUNT),20000) --first $(or $(FIRST),0)

# What goes wrong around Graft and what the user sees of it: every line of the table is tried. KIND=SIGSTOP: one kind.
faults: $(VENV)/.installed-dev
	$(BIN)/python -m tests.faults $(KIND)

# The whole road in a network namespace with nothing but loopback (Linux, root), under a hook in every process.
network: $(VENV)/.installed-dev
	unshare -n sh -c 'ip link set lo up && exec $(BIN)/python -m tests.road'

# Every package in one version, with its digests, for Linux and Windows; no address of a package index gets into it.
LOCK := --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url
lock: $(VENV)/.installed-dev
	$(BIN)/python -m pip install --quiet uv
	head -2 requirements.lock > requirements.lock.head
	$(BIN)/python -m uv pip compile --quiet requirements.txt $(LOCK) --output-file requirements.lock.new
	cat requirements.lock.head requirements.lock.new > requirements.lock
	rm requirements.lock.head requirements.lock.new

check: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The contract with Ultralytics, then the fast tests, against another version of it: make ultralytics VERSION=8.4.189
# An environment of its own holds that version alone and finds everything else in .venv, torch included (shared.pth).
OTHER := .venv-ultralytics-$(VERSION)
PACKAGES := import sysconfig; print(sysconfig.get_path("purelib"))
ultralytics: $(VENV)/.installed-dev
	@test -n "$(VERSION)" || (echo "Which version? make ultralytics VERSION=8.4.189" >&2; exit 1)
	$(BIN)/python -m venv --clear --without-pip $(OTHER)
	$(BIN)/python -m pip --python $(OTHER)/bin/python install --quiet --no-deps "ultralytics==$(VERSION)"
	$(BIN)/python -c '$(PACKAGES)' > "$$($(OTHER)/bin/python -c '$(PACKAGES)')/shared.pth"
	$(OTHER)/bin/python -c 'import ultralytics; assert ultralytics.__version__ == "$(VERSION)", ultralytics'
	$(OTHER)/bin/python -m pytest tests/test_ultralytics_contract.py
	$(OTHER)/bin/python -m pytest -n 2 --dist loadgroup -m "not slow and not e2e and not ray"

# What an earlier build left would get into the wheel.
wheel: $(VENV)/.installed-dev
	rm -rf build graft.egg-info dist
	$(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .
	rm -rf build graft.egg-info

install: $(VENV)/.installed
install-dev: $(VENV)/.installed-dev

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Graft needs Python 3.11 or newer")'
	$(PYTHON) -m venv $(VENV) || (echo "On Debian or Ubuntu: sudo apt-get install python3-venv" >&2; exit 1)

# Ultralytics asks for opencv-python, which needs a screen's libraries (libGL). The headless build is the same cv2
# without them: it is laid over it, in the same version.
define use_headless_opencv
$(BIN)/python -m pip install --quiet --no-deps --force-reinstall "opencv-python-headless==$$($(BIN)/python -c 'from importlib.metadata import version; print(version("opencv-python"))')"
endef

# TORCH_INDEX: where PyTorch comes from, if not from where pip looks by itself. On Linux that is a build with 5 GB of
# CUDA libraries; pytorch.org/get-started/locally names the address of the build for the processor alone.
TORCH := $(shell grep -E '^torch(vision)?>' requirements.txt)

$(VENV)/.installed: requirements.txt | $(VENV)/bin/python
	$(if $(TORCH_INDEX),$(BIN)/python -m pip install --quiet --index-url $(TORCH_INDEX) $(foreach wanted,$(TORCH),"$(wanted)"))
	$(BIN)/python -m pip install --quiet -r requirements.txt
	$(use_headless_opencv)
	touch $@

$(VENV)/.installed-dev: requirements-dev.txt $(VENV)/.installed
	$(BIN)/python -m pip install --quiet -r requirements-dev.txt
	$(use_headless_opencv)
	touch $@

clean:
	rm -rf $(VENV) .venv-ultralytics-* build dist graft.egg-info .pytest_cache .mypy_cache .ruff_cache
