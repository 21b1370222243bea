# Sail as a Spark Connect server, for deploy/spark.yaml: one program, no JVM. Its driver starts
# workers from the same image.
#
#   docker build -t registry.example.com/sail:0.7.2 -f deploy/spark.Dockerfile .
ARG BASE_IMAGE=python:3.13-slim-bookworm
FROM ${BASE_IMAGE}
WORKDIR /build
COPY requirements.lock ./
# Two lines of the lock file, with their hashes, and nothing that they depend on: Sail, and the
# client, by whose release Sail chooses the settings that it knows. So a Debian's own Python may be
# installed into, too.
RUN python3 -c "import re; t = open('requirements.lock').read(); print('\n'.join(re.search(r'^%s==(?:.*\\\\\n)+.*' % name, t, re.M)[0] for name in ('pysail', 'pyspark-client')))" > sail.lock \
    && PIP_BREAK_SYSTEM_PACKAGES=1 python3 -m pip install --quiet --no-cache-dir --no-deps --require-hashes -r sail.lock \
    && rm -rf /build/* /root/.cache
ENV HOME=/tmp PYTHONDONTWRITEBYTECODE=1 RUST_LOG=warn
# The owner of the lake's files: deploy/Dockerfile.
USER 10001:10001
EXPOSE 50051
# As process 1 Sail does not hear SIGTERM: it would be killed at the end of a pod's grace.
STOPSIGNAL SIGINT
ENTRYPOINT ["sail"]
CMD ["spark", "server", "--ip", "0.0.0.0", "--port", "50051"]
