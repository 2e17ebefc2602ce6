# The bot without ComfyUI: docs/operating.md says how it is run.
FROM python:3.13-slim-trixie AS build
WORKDIR /src
COPY requirements.txt ./
# The environment gets no pip of its own: 25 MB that nothing uses later.
RUN python -m venv --without-pip /opt/limner \
    && python -m pip --python /opt/limner/bin/python install --no-cache-dir --require-hashes -r requirements.txt
COPY pyproject.toml README.md LICENSE ./
COPY bot bot
COPY comfy comfy
COPY db db
COPY generation generation
COPY sandbox sandbox
COPY workflows workflows
RUN python -m pip --python /opt/limner/bin/python install --no-cache-dir --no-deps .

FROM python:3.13-slim-trixie
RUN useradd --uid 10001 --create-home limner && install -d -o limner -g limner /data
COPY --from=build /opt/limner /opt/limner
ENV PATH=/opt/limner/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    LIMNER_DATA=/data \
    LIMNER_HTTP=127.0.0.1:8080
USER limner
# What commands write without being told where to goes into the volume: the rest may be read-only.
WORKDIR /data
VOLUME /data
# Whether it lives, not whether Discord or a backend does: those come back without a restart.
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8080/healthz', timeout=3)"]
ENTRYPOINT ["limner"]
CMD ["run"]
