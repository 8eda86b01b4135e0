# One image for server, media and worker; docker-compose.yml says which it becomes.
FROM node:22-bookworm-slim AS web
WORKDIR /src/web
COPY web/package.json web/package-lock.json web/.npmrc ./
RUN npm ci --no-audit --no-fund
COPY web/ ./
RUN npm run build

FROM python:3.12-slim-bookworm
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=/app
WORKDIR /app
COPY requirements/image.txt requirements/
RUN pip install --no-cache-dir --require-hashes -r requirements/image.txt
COPY config/ config/
COPY media/ media/
COPY server/ server/
COPY workers/ workers/
# Compiled once: the processes may write nothing here, and each would compile all of it at every start.
RUN python -m compileall -q config media server workers
COPY --from=web /src/web/dist web/dist
RUN useradd --create-home --uid 10001 dongting && install -d -o dongting /var/lib/dongting
USER dongting
VOLUME /var/lib/dongting
CMD ["python", "-m", "server"]
