# Graft in a container. NOT BUILT: it was written where no container engine was at hand.
#
#   docker build -t graft .                                         for an NVIDIA GPU; run it with --gpus all
#   docker build -t graft --build-arg TORCH_INDEX=ADDRESS .         for the processor, a tenth of the size
#   docker run --rm --init -p 127.0.0.1:8501:8501 -v graft:/workspace --shm-size 2g -e GRAFT_PASSWORD="..." \
#       graft --address 0.0.0.0
#
# Inside a container 127.0.0.1 is the container alone, so the app is told to listen on all its addresses, and asks for
# the password given by GRAFT_PASSWORD; with
# `-p 127.0.0.1:...` only this machine reaches it. Without `--address` it stays out of reach, and
# `docker run --rm -v graft:/workspace graft runs` is the command line. `--shm-size` is for the loaders of a training,
# which hand pictures over in shared memory.

FROM python:3.12-slim AS build
WORKDIR /source
COPY pyproject.toml setup.py streamlit_app.py README.md LICENSE ./
COPY .streamlit .streamlit
COPY core core
COPY pages pages
COPY sample_data sample_data
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /dist .

FROM python:3.12-slim
ARG TORCH_INDEX=""
# The usual torch for Linux brings CUDA along and runs on a processor too. PyTorch's own package index has one for the
# processor alone; its address stands under “Get Started” on pytorch.org (Pip, Linux, CPU: what follows --index-url).
# Ultralytics asks for opencv-python, which needs a screen's libraries: the headless build is laid over it.
RUN --mount=type=bind,from=build,source=/dist,target=/dist \
    pip install --no-cache-dir ${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"} /dist/graft-*.whl \
    && pip install --no-cache-dir --no-deps --force-reinstall \
        "opencv-python-headless==$(python -c 'from importlib.metadata import version; print(version("opencv-python"))')"

# The folder belongs to the user before it becomes a volume: a new volume takes over its owner.
RUN useradd --create-home graft && install -d -o graft -g graft /workspace
ENV GRAFT_WORKSPACE=/workspace PYTHONUNBUFFERED=1
USER graft
WORKDIR /home/graft
VOLUME /workspace
EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8501/_stcore/health', timeout=4)"]
ENTRYPOINT ["graft"]
