# One image for every worker and for Flower; compose.yaml says which command each runs. What it contains under the GPL
# stands in NOTICE: read it before you hand an image on.

FROM python:3.12-slim-trixie AS packages
COPY requirements.lock /
RUN python -m venv /opt/chorus \
 && /opt/chorus/bin/python -m pip install --no-cache-dir --no-deps --only-binary :all: --require-hashes -r /requirements.lock
# What only tests and linters need stays out of the image.
RUN /opt/chorus/bin/python -m pip uninstall --yes \
      build hatchling hypothesis import-linter grimp lxml-stubs mypy pytest pytest-timeout ruff types-psutil types-pyyaml

FROM python:3.12-slim-trixie
COPY --from=packages /opt/chorus /opt/chorus
WORKDIR /app
COPY LICENSE NOTICE ./
COPY chorus ./chorus
COPY broker ./broker
COPY tasks ./tasks
COPY workers ./workers
ENV PATH=/opt/chorus/bin:$PATH \
    PYTHONPATH=/app \
    PYTHONUNBUFFERED=1 \
    PYTHONUTF8=1 \
    HOME=/data
# The containers' root is read-only, so bytecode is made now; the volume takes its owner from the folder beneath it.
RUN python -m compileall -q /app \
 && mkdir /data \
 && chown 10001:10001 /data
USER 10001:10001
CMD ["celery", "-A", "workers.voice", "worker", "--loglevel", "info", "--without-mingle", "--without-gossip"]
