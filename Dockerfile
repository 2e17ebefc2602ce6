# The bot without ComfyUI: docs/operating.md says how it is run.
FROM python:3.13-slim-bookworm AS build
WORKDIR /src
COPY requirements.txt ./
RUN python -m venv /opt/limner \
    && /opt/limner/bin/pip install --no-cache-dir --require-hashes -r requirements.txt
COPY pyproject.toml README.md LICENSE ./
COPY bot bot
COPY comfy comfy
COPY db db
COPY generation generation
COPY sandbox sandbox
COPY workflows workflows
RUN /opt/limner/bin/pip install --no-cache-dir --no-deps .

FROM python:3.13-slim-bookworm
RUN useradd --uid 10001 --create-home limner && install -d -o limner -g limner /data
COPY --from=build /opt/limner /opt/limner
ENV PATH=/opt/limner/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    LIMNER_DATA=/data \
    LIMNER_HTTP=127.0.0.1:8080
USER limner
WORKDIR /home/limner
VOLUME /data
# Whether it lives, not whether Discord or a backend does: those come back without a restart.
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8080/healthz', timeout=3)"]
ENTRYPOINT ["limner"]
CMD ["run"]
