# The last stage is the service; `--target emulator` is the emulator and the issuer of docker-compose.override.yml.

FROM node:24-bookworm-slim AS base
WORKDIR /app
ENV NODE_ENV=production

FROM base AS manifests
COPY package.json package-lock.json ./

# The image has the Node it needs, so no dependency's install script has anything to do here.
FROM manifests AS dependencies
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund

# `npm sbom --omit=dev` also leaves out what a development dependency uses too, express for one; so here is none.
FROM dependencies AS sbom
RUN npm pkg delete devDependencies && npm sbom --sbom-format=spdx --sbom-type=application >sbom.spdx.json

FROM manifests AS build
RUN npm ci --include=dev --ignore-scripts --no-audit --no-fund
COPY scripts ./scripts
COPY src ./src
RUN npm run build
COPY config ./config
COPY docs/openapi.json ./docs/
COPY docs/page/index.html docs/page/page.css docs/page/page.js ./docs/page/
# Whatever umask the checkout was made under, any user can read the files and nobody can write them.
COPY --from=sbom /app/sbom.spdx.json ./
RUN chmod -R a=rX package.json sbom.spdx.json dist config docs && install -d -o 1000 -g 1000 compile-cache
# As the service is started below, and by its user, or Node goes past what it finds. (scripts/try-container.ts looks.)
USER 1000:1000
RUN ["node", "scripts/fill-compile-cache.ts", "compile-cache", "--max-semi-space-size=8", "dist/main.js"]
USER 0:0
RUN chmod -R a=rX compile-cache

FROM base AS emulator
COPY --from=dependencies /app/node_modules ./node_modules
COPY package.json ./
COPY test/support ./test/support
USER 1000:1000
EXPOSE 9200 9300
STOPSIGNAL SIGTERM
ENTRYPOINT ["node"]
CMD ["test/support/magic-hour-emulator-main.ts"]

FROM base AS service
# What changes seldom comes first, so that a new version of the service is one small layer.
COPY --from=build /app/package.json /app/sbom.spdx.json ./
COPY --from=build /app/config ./config
COPY --from=build /app/docs ./docs
COPY --from=build /app/dist ./dist
COPY --from=build /app/compile-cache ./compile-cache

ENV NODE_COMPILE_CACHE=/app/compile-cache
# The C library would keep a heap for each of Node's threads, of which one does nearly all: 17 MiB more, for nothing.
ENV MALLOC_ARENA_MAX=1
# In a container 127.0.0.1 is out of the orchestrator's and Prometheus's reach; publish this port with care.
ENV OPS_HOST=0.0.0.0
USER 1000:1000
EXPOSE 8080 9464
STOPSIGNAL SIGTERM
# Alive, not ready: a restart mends a process that hangs, and doesn't mend a Redis or an issuer that is away.
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + (process.env.OPS_PORT || 9464) + '/livez').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
# No shell as process 1, so that node itself gets the signal.
ENTRYPOINT ["node", "--max-semi-space-size=8", "dist/main.js"]

# What only a release knows; empty where it wasn't said. CREATED as RFC 3339 has it, SOURCE the repository's address.
ARG VERSION=0.0.0-local
ARG REVISION=
ARG CREATED=
ARG SOURCE=
ARG VENDOR=
LABEL org.opencontainers.image.title="magic-hour-bff" \
      org.opencontainers.image.description="A backend for frontends: users look up Magic Hour projects without holding the company's API key" \
      org.opencontainers.image.licenses="LicenseRef-Proprietary" \
      org.opencontainers.image.base.name="docker.io/library/node:24-bookworm-slim" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}" \
      org.opencontainers.image.source="${SOURCE}" \
      org.opencontainers.image.url="${SOURCE}" \
      org.opencontainers.image.documentation="${SOURCE}" \
      org.opencontainers.image.vendor="${VENDOR}"
