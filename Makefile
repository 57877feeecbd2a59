# Two commands: `make demo` and `make test`. Each sets up its own virtual environment from nothing.
PYTHON ?= python3
SLICER_PYTHON ?= python3.12
PIP = -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
DEMO = .venv/demo
TEST = .venv/test
SLICER = .venv/slicer-python
OUTPUT ?= demo
# Hundreds of tests start the command: its bytecode is kept, whatever this machine is set to.
export PYTHONDONTWRITEBYTECODE =

.PHONY: demo check test test-system acceptance test-slicer-python test-slicer-source lint benchmark guide clean

demo: $(DEMO)/ready
ifdef CT
	$(DEMO)/bin/ctdoseseg analyze "$(CT)" --output "$(OUTPUT)/results"
else
	test -f "$(OUTPUT)/phantom/truth/segmentation.nii.gz" || $(DEMO)/bin/ctdoseseg phantom "$(OUTPUT)/phantom"
	$(DEMO)/bin/ctdoseseg analyze "$(OUTPUT)/phantom/dicom" --segmentation "$(OUTPUT)/phantom/truth/segmentation.nii.gz" --output "$(OUTPUT)/results"
endif

# While you work: the linter and the unit tests that take no time (2 minutes).
check: $(TEST)/ready
	$(TEST)/bin/ruff check .
	$(TEST)/bin/ruff format --check .
	$(TEST)/bin/python -m pytest -n 2 --dist worksteal -m "not slow and not system" Testing/Unit

test: $(TEST)/ready
	$(TEST)/bin/python -m pytest -n 2 --dist worksteal -m "not system"

# Processes that are killed, a Dask cluster, full disks.
test-system: $(TEST)/ready
	$(TEST)/bin/python -m pytest -n 2 --dist worksteal -m system

# Long runs whose results are committed: an archive of 200 phantoms, twenty kills, the UNet's quality.
acceptance: $(TEST)/ready
	$(TEST)/bin/python Testing/Benchmarks/acceptance_batch.py
	$(TEST)/bin/python Testing/Benchmarks/benchmark_unet_quality.py
	$(TEST)/bin/python Testing/System/kill_batch.py
	$(TEST)/bin/python Testing/MonteCarlo/acceptance_tg195.py
	$(TEST)/bin/python Testing/MonteCarlo/acceptance_edits.py
	$(TEST)/bin/python Testing/MonteCarlo/acceptance_engine.py

# Slicer's own Python, without torch: what a first Apply in Slicer has to work with.
test-slicer-python: $(SLICER)/ready
	$(SLICER)/bin/python -m pytest -n 2 --dist worksteal

# The module on Slicer's own base classes: SLICER_SOURCE names a checkout of Slicer.
test-slicer-source: $(TEST)/ready
	@test -d "$(SLICER_SOURCE)/Base/Python/slicer" || { echo "SLICER_SOURCE must name a checkout of Slicer"; exit 2; }
	SLICER_SOURCE="$(abspath $(SLICER_SOURCE))" $(TEST)/bin/python -m pytest -n 2 --dist worksteal Testing/Host Testing/Module

lint: $(TEST)/ready
	$(TEST)/bin/ruff check .
	$(TEST)/bin/ruff format --check .
	$(TEST)/bin/mypy

benchmark: $(TEST)/ready
	for script in Testing/Benchmarks/benchmark_*.py; do $(TEST)/bin/python $$script || exit 1; done

# The generated parts of the Guide's pages, from the code.
guide: $(TEST)/ready
	PYTHONPATH=CTDoseSeg:Testing/support $(TEST)/bin/python -m guide_reference

$(DEMO)/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv --clear $(DEMO)
	$(DEMO)/bin/python $(PIP) --editable .
	touch $@

$(TEST)/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv --clear $(TEST)
	$(TEST)/bin/python $(PIP) torch
	$(TEST)/bin/python $(PIP) --editable ".[dev]"
	touch $@

$(SLICER)/ready: pyproject.toml constraints.txt
	$(SLICER_PYTHON) -m venv --clear $(SLICER)
	$(SLICER)/bin/python $(PIP) --editable ".[mesh,host]" "numpy==2.4.6" "pydicom==3.0.2" pytest pytest-xdist hypothesis nibabel
	$(SLICER)/bin/python -m pip install --quiet --disable-pip-version-check highdicom==0.27.0
	touch $@

clean:
	rm -rf .venv demo
