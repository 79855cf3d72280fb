# syntax=docker/dockerfile:1

FROM rust:1.95-slim-bookworm AS build
WORKDIR /build

# First everything that others have written. This layer is built again only when a manifest, a bench or an example changes: the sources of
# ours stand in as empty files. Benches and examples are here because the manifest names them; they are not compiled.
COPY Cargo.toml Cargo.lock build.rs ./
COPY crates/fakes/Cargo.toml crates/fakes/Cargo.toml
COPY benches benches
COPY examples examples
RUN mkdir -p src crates/fakes/src \
    && touch src/lib.rs crates/fakes/src/lib.rs \
    && echo 'fn main() {}' > src/main.rs \
    && cargo build --release --locked --bin livebell \
    && rm -r src

# Then ours. The copied files may be older than what the empty ones were built to, so they are touched: otherwise Cargo
# would take them for built already.
COPY migrations migrations
COPY src src
RUN find src -name '*.rs' -exec touch {} + \
    && cargo build --release --locked --bin livebell \
    && mkdir /data

# The C library and nothing else: no shell, no package manager. The trusted authorities are compiled in.
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /build/target/release/livebell /livebell
# A new volume takes its owner from this folder.
COPY --from=build --chown=65532:65532 /data /data

ENV DATABASE_PATH=/data/livebell.db \
    HTTP_BIND=0.0.0.0:8080
VOLUME /data
EXPOSE 8080
USER 65532:65532
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=90s --retries=3 CMD ["/livebell", "healthcheck"]
ENTRYPOINT ["/livebell"]
