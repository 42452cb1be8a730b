# One image with the four programs: vault-node, gateway, operator and the command line.
# Build: docker build -t vaultfarm .        What to run in it: docs/image.md
FROM node:24.21.0-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY bin bin
COPY src src
# The packaged Node is for machines without one; this image has it already.
RUN npm run build \
 && npm prune --omit=dev --ignore-scripts \
 && rm -rf node_modules/node-linux-* node_modules/.bin

FROM node:24.21.0-bookworm-slim
ENV NODE_ENV=production
# As src/runtime/memory-settings.ts has them, with their reasons.
ENV NODE_OPTIONS=--max-semi-space-size=2 \
    MALLOC_ARENA_MAX=2 \
    MALLOC_MMAP_THRESHOLD_=524288 \
    MALLOC_TRIM_THRESHOLD_=1048576
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY LICENSE ./
COPY bin/vaultfarm.js bin/run-program.js bin/
COPY deploy/samples deploy/samples
# The only folder that is written to; the root file system may be read-only.
RUN mkdir /data && chown 10001:10001 /data
USER 10001:10001
VOLUME /data
EXPOSE 4001 4002 4003/udp 9090 9091 8080
ENTRYPOINT ["node", "--disable-warning=ExperimentalWarning"]
CMD ["/app/bin/vaultfarm.js", "--help"]
