# docker build -t ferrogate .
# docker run --rm -p 8080:8080 -v "$PWD/Caddyfile:/etc/ferrogate/Caddyfile:ro" ferrogate

FROM rust:1.95-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends cmake && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
ARG FERROGATE_COMMIT=unknown
RUN cargo build --release --locked -p ferrogate-cli

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin ferrogate \
    && install -d -o ferrogate -g ferrogate -m 0700 /var/lib/ferrogate
COPY --from=build /src/target/release/ferrogate /usr/local/bin/ferrogate
COPY deploy/docker/Caddyfile /etc/ferrogate/Caddyfile
USER ferrogate
WORKDIR /var/lib/ferrogate
ENV FERROGATE_CONFIG=/etc/ferrogate/Caddyfile \
    STATE_DIRECTORY=/var/lib/ferrogate
VOLUME /var/lib/ferrogate
EXPOSE 8080
STOPSIGNAL SIGTERM
# The image has no HTTP client; bash can speak enough of it.
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s CMD ["bash", "-c", \
    "exec 3<>/dev/tcp/127.0.0.1/8080 && printf 'GET /readyz HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n' >&3 && head -n 1 <&3 | grep -q ' 200 '"]
ENTRYPOINT ["ferrogate"]
CMD ["run"]
