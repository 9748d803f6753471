# The service in a small image: see docs/deploy.md.
FROM python:3.13-slim AS build
WORKDIR /src
COPY . .
RUN python -m venv /opt/seeme && /opt/seeme/bin/pip install --no-cache-dir ".[server]"

FROM python:3.13-slim
RUN useradd --system --uid 10001 --create-home seeme && install -d -o seeme -g seeme -m 0700 /data
COPY --from=build /opt/seeme /opt/seeme
ENV PATH=/opt/seeme/bin:$PATH SEEME_HOST=0.0.0.0 SEEME_PORT=8765 SEEME_DATA=/data
USER seeme
WORKDIR /data
VOLUME /data
EXPOSE 8765
HEALTHCHECK --interval=30s --timeout=5s --start-period=5s \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:%s/readyz' % os.environ['SEEME_PORT'], timeout=4)"]
CMD ["seeme", "serve"]
