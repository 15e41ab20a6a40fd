# One image for every worker and for Flower; compose.yaml sets the command of each. The image contains software under the
# GPL: read NOTICE before you distribute it.

FROM python:3.12-slim-trixie AS packages
COPY requirements.lock /
RUN python -m venv /opt/chorus \
 && /opt/chorus/bin/python -m pip install --no-cache-dir --no-deps --only-binary :all: --require-hashes -r /requirements.lock
# The lock file also lists packages that only tests and linters need: remove them from the image.
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
# The containers' root is read-only, so bytecode is compiled now. A new volume takes its owner from the folder /data.
RUN python -m compileall -q /app \
 && mkdir /data \
 && chown 10001:10001 /data
USER 10001:10001
CMD ["celery", "-A", "workers.voice", "worker", "--loglevel", "info", "--without-mingle", "--without-gossip"]
