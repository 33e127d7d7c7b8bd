# One image for every service of docker-compose.yml and for Kubernetes; a service's command says what it is.
ARG PYTHON=python:3.11-slim-trixie@sha256:9c900dea9e8fb7e16277c179b555cc72d29a352dbc33cff48ad5a0412fd5bfc7

FROM ${PYTHON} AS build
WORKDIR /build
RUN python -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH
# What changes seldom comes first, so that a change of the code installs nothing anew.
COPY requirements-setup.lock requirements-scale.lock ./
RUN pip install --no-cache-dir --require-hashes --requirement requirements-setup.lock
RUN pip install --no-cache-dir --require-hashes --requirement requirements-scale.lock
COPY pyproject.toml README.md LICENSE ./
COPY market_assets market_assets
RUN pip install --no-cache-dir --no-deps --no-build-isolation .

FROM ${PYTHON}
# Everything that is written goes to the volume at /app/data or to /tmp.
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/tmp \
    DAGSTER_HOME=/app \
    MARKET_ASSETS_CODE_HOST=code \
    MARKET_ASSETS_CODE_PORT=4000
# pg_dump and pg_restore of the server's version, for `market-assets backup`.
RUN apt-get update && apt-get install --yes --no-install-recommends postgresql-client-17 && rm -rf /var/lib/apt/lists/*
RUN useradd --uid 10001 --no-create-home --home-dir /tmp app && install --directory --owner app --group app /app/data
COPY --from=build /opt/venv /opt/venv
WORKDIR /app
COPY dagster.yaml sources.yaml ./
COPY deploy/workspace.yaml workspace.yaml
# By number, so that Kubernetes can see that it is not root.
USER 10001:10001
CMD ["market-assets", "--help"]
